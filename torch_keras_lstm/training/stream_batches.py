"""Batches that come ready-made: from a DataLoader, a generator, a PyDataset."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import torch

from torch_keras_lstm.training.batch import Batch, unpack
from torch_keras_lstm.training.batches import Batches
from torch_keras_lstm.training.class_weights import class_weights_to_sample_weights
from torch_keras_lstm.training.data_tensors import as_arrays, move, to_tensors


class StreamBatches(Batches):
    """Makes tensors of the batches of another source.

    Args:
        start: begins a pass: a new one through a DataLoader, the rest of a generator.
        num_batches: how many a pass has, ``None`` when nobody knows.
        class_weight: see :func:`class_weights_to_sample_weights`.
        dtype: what floating-point numbers become.
        device: where the batches go.
    """

    def __init__(
        self,
        start: Callable[[], Iterable[Any]],
        num_batches: int | None,
        class_weight: Mapping[int, float] | None,
        dtype: torch.dtype,
        device: torch.device,
    ) -> None:
        self._start = start
        self.num_batches = num_batches
        self._class_weight = class_weight
        self._dtype = dtype
        self._device = device

    def __iter__(self) -> Iterator[Batch]:
        for data in self._start():
            yield self.batch(data)

    def batch(self, data: Any) -> Batch:
        """One batch as tensors where the model is.

        Raises:
            ValueError: when it has another form, or weights besides ``class_weight``.
        """
        parts = unpack(data)
        x, y, weight = (to_tensors(as_arrays(part), self._dtype, part is parts.x) for part in parts)
        if self._class_weight is not None:
            if weight is not None:
                raise ValueError("`class_weight` cannot be given for data that have sample weights already.")
            weight = class_weights_to_sample_weights(y, self._class_weight, self._dtype)
        return Batch(*(move(part, self._device) for part in (x, y, weight)))
