"""One weight of a layer: Keras' name and layout on one side, the torch parameter that holds it on the other."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor
from torch.nn.parameter import UninitializedParameter

Initializer = Callable[..., Tensor]
Regularizer = Callable[[Tensor], Tensor]
Constraint = Callable[[Tensor], Tensor]


class UnbuiltParameter(UninitializedParameter):
    """A parameter whose shape is not known yet, as in torch's lazy modules, that no optimizer accepts.

    torch's own optimizers take an ``UninitializedParameter`` without a word. They ask every tensor whether it is a leaf
    before they accept it, so the refusal stands there. Once the layer is built this is an ordinary ``Parameter``.
    """

    @property
    def is_leaf(self) -> bool:  # type: ignore[override]
        """Refuse: nothing but an optimizer asks, and it must not go on."""
        raise ValueError(
            "This parameter belongs to a layer that is not built yet, so it has no shape and cannot be optimized. "
            "Call the layer or model once, or `build(input_shape)`, or pass `input_size=`/`input_shape=`, "
            "before making the optimizer."
        )

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Freeze or thaw: torch forbids this method, but not the attribute, before there is a shape."""
        self.requires_grad = requires_grad
        return self

    def __reduce_ex__(self, protocol: object) -> tuple[Any, ...]:
        # torch's own forgets the dtype and the device, and a copy would then be built in another precision.
        return type(self), (self.requires_grad, self.data.device, self.data.dtype)


@dataclass(frozen=True)
class WeightRow:
    """One row of a layer's weight table, in the order of Keras' ``get_weights``.

    Attributes:
        name: Keras' name, such as ``recurrent_kernel``.
        parameter: the attribute of the layer that holds it, such as ``weight_hh_l0``.
        axes: the order of Keras' axes in the torch tensor; ``(1, 0)`` for a kernel (in, out) kept as (out, in).
        initializer: called with Keras' shape, ``dtype`` and ``device``.
        regularizer: called with the tensor in Keras' layout; its value enters ``layer.losses``.
        constraint: called with the tensor in Keras' layout by ``layer.apply_constraints()``.
        trainable: whether it is a parameter; otherwise a buffer, such as a moving average.
        dtype: of a buffer that counts; ``None`` for the layer's.
    """

    name: str
    parameter: str
    axes: tuple[int, ...]
    initializer: Initializer
    regularizer: Regularizer | None = None
    constraint: Constraint | None = None
    trainable: bool = True
    dtype: torch.dtype | None = None

    def to_torch(self, array: Tensor) -> Tensor:
        """From Keras' layout to torch's; a view."""
        return array.permute(self.axes)

    def to_keras(self, tensor: Tensor) -> Tensor:
        """From torch's layout to Keras'; a view."""
        return tensor.permute(tuple(self.axes.index(axis) for axis in range(len(self.axes))))

    def torch_shape(self, keras_shape: Sequence[int]) -> tuple[int, ...]:
        """The parameter's shape for a weight of Keras' shape."""
        return tuple(keras_shape[axis] for axis in self.axes)


def as_keras_array(array: Any, row: WeightRow, shape: Sequence[int], layer_name: str) -> Tensor:
    """An array given by a user as a tensor, once its shape is what the weight ``row`` of the layer needs.

    Raises:
        ValueError: naming the layer, the weight and both shapes.
    """
    tensor = torch.as_tensor(array)
    if tuple(tensor.shape) != tuple(shape):
        raise ValueError(
            f"Weight `{row.name}` of layer `{layer_name}` has shape {tuple(shape)}, "
            f"but an array of shape {tuple(tensor.shape)} was given."
        )
    return tensor
