"""Batches of arrays that are wholly in memory."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from torch_keras_lstm.structure import flatten, is_nested, map_structure
from torch_keras_lstm.training.batch import Batch
from torch_keras_lstm.training.batches import Batches
from torch_keras_lstm.training.class_weights import class_weights_to_sample_weights
from torch_keras_lstm.training.data_tensors import move, to_tensors


class ArrayBatches(Batches):
    """Cuts arrays into batches, anew at each pass.

    Args:
        data: arrays, or lists and dictionaries of them, with the samples along the first axis of each.
        batch_size: samples in a batch; the last one may be smaller.
        shuffle: draw a new order of the samples at each pass; ``"batch"`` keeps each
            sample in its batch and shuffles within.
        class_weight: see :func:`class_weights_to_sample_weights`.
        generator: draws the orders; ``None`` for torch's global one.
        dtype: what floating-point numbers become.
        device: where the batches go.

    Raises:
        ValueError: when there are no samples, or the arrays have different numbers of them.
    """

    def __init__(
        self,
        data: Batch,
        batch_size: int,
        shuffle: bool | str,
        class_weight: Mapping[int, float] | None,
        generator: torch.Generator | None,
        dtype: torch.dtype,
        device: torch.device,
    ) -> None:
        x, y, weight = (to_tensors(part, dtype, part is data.x) for part in data)
        if class_weight is not None:
            weight = class_weights_to_sample_weights(y, class_weight, dtype)
        self._data = Batch(x, y, _weights_for(y, weight))
        self.samples = _number_of_samples(self._data)
        self.batch_size = batch_size
        self._shuffle = shuffle
        self._generator = generator
        self._device = device
        self.num_batches = math.ceil(self.samples / batch_size)

    def __iter__(self) -> Iterator[Batch]:
        if not self._shuffle:
            for start in range(0, self.samples, self.batch_size):
                yield self._take(slice(start, start + self.batch_size))
        else:
            for indices in self._order().split(self.batch_size):
                yield self._take(indices)

    def _order(self) -> Tensor:
        if self._shuffle == "batch":
            parts = torch.arange(self.samples).split(self.batch_size)
            return torch.cat([part[torch.randperm(len(part), generator=self._generator)] for part in parts])
        return torch.randperm(self.samples, generator=self._generator)

    def _take(self, rows: Any) -> Batch:
        return Batch(*(move(map_structure(lambda array: array[rows], part), self._device) for part in self._data))


def _weights_for(y: Any, weight: Any) -> Any:
    """One array of weights for several outputs is for each of them, so it has one number a sample."""
    if isinstance(weight, Tensor) and is_nested(y) and weight.ndim > 1 and weight[0].numel() != 1:
        raise ValueError(
            "For a model with several outputs, one array as `sample_weight` has one weight for each sample, got shape "
            f"{tuple(weight.shape)}. For others give a list or dictionary, with an array for each output."
        )
    return weight


def _number_of_samples(data: Batch) -> int:
    sizes = {
        name: [len(array) if array.ndim else None for array in flatten(part) if array is not None]
        for name, part in data._asdict().items()
        if part is not None
    }
    found = {size for several in sizes.values() for size in several}
    if len(found) != 1 or None in found:
        named = ", ".join(f"`{name}` has {', '.join(map(str, several))}" for name, several in sizes.items())
        raise ValueError(f"All arrays must have the same number of samples along their first axis: {named}.")
    (samples,) = found
    if not samples:
        raise ValueError("There are no samples: the arrays are empty.")
    assert isinstance(samples, int)
    return samples
