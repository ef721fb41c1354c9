"""``keras.layers.Add``, ``Subtract``, ``Multiply``, ``Average``, ``Maximum`` and ``Minimum``."""

from collections.abc import Sequence
from functools import reduce
from typing import Any

import torch
from torch import Tensor

from torch_keras_lstm.docstrings import described_as
from torch_keras_lstm.layers.layer import Shape
from torch_keras_lstm.layers.multiple_inputs import Masks, MergingLayer, agree, mask_over
from torch_keras_lstm.layers.serialization import register


class ElementwiseMerge(MergingLayer):
    """Merges tensors entry by entry. Shapes broadcast; tensors of lower rank get axes of size 1 behind the batch axis.

    Args:
        combine_masks: "any", the rule of Keras 3, counts a step of the output when it counts in any input; "all", that
            of older Kerases, when it does in every input that has a mask, and masks leave the values alone.
        **kwargs: the arguments of every layer; see :class:`Layer`.

    Raises:
        ValueError: when the shapes of the inputs do not broadcast.
    """

    def check_input_shapes(self, shapes: Sequence[Shape]) -> None:
        """Raise a ``ValueError`` unless the shapes broadcast."""
        self.compute_output_shape(shapes)

    def forward(self, inputs: Sequence[Any], mask: Masks = None) -> Tensor:
        """Merge the inputs.

        Args:
            inputs: tensors (batch, ...) whose shapes broadcast.
            mask: a mask (batch, time) or ``None`` for each input.
        """
        tensors = self.prepare_all(inputs)
        rank = max(tensor.dim() for tensor in tensors)
        masks = self.masks_of(inputs, mask) if self.combine_masks == "any" else [None] * len(tensors)
        # As in Keras, a tensor that gets axes leaves its mask behind.
        masks = [item if tensor.dim() == rank else None for tensor, item in zip(tensors, masks, strict=True)]
        tensors = [_with_rank(tensor, rank) for tensor in tensors]
        wide = [None if item is None else mask_over(item, tensor) for tensor, item in zip(tensors, masks, strict=True)]
        return self.finish(self.merge(tensors, wide))

    def merge(self, inputs: Sequence[Tensor], masks: Sequence[Tensor | None]) -> Tensor:
        """The output for tensors of one rank, and masks that broadcast over them."""
        raise NotImplementedError

    def compute_mask(self, inputs: Sequence[Any], mask: Masks = None) -> Any:
        """The masks combined: with "any" if every input has one, with "all" those that exist."""
        masks = [item for item in self.masks_of(inputs, mask) if item is not None]
        if not masks or (self.combine_masks == "any" and len(masks) < len(inputs)):
            return None
        return reduce(torch.logical_or if self.combine_masks == "any" else torch.logical_and, masks)

    def compute_output_shape(self, input_shape: Any) -> Shape:
        """The broadcast shape, ``None`` where a size is free."""
        rank = max(len(shape) for shape in input_shape)
        padded = [(*shape[:1], *(1,) * (rank - len(shape)), *shape[1:]) for shape in input_shape]
        return tuple(self._broadcast(sizes, input_shape) for sizes in zip(*padded, strict=True))

    def _broadcast(self, sizes: Sequence[int | None], shapes: Sequence[Shape]) -> int | None:
        wide = [size for size in sizes if size is not None and size != 1]
        if not agree(wide):
            listed = ", ".join(str(tuple(shape)) for shape in shapes)
            raise ValueError(f"Layer `{self.name}` takes inputs whose shapes broadcast, got {listed}.")
        return None if None in sizes else (*wide, 1)[0]


@register("keras.layers")
@described_as(ElementwiseMerge)
class Add(ElementwiseMerge):
    """The sum of its inputs.

    Example:
        >>> Add()([torch.ones(2, 3), torch.ones(2, 1), torch.ones(2, 3)])
        tensor([[3., 3., 3.],
                [3., 3., 3.]])
    """

    def merge(self, inputs: Sequence[Tensor], masks: Sequence[Tensor | None]) -> Tensor:
        """The sum, in order."""
        return reduce(torch.add, inputs)


