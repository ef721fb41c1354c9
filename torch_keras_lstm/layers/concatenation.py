"""``keras.layers.Concatenate``."""

from collections.abc import Sequence
from typing import Any, Unpack

import torch
from torch import Tensor

from torch_keras_lstm.arguments import check_integer
from torch_keras_lstm.layers.keras_tensor import KerasTensor
from torch_keras_lstm.layers.layer import LayerArguments, Shape
from torch_keras_lstm.layers.multiple_inputs import CombineMasks, Masks, MergingLayer, agree, mask_over
from torch_keras_lstm.layers.serialization import register


@register("keras.layers")
class Concatenate(MergingLayer):
    """Its inputs side by side along one axis.

    Args:
        axis: the axis, batch axis counted as 0, or from the end.
        combine_masks: "any", the rule of Keras 3, counts a step of the output when it counts in any input; "all", that
            of older Kerases, when it does in every input that has a mask. Along the axis of time the masks are joined
            like the inputs.
        **kwargs: the arguments of every layer; see :class:`Layer`.

    Raises:
        ValueError: when ``axis`` is no integer or the inputs differ in another axis.

    Example:
        >>> Concatenate()([torch.randn(2, 5, 3), torch.randn(2, 5, 4)]).shape
        torch.Size([2, 5, 7])
    """

    def __init__(
        self, axis: int = -1, *, combine_masks: CombineMasks = "any", **kwargs: Unpack[LayerArguments]
    ) -> None:
        super().__init__(combine_masks=combine_masks, **kwargs)
        check_integer("axis", axis)
        self.axis = axis

    def check_input_shapes(self, shapes: Sequence[Shape]) -> None:
        """Raise a ``ValueError`` unless the shapes agree but for the axis."""
        rank = len(shapes[0])
        if not -rank <= self.axis < rank:
            raise ValueError(f"Layer `{self.name}` joins axis {self.axis}, which inputs of shape {shapes[0]} have not.")
        others = [shape[: self.axis % rank] + shape[self.axis % rank + 1 :] for shape in shapes]
        same_rank = agree([len(shape) for shape in shapes])
        if not same_rank or not all(map(agree, zip(*others, strict=True))):
            raise ValueError(
                f"Layer `{self.name}` takes inputs of one shape but for axis {self.axis}, "
                f"got {', '.join(map(str, shapes))}."
            )

    def forward(self, inputs: Sequence[Any]) -> Tensor:
        """The inputs joined."""
        return self.finish(torch.cat(self.prepare_all(inputs), self.axis))

    def compute_mask(self, inputs: Sequence[Any], mask: Masks = None) -> Any:
        """The masks, spread over their inputs and joined like them, reduced over the last axis; none if none exists."""
        masks = self.masks_of(inputs, mask)
        if all(item is None for item in masks):
            return None
        spread = [self._spread(tensor, item) for tensor, item in zip(inputs, masks, strict=True)]
        joined = torch.cat(spread, self.axis)
        return joined.any(-1) if self.combine_masks == "any" else joined.all(-1)

    def _spread(self, inputs: Any, mask: Tensor | None) -> Tensor:
        """A mask, or none, with all axes of its input; that may be symbolic where the mask has as many."""
        if mask is not None and isinstance(inputs, KerasTensor) and mask.ndim == inputs.ndim:
            return mask
        tensor = self.as_input(inputs)
        return (
            torch.ones_like(tensor, dtype=torch.bool) if mask is None else mask_over(mask, tensor).expand(tensor.shape)
        )

    def compute_output_shape(self, input_shape: Any) -> Shape:
        """The common shape with the sizes along the axis added, ``None`` where one is free."""
        shape = list(input_shape[0])
        sizes = [item[self.axis] for item in input_shape]
        shape[self.axis] = None if None in sizes else sum(sizes)
        return tuple(shape)

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments under Keras 3's names."""
        return {**super().get_config(), "axis": self.axis}

    def extra_repr(self) -> str:
        """The axis and the name."""
        return f"axis={self.axis}, {super().extra_repr()}"
