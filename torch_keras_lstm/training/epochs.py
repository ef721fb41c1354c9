"""The batches of one epoch after the other, with Keras' rules of what an epoch is."""

import warnings
from collections.abc import Iterator
from itertools import islice

from torch_keras_lstm.arguments import positive_integer
from torch_keras_lstm.training.batch import Batch
from torch_keras_lstm.training.batches import Batches


class Epochs:
    """Each iteration is an epoch: a pass over the data, or ``steps`` batches of a pass that goes on from the last.

    Data that end before ``steps`` batches end the epoch with a warning; the next one begins a new pass. A generator
    that is given without ``steps`` and ends, ends the first epoch, and cannot be begun anew.

    Args:
        batches: the data.
        steps: batches in an epoch; ``None`` for all there are.
        steps_per_execution: how many batches are handed out together.
        goes_on: ``False`` begins a new pass at each epoch; a generator goes on all the same.

    Raises:
        ValueError: by the first iteration, when there is no batch.
    """

    def __init__(
        self, batches: Batches, steps: int | None = None, steps_per_execution: int = 1, goes_on: bool = True
    ) -> None:
        self._batches = batches
        self._steps = None if steps is None else positive_integer("steps", steps)
        self._together = steps_per_execution
        self._goes_on = goes_on
        self._is_empty = True
        self._pass: Iterator[Batch] | None = None
        self._seen = 0
        self.num_batches = batches.num_batches if self._steps is None else self._steps
        """How many batches an epoch has; ``None`` until the end of the first one when nobody can know."""

    def __iter__(self) -> Iterator[tuple[int, int, list[Batch]]]:
        """Number of the first batch and of the last, and the batches between, some ``steps_per_execution``."""
        is_over = self._seen == self._batches.num_batches
        if self._pass is None or self._steps is None or is_over or not self._goes_on:
            self._pass, self._seen = iter(self._batches), 0
        self._batches.on_epoch_begin()
        step = 0
        while self._steps is None or step < self._steps:
            wanted = self._together if self._steps is None else min(self._together, self._steps - step)
            batches = list(islice(self._pass, wanted))
            self._seen += len(batches)
            if batches:
                self._is_empty = False
                yield step, step + self._together - 1, batches
            step += len(batches)
            if len(batches) < wanted:
                self._ran_out(step)
                break
        self._batches.on_epoch_end()

    def reset(self) -> None:
        """What Keras does before the first epoch of ``fit`` and before each of ``evaluate``."""
        self._batches.on_epoch_end()

    def _ran_out(self, step: int) -> None:
        if self._is_empty:
            raise ValueError("The input has no batch: the dataset is empty, or the generator at its end already.")
        self._pass = None
        if self.num_batches is None:
            self.num_batches = step
        if step == 0 or step < self.num_batches:
            warnings.warn(
                "Your input ran out of data; interrupting training. Make sure that your dataset or generator can "
                "generate at least `steps_per_epoch * epochs` batches.",
                stacklevel=4,
            )
