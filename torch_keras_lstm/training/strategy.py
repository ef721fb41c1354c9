"""Where a model is trained: in this process alone, which is what happens without Lightning Fabric."""

from collections.abc import Iterable
from typing import Any

from torch import Tensor, nn

from torch_keras_lstm.metrics import Metric
from torch_keras_lstm.training.batch import Batch


class SingleProcess:
    """Calls the model and computes gradients here, with all of the data."""

    is_first = True

    def call(self, model: nn.Module, *args: Any, **kwargs: Any) -> Any:
        """What the model gives for the inputs."""
        return model(*args, **kwargs)

    def backward(self, loss: Tensor) -> None:
        """Compute the gradients."""
        loss.backward()

    def share(self, batch: Batch) -> Batch:
        """This process' part of a batch."""
        return batch

    def add_up(self, metrics: Iterable[Metric]) -> None:
        """Make the state of each metric that of all processes."""
