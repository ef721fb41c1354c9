"""``keras.utils.timeseries_dataset_from_array``: windows that slide over a series, in batches."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from torch_keras_lstm.arguments import positive_integer

Array = np.ndarray[Any, np.dtype[Any]]


class TimeseriesDataset:
    """What :func:`timeseries_dataset_from_array` returns: an iterable of batches, anew at each pass."""

    def __init__(
        self, data: Array, targets: Array | None, starts: Array, offsets: Array, batch_size: int | None, shuffle: bool
    ) -> None:
        self._data = data
        self._targets = targets
        self._starts = starts
        self._offsets = offsets
        self._batch_size = batch_size
        self._shuffle = shuffle

    def __len__(self) -> int:
        return -(-len(self._starts) // (self._batch_size or 1))

    def __iter__(self) -> Iterator[Any]:
        starts = np.random.permutation(self._starts) if self._shuffle else self._starts  # noqa: NPY002 - as Keras
        for first in range(0, len(starts), self._batch_size or 1):
            chosen = starts[first] if self._batch_size is None else starts[first : first + self._batch_size]
            windows = self._data[np.add.outer(chosen, self._offsets)]
            yield windows if self._targets is None else (windows, self._targets[chosen])


def timeseries_dataset_from_array(
    data: Any,
    targets: Any,
    sequence_length: int,
    sequence_stride: int = 1,
    sampling_rate: int = 1,
    batch_size: int | None = 128,
    shuffle: bool = False,
    seed: int | None = None,
    start_index: int | None = None,
    end_index: int | None = None,
) -> TimeseriesDataset:
    """Batches of windows of a series, for ``fit``.

    Args:
        data: the series (time, ...).
        targets: ``targets[i]`` belongs to the window that begins at step i; ``None`` for windows alone.
        sequence_length: steps in a window.
        sequence_stride: steps from the beginning of a window to that of the next.
        sampling_rate: steps from one step of a window to the next.
        batch_size: windows in a batch; ``None`` for one window at a time, without an axis for the batch.
        shuffle: take the windows in a new order at each pass, drawn from NumPy's global generator.
        seed: of the order that the windows are listed in before they are shuffled.
        start_index: steps before it are left out.
        end_index: it and the steps behind it are left out.

    Raises:
        ValueError: for an index, stride or rate that is out of the series.
    """
    series = np.asarray(data)
    for name, steps in (("sequence_stride", sequence_stride), ("sampling_rate", sampling_rate)):
        if positive_integer(name, steps) >= len(series):
            raise ValueError(f"`{name}` is {steps}, but the series has {len(series)} steps.")
    start, end = start_index or 0, len(series) if end_index is None else end_index
    if not 0 <= start < end <= len(series):
        raise ValueError(
            f"`start_index` {start_index} and `end_index` {end_index} must lie in this order within the series of "
            f"{len(series)} steps."
        )
    count = end - start - (positive_integer("sequence_length", sequence_length) - 1) * sampling_rate
    wanted = None if targets is None else np.asarray(targets)[start:]
    starts = np.arange(0, count if targets is None else min(count, len(targets)), sequence_stride)
    if shuffle:
        np.random.RandomState(seed).shuffle(starts)
    offsets = np.arange(sequence_length) * sampling_rate
    return TimeseriesDataset(series[start:end], wanted, starts, offsets, batch_size, shuffle)