@register("keras.layers")
@described_as(ElementwiseMerge)
class Subtract(ElementwiseMerge):
    """The first of its two inputs minus the second.

    Example:
        >>> x, y = torch.tensor([[1.0, 5.0]]), torch.tensor([[4.0, 2.0]])
        >>> Subtract()([x, y])
        tensor([[-3.,  3.]])
    """

    input_counts = (2,)

    def merge(self, inputs: Sequence[Tensor], masks: Sequence[Tensor | None]) -> Tensor:
        """The difference."""
        return inputs[0] - inputs[1]


@register("keras.layers")
@described_as(ElementwiseMerge)
class Average(ElementwiseMerge):
    """The mean of its inputs.

    Example:
        >>> x, y = torch.tensor([[1.0, 5.0]]), torch.tensor([[4.0, 2.0]])
        >>> Average()([x, y])
        tensor([[2.5000, 3.5000]])
    """

    def merge(self, inputs: Sequence[Tensor], masks: Sequence[Tensor | None]) -> Tensor:
        """The mean of the entries at one place."""
        return reduce(torch.add, inputs) / len(inputs)


@register("keras.layers")
@described_as(ElementwiseMerge)
class Multiply(ElementwiseMerge):
    """The product of its inputs, in which masked steps count as 1, as in Keras 3; 0 where every input is masked.

    Example:
        >>> x, y = torch.tensor([[1.0, 5.0]]), torch.tensor([[4.0, 2.0]])
        >>> Multiply()([x, y])
        tensor([[ 4., 10.]])
    """

    def merge(self, inputs: Sequence[Tensor], masks: Sequence[Tensor | None]) -> Tensor:
        """The product of the factors that are not masked."""
        factors = [x if mask is None else torch.where(mask, x, 1) for x, mask in zip(inputs, masks, strict=True)]
        product = reduce(torch.mul, factors)
        known = [mask for mask in masks if mask is not None]
        if len(known) < len(masks):
            return product
        return torch.where(reduce(torch.logical_or, known), product, 0)


class _Extremum(ElementwiseMerge):
    """Keeps one of two entries at a time, and never a masked one beside one that counts."""

    def better(self, first: Tensor, second: Tensor) -> Tensor:
        """Whether ``first`` is kept; it is where both are equal, and so has all of the gradient, as in TensorFlow."""
        raise NotImplementedError

    def merge(self, inputs: Sequence[Tensor], masks: Sequence[Tensor | None]) -> Tensor:
        """The kept entries, in the order of the inputs, as Keras 3 goes through them."""
        kept, kept_mask = inputs[0], masks[0]
        for x, mask in zip(inputs[1:], masks[1:], strict=True):
            if mask is not None:
                x = torch.where(mask, x, kept)
            if kept_mask is not None:
                kept = torch.where(kept_mask, kept, x)
            kept_mask = None if mask is None or kept_mask is None else kept_mask | mask
            kept = torch.where(self.better(kept, x) | torch.isnan(kept), kept, x)
        return kept


@register("keras.layers")
@described_as(ElementwiseMerge)
class Maximum(_Extremum):
    """The largest of its inputs at each place; with masks of all inputs, of those that count there.

    Example:
        >>> x, y = torch.tensor([[1.0, 5.0]]), torch.tensor([[4.0, 2.0]])
        >>> Maximum()([x, y])
        tensor([[4., 5.]])
    """

    def better(self, first: Tensor, second: Tensor) -> Tensor:
        """Whether ``first`` is at least ``second``."""
        return first >= second


@register("keras.layers")
@described_as(ElementwiseMerge)
class Minimum(_Extremum):
    """The smallest of its inputs at each place; with masks of all inputs, of those that count there.

    Example:
        >>> x, y = torch.tensor([[1.0, 5.0]]), torch.tensor([[4.0, 2.0]])
        >>> Minimum()([x, y])
        tensor([[1., 2.]])
    """

    def better(self, first: Tensor, second: Tensor) -> Tensor:
        """Whether ``first`` is at most ``second``."""
        return first <= second


def _with_rank(tensor: Tensor, rank: int) -> Tensor:
    return tensor.reshape(*tensor.shape[:1], *(1,) * (rank - tensor.dim()), *tensor.shape[1:])
