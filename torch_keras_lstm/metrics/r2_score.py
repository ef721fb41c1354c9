"""The coefficient of determination."""

import warnings
from typing import Any

import torch
from torch import Tensor

from torch_keras_lstm.arguments import check_choice
from torch_keras_lstm.docstrings import with_arguments_of
from torch_keras_lstm.losses.targets import of_one_rank
from torch_keras_lstm.metrics.mean import weights_like
from torch_keras_lstm.metrics.metric import Metric


@with_arguments_of(Metric)
class R2Score(Metric):
    """``1 - squared error / variance``: 1 for perfect predictions, 0 for those of the mean.

    Args:
        class_aggregation: what is made of several outputs: their mean ("uniform_average"), their mean weighted by
            their variances ("variance_weighted_average"), or ``None`` for one score each.
        num_regressors: above 0, the score is adjusted for that many independent variables.

    Raises:
        ValueError: for another argument; in a call, for other shapes than (batch, outputs).

    Example:
        >>> R2Score()([[1.0], [2.0], [3.0]], [[1.0], [2.0], [2.0]])
        tensor(0.5000)
    """

    def __init__(
        self,
        class_aggregation: str | None = "uniform_average",
        num_regressors: int = 0,
        name: str | None = "r2_score",
        dtype: object = None,
    ) -> None:
        super().__init__(dtype, name)
        check_choice("class_aggregation", class_aggregation, (None, "uniform_average", "variance_weighted_average"))
        if not isinstance(num_regressors, int) or num_regressors < 0:
            raise ValueError(f"`num_regressors` must be an integer of at least 0, got {num_regressors!r}.")
        self.class_aggregation = class_aggregation
        self.num_regressors = num_regressors

    @torch.no_grad()
    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None, mask: Any = None) -> None:
        """Add a batch.

        Args:
            y_true: targets (batch, outputs).
            y_pred: predictions of the same shape.
            sample_weight: (batch,), or one for each output.
            mask: has no effect, as in Keras.

        Raises:
            ValueError: for other shapes.
        """
        y_true, y_pred = of_one_rank(self.name, y_true, self.floating(y_pred))
        if y_pred.dim() != 2:
            raise ValueError(f"`{self.name}` expects predictions (batch, outputs), got shape {tuple(y_pred.shape)}.")
        weight = weights_like(y_pred, 1.0 if sample_weight is None else sample_weight)
        weight = (weight.unsqueeze(1) if weight.dim() == 1 else weight).expand(y_true.shape)
        self.add("sum", (y_true * weight).sum(0))
        self.add("squared_sum", (y_true * y_true * weight).sum(0))
        self.add("total_mse", ((y_true - y_pred) ** 2 * weight).sum(0))
        self.add("count", weight.sum(0))
        self.add("num_samples", y_true.new_full((), y_true.numel()))

    def result(self) -> Tensor:
        """The score so far: a scalar, or with ``class_aggregation=None`` (outputs,); nan before the first batch."""
        if not self._sums:
            return torch.full((), torch.nan)
        variance = self.squared_sum - self.sum * (self.sum / self.count)
        scores = 1 - self.total_mse / variance
        scores = torch.where(scores.isinf(), 0.0, scores)
        if self.class_aggregation == "uniform_average":
            scores = scores.mean()
        elif self.class_aggregation == "variance_weighted_average":
            scores = (variance * scores).sum() / variance.sum()
        return self._adjusted(scores) if self.num_regressors else scores

    def _adjusted(self, scores: Tensor) -> Tensor:
        """Keras counts every output of a sample as one more."""
        rest = int(self.num_samples) - 1 - self.num_regressors
        if rest <= 0:
            warnings.warn(
                f"`{self.name}` is not adjusted: {self.num_regressors} independent variables are too many for "
                f"{int(self.num_samples)} samples.",
                stacklevel=3,
            )
            return scores
        return 1.0 - (1.0 - scores) * (self.num_samples - 1.0) / rest
