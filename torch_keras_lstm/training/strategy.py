"""Where a model is trained: in this process alone, which is what happens without Lightning Fabric."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from torch_keras_lstm.metrics import Metric
from torch_keras_lstm.structure import first_tensor
from torch_keras_lstm.training.batch import Batch


class Share(NamedTuple):
    """What one process does of a batch.

    Attributes:
        batch: its samples.
        samples: how many samples its loss stands for.
        is_empty: whether there were too few samples for all processes, and ``batch`` does not count.
    """

    batch: Batch
    samples: float
    is_empty: bool = False


class SingleProcess:
    """Calls the model and computes gradients here, with all of the data."""

    is_first = True

    def call(self, model: nn.Module, *args: Any, **kwargs: Any) -> Any:
        """What the model gives for the inputs."""
        return model(*args, **kwargs)

    def backward(self, loss: Tensor) -> None:
        """Compute the gradients."""
        loss.backward()

    def share(self, batch: Batch) -> Share:
        """This process' part of a batch."""
        return Share(batch, len(first_tensor(batch.x)))

    def weigh(self, loss: Tensor, reduction: str | None, sample_weight: Tensor | None, mask: Tensor | None) -> Tensor:
        """The loss of this process' share, such that the mean over the processes is the loss of the whole batch."""
        return loss

    @contextmanager
    def added_up(self, metrics: Iterable[Metric]) -> Iterator[None]:
        """Inside, each metric has the state of all processes together."""
        yield

    def order_of_samples(self) -> torch.Generator | None:
        """Draws the order of the samples, the same in all processes; ``None`` for torch's global generator."""
        return None
