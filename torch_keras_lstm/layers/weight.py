"""One weight of a layer: Keras' name and layout on one side, the torch parameter that holds it on the other."""

import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor
from torch.nn.parameter import UninitializedParameter

from torch_keras_lstm.layers import dtypes

Initializer = Callable[..., Tensor]
Regularizer = Callable[[Tensor], Tensor]
Constraint = Callable[[Tensor], Tensor]

# Whether the weights of the layers that are made come from a file, so that no initial value counts.
_GIVEN: ContextVar[bool] = ContextVar("given", default=False)


@contextmanager
def weights_are_given() -> Iterator[None]:
    """Inside, layers begin with zeros, which take neither time nor memory until the weights replace them."""
    token = _GIVEN.set(True)
    try:
        yield
    finally:
        _GIVEN.reset(token)


def are_weights_given() -> bool:
    """Whether :func:`weights_are_given` is around."""
    return _GIVEN.get()


def unknown(shape: Sequence[int], **_: Any) -> Tensor:
    """The initializer of a variable that was made of values."""
    raise ValueError(f"Nothing is known that draws the {tuple(shape)} values of this variable.")


class UnbuiltParameter(UninitializedParameter):
    """A parameter whose shape is not known yet, as in torch's lazy modules, that no optimizer accepts.

    torch's own optimizers take an ``UninitializedParameter`` without a word. They ask every tensor whether it is a leaf
    before they accept it, so the refusal stands there. Once the layer is built this is an ordinary ``Parameter``.
    """

    def __new__(cls, like: Any = True, device: Any = None, dtype: Any = None, **given: Any) -> Self:
        """As of torch's class; or, as any other kind of parameter is made, of a tensor and ``requires_grad=``.

        The latter is what ``accelerate.init_empty_weights`` does, which puts every parameter on the meta device.
        """
        if isinstance(like, Tensor):
            like, device, dtype = given.get("requires_grad", True), like.device, like.dtype
        made: Self = super().__new__(cls, like, device, dtype)
        return made

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
        parameters: the attribute of the layer that holds it, such as ``weight_hh_l0``; several if each holds a slice of
            Keras' first axis.
        axes: the order of Keras' axes in the torch tensor; ``(1, 0)`` for a kernel (in, out) kept as (out, in),
            ``None`` for the same order whatever their number.
        initializer: called with Keras' shape, ``dtype`` and ``device``.
        regularizer: called with the tensor in Keras' layout; its value enters ``layer.losses``.
        constraint: called with the tensor in Keras' layout by ``layer.apply_constraints()``.
        trainable: whether it is a parameter; otherwise a buffer, such as a moving average.
        dtype: of a buffer that counts; ``None`` for the layer's.
        blocks: the order in which torch has the blocks that lie side by side along Keras' last axis, such as a GRU's
            gates; empty where Keras' order is torch's.
        is_own: whether ``add_weight`` made it, or a variable was set as an attribute; no shape is then to be told.
    """

    name: str
    parameters: tuple[str, ...]
    axes: tuple[int, ...] | None
    initializer: Initializer
    regularizer: Regularizer | None = None
    constraint: Constraint | None = None
    trainable: bool = True
    dtype: torch.dtype | None = None
    blocks: tuple[int, ...] = ()
    is_own: bool = False

    @property
    def parameter(self) -> str:
        """The first of ``parameters``, for most rows the only one."""
        return self.parameters[0]

    def to_torch(self, array: Tensor) -> dict[str, Tensor]:
        """What each parameter holds of an array in Keras' layout; views where the order of blocks is torch's."""
        axes = range(array.ndim) if self.axes is None else self.axes
        tensor = _reordered(array, self.blocks).permute(tuple(axes))
        parts = tensor.unbind(0) if len(self.parameters) > 1 else (tensor,)
        return dict(zip(self.parameters, parts, strict=True))

    def to_keras(self, *tensors: Tensor) -> Tensor:
        """The contents of the parameters in Keras' layout; a view where :meth:`to_torch` gives one."""
        tensor = torch.stack(tensors) if len(tensors) > 1 else tensors[0]
        if self.axes is not None:
            tensor = tensor.permute(tuple(self.axes.index(axis) for axis in range(len(self.axes))))
        return _reordered(tensor, tuple(self.blocks.index(block) for block in range(len(self.blocks))))

    @property
    def is_as_in_keras(self) -> bool:
        """Whether the one parameter has Keras' name and layout."""
        in_order = self.axes is None or self.axes == tuple(range(len(self.axes)))
        return self.parameters == (self.name,) and in_order and not self.blocks

    def torch_shape(self, keras_shape: Sequence[int]) -> tuple[int, ...]:
        """The shape of each parameter for a weight of Keras' shape."""
        shape = tuple(keras_shape if self.axes is None else (keras_shape[axis] for axis in self.axes))
        return shape[1:] if len(self.parameters) > 1 else shape


def _reordered(array: Tensor, order: Sequence[int]) -> Tensor:
    """The blocks along the last axis in another order."""
    if not order:
        return array
    blocks = array.chunk(len(order), dim=-1)
    return torch.cat([blocks[block] for block in order], dim=-1)


def as_keras_array(array: Any, row: WeightRow, shape: Sequence[int], layer_name: str) -> Tensor:
    """An array given by a user as a tensor, once its shape is what the weight ``row`` of the layer needs.

    Raises:
        ValueError: naming the layer, the weight and both shapes.
    """
    if getattr(getattr(array, "dtype", None), "name", "") == "bfloat16":  # NumPy's, which torch does not know
        array = array.astype("float32")
    tensor = torch.as_tensor(array)
    if tuple(tensor.shape) != tuple(shape):
        raise ValueError(
            f"Weight `{row.name}` of layer `{layer_name}` has shape {tuple(shape)}, "
            f"but an array of shape {tuple(tensor.shape)} was given."
        )
    return tensor


def draw(
    initializer: Initializer, shape: tuple[int, ...], dtype: torch.dtype, device: torch.device | str | None = None
) -> Tensor:
    """The first values of a weight of that shape, type and place.

    An initializer that takes no ``device`` is written as Keras' are: it is told the type by name, and what it draws is
    moved to the place.
    """
    taken = _parameters(initializer)
    if "device" in taken:
        return initializer(shape, dtype=dtype, device=device)
    named = {"dtype": dtypes.name(dtype)} if taken & {"dtype", "kwargs"} else {}
    return torch.as_tensor(initializer(shape, **named), dtype=dtype, device=device).detach()


def _parameters(function: Any) -> set[str]:
    """The names of a function's parameters, "kwargs" for any keyword."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # a function in C tells nothing of its arguments
        return {"dtype"}
    return {"kwargs" if one.kind is one.VAR_KEYWORD else one.name for one in parameters}
