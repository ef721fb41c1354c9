"""The mean loss of an epoch so far."""

from torch import Tensor

from torch_keras_lstm.metrics import Mean


class LossMean(Mean):
    """The mean of the losses of batches.

    It is a ``Mean`` with a short way for the one case that every step goes through.
    """

    def update_state(self, values: Tensor, sample_weight: float = 1.0) -> None:
        """Add the loss of a batch, a scalar, or the mean of one that was not reduced.

        Args:
            values: the loss.
            sample_weight: how often it counts.
        """
        loss = values.detach()
        loss = loss if loss.ndim == 0 else loss.mean()
        self.add("total", loss * sample_weight)
        self.add("count", loss.new_full((), sample_weight))
