"""``keras.utils.timeseries_dataset_from_array``: windows that slide over a series, in batches."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from torch_keras_lstm.arguments import positive_integer
from torch_keras_lstm.preprocessing.dataset import Dataset, as_element


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
    format: str = "tf",
) -> Dataset:
    """Batches of windows of a series, for ``fit``.

    Args:
        data: the series (time, ...).
        targets: ``targets[i]`` belongs to the window that begins at step i; ``None`` for windows alone.
        sequence_length: steps in a window.
        sequence_stride: steps from the beginning of a window to that of the next.
        sampling_rate: steps from one step of a window to the next.
        batch_size: windows in a batch; ``None`` for one window at a time, without an axis for the batch.
        shuffle: take the windows in a new order at each pass.
        seed: of the orders; by default they are drawn from NumPy's global generator.
        start_index: steps before it are left out.
        end_index: it and the steps behind it are left out.
        format: "tf" or "grain" in Keras, which are one here.

    Returns:
        A data set of windows (batch, ``sequence_length``, ...), or of pairs of these and their targets (batch, ...).

    Raises:
        ValueError: for an index, stride or rate that is out of the series.
    """
    if format not in ("tf", "grain"):
        raise ValueError(f'`format` is "tf" or "grain", got {format!r}.')
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
    generator: Any = np.random if seed is None else np.random.default_rng(seed)
    if shuffle:
        np.random.RandomState(seed).shuffle(starts)
    offsets = np.arange(sequence_length) * sampling_rate
    kept = as_element(series[start:end])
    chosen = None if wanted is None else as_element(wanted)

    def windows() -> Iterator[Any]:
        order = generator.permutation(starts) if shuffle else starts
        for first in range(0, len(order), batch_size or 1):
            at = torch.from_numpy(order[first : first + batch_size]) if batch_size else int(order[first])
            steps = torch.from_numpy(np.add.outer(np.asarray(at), offsets))
            yield kept[steps] if chosen is None else (kept[steps], chosen[at])

    return Dataset(windows, -(-len(starts) // (batch_size or 1)), is_batched=batch_size is not None)
