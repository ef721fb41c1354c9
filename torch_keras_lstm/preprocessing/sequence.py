"""``keras.preprocessing.sequence``: sequences of one length, and windows that slide over a series."""

from typing import Any

import numpy as np

from torch_keras_lstm.training.py_dataset import PyDataset
from torch_keras_lstm.utils.pad_sequences import pad_sequences

__all__ = ["TimeseriesGenerator", "pad_sequences"]

Array = np.ndarray[Any, np.dtype[Any]]


class TimeseriesGenerator(PyDataset):
    """Batches of windows of a series, each with the target of the step behind it; tf.keras' class of that name.

    Args:
        data: the series (time, ...).
        targets: of each step (time, ...).
        length: steps in a window, before ``sampling_rate``.
        sampling_rate: a window has every so many of its steps.
        stride: steps from one window to the next.
        start_index: the first step of the first window.
        end_index: the last step that is a target; by default the last of all.
        shuffle: draw windows by chance, from NumPy's global generator, instead of taking each in turn.
        reverse: windows run backwards.
        batch_size: windows in a batch.

    Raises:
        ValueError: when the series is too short, or there are more or fewer targets than steps.
    """

    def __init__(
        self,
        data: Any,
        targets: Any,
        length: int,
        sampling_rate: int = 1,
        stride: int = 1,
        start_index: int = 0,
        end_index: int | None = None,
        shuffle: bool = False,
        reverse: bool = False,
        batch_size: int = 128,
    ) -> None:
        super().__init__()
        if len(data) != len(targets):
            raise ValueError(f"`data` has {len(data)} steps and `targets` has {len(targets)}: there must be as many.")
        self.data = data
        self.targets = targets
        self.length = length
        self.sampling_rate = sampling_rate
        self.stride = stride
        self.start_index = start_index + length
        self.end_index = len(data) - 1 if end_index is None else end_index
        self.shuffle = shuffle
        self.reverse = reverse
        self.batch_size = batch_size
        if self.start_index > self.end_index:
            raise ValueError(
                f"There is no window: the first would end before step {self.start_index}, but the last target is that "
                f"of step {self.end_index}."
            )

    def __len__(self) -> int:
        return -(-(self.end_index + 1 - self.start_index) // (self.batch_size * self.stride))

    def __getitem__(self, index: int) -> tuple[Array, Array]:
        """The windows (batch, time, ...) and targets (batch, ...) of batch number ``index``."""
        if self.shuffle:
            ends = np.random.randint(self.start_index, self.end_index + 1, size=self.batch_size)  # noqa: NPY002
        else:
            first = self.start_index + self.batch_size * self.stride * index
            ends = np.arange(first, min(first + self.batch_size * self.stride, self.end_index + 1), self.stride)
        windows = np.array([self.data[end - self.length : end : self.sampling_rate] for end in ends])
        return windows[:, ::-1] if self.reverse else windows, np.array([self.targets[end] for end in ends])
