"""A row of the conversion: a weight, and what of the file fills it."""

from dataclasses import dataclass

import numpy as np

from torch_keras_lstm.conversion.arrays import Array, SavedArray
from torch_keras_lstm.conversion.cudnn import Layout
from torch_keras_lstm.conversion.slots import Slot


@dataclass(frozen=True)
class WeightSource:
    """A row of the conversion: a slot, and the arrays of the file that fill it, side by side along the last axis.

    Attributes:
        slot: the weight.
        arrays: what the file holds of it.
        layout: how the file arranges it; ``None`` for Keras' own layout.
    """

    slot: Slot
    arrays: tuple[SavedArray, ...]
    layout: Layout | None = None

    @property
    def saved_shape(self) -> tuple[int, ...]:
        """The shape that the weight has in the file."""
        return self.slot.shape if self.layout is None else self.layout.shape

    @property
    def part(self) -> tuple[int, ...]:
        """The shape that each of the arrays must have."""
        if len(self.arrays) == 1:
            return self.saved_shape
        *outer, last = self.saved_shape
        return (*outer, last // len(self.arrays))

    def read(self) -> Array:
        """The weight in Keras' layout."""
        parts = [array.read(self.part) for array in self.arrays]
        values = np.concatenate(parts, axis=-1) if len(parts) > 1 else parts[0]
        return values if self.layout is None else self.layout.to_keras(values)

    def misfit(self) -> str | None:
        """What is wrong with the arrays' shapes or types, as a sentence part, or ``None``."""
        for array in self.arrays:
            if "float" not in array.dtype and self.slot.row.dtype is None:
                return f"{self.slot} needs floating-point numbers, but `{array.path}` holds {array.dtype}"
        if all(array.shape == self.part for array in self.arrays):
            return None
        found = ", ".join(f"`{array.path}` has {array.shape}" for array in self.arrays)
        return f"{self.slot} needs shape {self.saved_shape}, but {found}"


def owner_of_row(row: WeightSource) -> tuple[str, ...]:
    """The layer of a row and the attributes that lead to the one inside it that has the weight."""
    return (row.slot.layer, *row.slot.path)
