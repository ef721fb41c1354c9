"""What is known of a tensor before there is one: shape, free sizes included, and type."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from torch_keras_lstm.strings import STRING

Shape = tuple[int | None, ...]

# Two sizes, with many divisors, that stand for every free one: what differs between them in a result is free there.
FREE_SIZES = (60, 120)


@dataclass(frozen=True)
class TensorSpec:
    """A tensor of a graph, as two examples that differ in its free sizes.

    Examples are on the ``meta`` device and have no numbers, but for those that an operation made of shapes alone.
    Those of strings, which torch has no tensors of, are of bytes.
    """

    examples: tuple[Tensor, ...]
    strings: bool = False

    @classmethod
    def of(cls, shape: Shape, dtype: torch.dtype | str) -> "TensorSpec":
        """The tensor of this shape, ``None`` where a size is free; the type is torch's, or "string"."""
        if isinstance(dtype, str):
            return cls(cls.of(shape, torch.uint8).examples, strings=True)
        shapes = [[free if size is None else size for size in shape] for free in FREE_SIZES]
        try:
            return cls(tuple(torch.empty(sizes, dtype=dtype, device="meta") for sizes in shapes))
        except (TypeError, RuntimeError):  # torch's answers to sizes, or their product, beyond 64 bits
            raise ValueError(f"A tensor of shape {shape} is larger than any memory.") from None

    @property
    def shape(self) -> Shape:
        """The shape, ``None`` where a size is free."""
        sizes = zip(*(example.shape for example in self.examples), strict=True)
        return tuple(first if first == second else None for first, second in sizes)

    def with_batch(self, size: int) -> "TensorSpec":
        """The tensor with a free first axis fixed to ``size``."""
        if not self.shape or self.shape[0] is not None:
            return self
        shapes = [(size, *example.shape[1:]) for example in self.examples]
        made = [torch.empty(shape, dtype=self.examples[0].dtype, device="meta") for shape in shapes]
        return TensorSpec(tuple(made), self.strings)

    @property
    def dtype(self) -> Any:
        """The type: torch's, or "string"."""
        return STRING if self.strings else self.examples[0].dtype


def map_shapes(function: Callable[[Shape], Any], shapes: Any) -> Any:
    """What ``compute_output_shape`` of a layer gave, one shape or several, with ``function`` of each in its place."""
    if isinstance(shapes, Mapping):
        return {name: map_shapes(function, shape) for name, shape in shapes.items()}
    if any(isinstance(item, tuple | list | Mapping) for item in shapes):
        items = [map_shapes(function, shape) for shape in shapes]
        return tuple(items) if isinstance(shapes, tuple) else items
    return function(tuple(shapes))
