"""Weights that older Kerases kept otherwise than Keras 3: kernels of convolutions, and standard deviations."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from torch_keras_lstm.conversion.arrays import Arrays, ArraysByLayer, SavedArray
from torch_keras_lstm.conversion.producer import Generation, Producer
from torch_keras_lstm.conversion.weight_source import WeightSource
from torch_keras_lstm.layers import Layer
from torch_keras_lstm.layers.conv_base import ConvBase


def in_keras_3_layout(
    rows: Sequence[WeightSource], layers: Sequence[Layer], arrays: Arrays, producer: Producer
) -> list[WeightSource]:
    """The rows of a conversion with arrays that mean what they mean in Keras 3.

    Args:
        rows: as matched.
        layers: that they fill.
        arrays: the file's.
        producer: who wrote them.
    """
    # what Keras 2 did to the kernels of convolutions that it read (`keras/engine/saving.py`)
    flipped = isinstance(arrays, ArraysByLayer) and arrays.flipped_kernels
    by_name = {layer.name: layer for layer in layers}

    def converted(row: WeightSource) -> WeightSource:
        owner = by_name[row.slot.layer].get_submodule(".".join(row.slot.path))
        name = row.slot.row.name
        if isinstance(owner, ConvBase) and name.endswith("kernel"):
            row = _from_keras_1(row, owner) if producer.generation is Generation.KERAS_1 else row
            row = _flipped(row, owner) if flipped else row
        if producer.keeps_standard_deviations and name == "moving_variance":
            row = _variance(row, owner.epsilon)
        return row

    return [*map(converted, rows)]


def _variance(source: WeightSource, epsilon: Any) -> WeightSource:
    """The variance ``v`` with ``sqrt(v + epsilon) = running_std + epsilon``."""

    def squared(array: SavedArray) -> SavedArray:
        return array.as_another(lambda: (array.read(array.shape) + epsilon) ** 2 - epsilon)

    return WeightSource(source.slot, tuple(map(squared, source.arrays)))


def _from_keras_1(source: WeightSource, owner: ConvBase) -> WeightSource:
    *window, _, filters = source.part
    arrays = []
    for array in source.arrays:
        if len(window) == 1 and len(array.shape) == 4:
            # (window, 1, in, out), an image of one column; before 1.0.7 (out, in, window, 1)
            newer = array.shape[:2] == (window[0], 1) and array.shape[3] == filters
            arrays.append(_moved(array, (0, 1, 2, 3) if newer else (2, 3, 1, 0), dropped=1))
        elif len(window) > 1 and owner.data_format == "channels_first" and len(array.shape) == len(source.part):
            arrays.append(_moved(array, (*range(2, len(array.shape)), 1, 0)))  # Theano's (out, in, *window)
        else:
            arrays.append(array)
    return WeightSource(source.slot, tuple(arrays))


def _moved(array: SavedArray, axes: tuple[int, ...], dropped: int | None = None) -> SavedArray:
    """The array with its axes in another order, one of them (of size 1, or it stays) left out."""
    shape = tuple(array.shape[axis] for axis in axes)
    if dropped is not None and shape[dropped] == 1:
        shape = (*shape[:dropped], *shape[dropped + 1 :])
    return array.as_another(lambda: array.read(array.shape).transpose(axes).reshape(shape), shape)


def _flipped(source: WeightSource, owner: ConvBase) -> WeightSource:
    return WeightSource(source.slot, tuple(_turned(array, owner.rank) for array in source.arrays))


def _turned(array: SavedArray, rank: int) -> SavedArray:
    """The array backwards along its first ``rank`` axes."""
    # A copy, since torch takes no negative strides, not even along an axis of size 1.
    return array.as_another(lambda: np.flip(array.read(array.shape), tuple(range(rank))).copy())
