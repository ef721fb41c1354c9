"""``Merge`` of Keras 1, which Keras 2 replaced by a layer for each mode."""

from collections.abc import Sequence
from typing import Any, Unpack

import torch
from torch import Tensor

from torch_keras_lstm.arguments import check_choice
from torch_keras_lstm.clipping import at_least
from torch_keras_lstm.layers.concatenation import Concatenate
from torch_keras_lstm.layers.dot_product import Dot, batch_dot
from torch_keras_lstm.layers.elementwise import Add, Average, Maximum, Multiply
from torch_keras_lstm.layers.layer import LayerArguments, Shape
from torch_keras_lstm.layers.multiple_inputs import Masks, MultipleInputLayer
from torch_keras_lstm.layers.serialization import register

_MODES = ("sum", "mul", "ave", "max", "concat", "dot", "cos")
_ELEMENTWISE = {"sum": Add, "mul": Multiply, "ave": Average, "max": Maximum}
# Keras 1's `epsilon`, which bounds the product of norms from below.
_EPSILON = 1e-7


@register("keras.layers")
class Merge(MultipleInputLayer):
    """Several tensors into one, in one of Keras 1's modes.

    Args:
        mode: "sum", "mul", "ave", "max", "concat"; "dot" of two; or "cos", their products divided by the root of the
            product of each one's product with itself, with an axis of size 1 behind the batch axis. A step of the
            output counts when it does in every input that has a mask; "dot" and "cos" have none.
        concat_axis: the axis of "concat".
        dot_axes: the axis, or one for each, that "dot" and "cos" sum over.
        **kwargs: the arguments of every layer; see :class:`Layer`.

    Raises:
        ValueError: when ``mode`` is none of these, such as a function of Keras 1's user; when shapes do not fit.

    Example:
        >>> x, y = torch.tensor([[1.0, 5.0]]), torch.tensor([[4.0, 2.0]])
        >>> Merge(mode="concat")([x, y]), Merge(mode="dot")([x, y])
        (tensor([[1., 5., 4., 2.]]), tensor([[14.]]))
    """

    supports_masking = True

    def __init__(
        self,
        mode: str = "sum",
        concat_axis: int = -1,
        dot_axes: int | Sequence[int] = -1,
        **kwargs: Unpack[LayerArguments],
    ) -> None:
        super().__init__(**kwargs)
        check_choice("mode", mode, _MODES)
        self.mode = mode
        self.concat_axis = concat_axis
        self.dot_axes = dot_axes
        self.merging = self._merging_layer()

    def _merging_layer(self) -> Any:
        if self.mode in _ELEMENTWISE:
            return _ELEMENTWISE[self.mode](combine_masks="all", name=self.name, dtype=self._dtype)
        if self.mode == "concat":
            return Concatenate(self.concat_axis, combine_masks="all", name=self.name, dtype=self._dtype)
        return Dot(self.dot_axes, name=self.name, dtype=self._dtype)

    def check_input_shapes(self, shapes: Sequence[Shape]) -> None:
        """Raise a ``ValueError`` unless the layer of this mode takes such shapes."""
        self.merging.check_input_shape(shapes)

    def forward(self, inputs: Sequence[Any]) -> Tensor:
        """The inputs merged."""
        tensors = self.prepare_all(inputs)
        if self.mode != "cos":
            return self.finish(self.merging(tensors))
        axes = self.merging.axes_of([tensor.shape for tensor in tensors])
        own = [batch_dot(tensor, tensor, (axis, axis)) for tensor, axis in zip(tensors, axes, strict=True)]
        norms = at_least(torch.sqrt(own[0] * own[1]), _EPSILON)
        return self.finish((batch_dot(tensors[0], tensors[1], axes) / norms).unsqueeze(1))

    def compute_mask(self, inputs: Sequence[Any], mask: Masks = None) -> Any:
        """The masks combined."""
        return self.merging.compute_mask(inputs, mask)

    def compute_output_shape(self, input_shape: Any) -> Shape:
        """As in Keras 2's layer of the mode, and for "cos" with the axis of size 1."""
        batch, *rest = self.merging.compute_output_shape(input_shape)
        return (batch, 1, *rest) if self.mode == "cos" else (batch, *rest)

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments."""
        axes = self.dot_axes if isinstance(self.dot_axes, int) else list(self.dot_axes)
        return {**super().get_config(), "mode": self.mode, "concat_axis": self.concat_axis, "dot_axes": axes}

    def extra_repr(self) -> str:
        """The mode and the name."""
        return f"mode={self.mode!r}, {super().extra_repr()}"
