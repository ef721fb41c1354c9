"""``keras.layers.Dot``."""

from collections.abc import Sequence
from typing import Any, Unpack

import torch
from torch import Tensor

from torch_keras_lstm.arguments import check_axes, check_integer
from torch_keras_lstm.clipping import at_least
from torch_keras_lstm.layers.layer import LayerArguments, Shape
from torch_keras_lstm.layers.multiple_inputs import MultipleInputLayer, agree
from torch_keras_lstm.layers.serialization import register

# Keras' `epsilon`: no norm counts as less.
EPSILON = 1e-7


@register("keras.layers")
class Dot(MultipleInputLayer):
    """Products of two tensors, summed over one axis of each, sample by sample. Masks end here, as in Keras.

    Args:
        axes: the axis of both, or a pair with one for each; never the batch axis.
        normalize: divide each by its norm along its axis first, which gives the cosine of the angle.
        **kwargs: the arguments of every layer; see :class:`Layer`.

    Raises:
        ValueError: when ``axes`` is neither, and when the inputs have other sizes along their axes.

    Example:
        >>> x, y = torch.randn(2, 3, 5), torch.randn(2, 4, 5)
        >>> Dot(axes=2)([x, y]).shape
        torch.Size([2, 3, 4])
        >>> Dot(axes=-1, normalize=True)([torch.tensor([[3.0, 4.0]]), torch.tensor([[1.0, 0.0]])])
        tensor([[0.6000]])
    """

    supports_masking = True

    input_counts = (2,)

    takes_one_type = True

    def __init__(self, axes: int | Sequence[int], normalize: bool = False, **kwargs: Unpack[LayerArguments]) -> None:
        super().__init__(**kwargs)
        if isinstance(axes, list | tuple):
            check_axes("axes", axes)
            if len(axes) != 2:
                raise ValueError(f"`axes` must be an integer or a pair of them, got {axes!r}.")
        else:
            check_integer("axes", axes)
        self.axes = axes
        self.normalize = normalize

    def axes_of(self, shapes: Sequence[Shape]) -> tuple[int, int]:
        """The summed axis of each input, counted from the batch axis at 0."""
        first, second = (self.axes, self.axes) if isinstance(self.axes, int) else self.axes
        return first % len(shapes[0]), second % len(shapes[1])

    def check_input_shapes(self, shapes: Sequence[Shape]) -> None:
        """Raise a ``ValueError`` unless there are axes of equal size behind the batch axis."""
        described = " and ".join(map(str, shapes))
        if any(len(shape) < 2 for shape in shapes):
            raise ValueError(f"Layer `{self.name}` takes inputs of at least 2 axes, got shapes {described}.")
        sizes = [shape[axis] for shape, axis in zip(shapes, self.axes_of(shapes), strict=True)]
        if 0 in self.axes_of(shapes) or not agree(sizes):
            raise ValueError(
                f"Layer `{self.name}` sums over axes {self.axes}, which must be of equal size and not the batch axis, "
                f"got shapes {described}."
            )

    def forward(self, inputs: Sequence[Any]) -> Tensor:
        """The products, (batch, axes left of the first, those of the second), with a 1 where none is left."""
        tensors = self.prepare_all(inputs)
        axes = self.axes_of([tensor.shape for tensor in tensors])
        if self.normalize:
            tensors = [_normalized(tensor, axis) for tensor, axis in zip(tensors, axes, strict=True)]
        return self.finish(batch_dot(tensors[0], tensors[1], axes))

    def compute_mask(self, inputs: Any, mask: Any = None) -> None:
        """None, as in Keras."""
        return

    def compute_output_shape(self, input_shape: Any) -> Shape:
        """(batch, axes left of the first input, those of the second), with a 1 where none is left."""
        (batch, *first), (_, *second) = input_shape
        axes = self.axes_of(input_shape)
        del first[axes[0] - 1], second[axes[1] - 1]
        return (batch, *(first + second or [1]))

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments under Keras 3's names."""
        axes = self.axes if isinstance(self.axes, int) else list(self.axes)
        return {**super().get_config(), "axes": axes, "normalize": self.normalize}

    def extra_repr(self) -> str:
        """The axes and the name."""
        return f"axes={self.axes}, {super().extra_repr()}" + (", normalize=True" if self.normalize else "")


def batch_dot(first: Tensor, second: Tensor, axes: tuple[int, int]) -> Tensor:
    """The sum over the given axes, neither of them 0, sample by sample; (batch, 1) where no other axis is left."""
    of_first = list(range(first.dim()))
    of_second = [0, *range(first.dim(), first.dim() + second.dim() - 1)]
    of_second[axes[1]] = of_first[axes[0]]
    left = [axis for axis in (*of_first, *of_second[1:]) if axis != of_first[axes[0]]]
    product: Tensor = torch.einsum(first, of_first, second, of_second, left)
    return product if product.dim() > 1 else product.unsqueeze(-1)


def _normalized(tensor: Tensor, axis: int) -> Tensor:
    squares = torch.sum(torch.square(tensor), axis, keepdim=True)
    return tensor * torch.rsqrt(at_least(squares, EPSILON**2))
