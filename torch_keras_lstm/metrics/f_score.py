"""F scores: precision and recall in one number, for each class."""

from typing import Any

import torch
from torch import Tensor

from torch_keras_lstm.arguments import check_choice
from torch_keras_lstm.docstrings import with_arguments_of
from torch_keras_lstm.losses.targets import EPSILON, of_one_shape
from torch_keras_lstm.metrics.mean import weights_like
from torch_keras_lstm.metrics.metric import Metric

_ZERO = 1e-9  # up to this a prediction is no decision for a class, even where it is the largest


@with_arguments_of(Metric)
class FBetaScore(Metric):
    """``(1 + beta**2) * precision * recall / (beta**2 * precision + recall)``.

    Args:
        average: ``None`` for one score a class; "macro" for their mean, "weighted" for their mean weighted by how often
            a class is the target, "micro" for the score of all decisions together.
        beta: above 0; how many times as much recall counts as precision.
        threshold: above 0 and at most 1: predictions above it are positive decisions. ``None``: the largest of a row
            is.

    Raises:
        ValueError: for another argument; in a call, for other shapes than (batch, classes).

    Example:
        >>> y_true = [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
        >>> y_pred = [[0.9, 0.1, 0.0], [0.6, 0.4, 0.0], [0.1, 0.2, 0.7]]
        >>> FBetaScore(beta=2.0)(y_true, y_pred)
        tensor([0.8333, 0.0000, 1.0000])
    """

    def __init__(
        self,
        average: str | None = None,
        beta: float = 1.0,
        threshold: float | None = None,
        name: str | None = "fbeta_score",
        dtype: object = None,
    ) -> None:
        super().__init__(dtype, name)
        check_choice("average", average, (None, "micro", "macro", "weighted"))
        if not isinstance(beta, float) or beta <= 0:
            raise ValueError(f"`beta` must be a float above 0, got {beta!r}.")
        if threshold is not None and (not isinstance(threshold, float) or not 0 < threshold <= 1):
            raise ValueError(f"`threshold` must be a float above 0 and at most 1, or None, got {threshold!r}.")
        self.average = average
        self.beta = beta
        self.threshold = threshold

    @torch.no_grad()
    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None, mask: Any = None) -> None:
        """Add a batch.

        Args:
            y_true: targets (batch, classes), 0 or 1.
            y_pred: predictions (batch, classes).
            sample_weight: (batch,).
            mask: has no effect, as in Keras.

        Raises:
            ValueError: for other shapes.
        """
        y_true, y_pred = of_one_shape(self.name, y_true, self.floating(y_pred))
        if y_pred.dim() != 2:
            raise ValueError(f"`{self.name}` expects predictions (batch, classes), got shape {tuple(y_pred.shape)}.")
        weight = 1.0 if sample_weight is None else weights_like(y_pred, sample_weight).unsqueeze(1)
        decided = self._decisions(y_pred)
        over = None if self.average == "micro" else 0
        self.add("true_positives", (decided * y_true * weight).sum(over))
        self.add("false_positives", (decided * (1 - y_true) * weight).sum(over))
        self.add("false_negatives", ((1 - decided) * y_true * weight).sum(over))
        self.add("intermediate_weights", (y_true * weight).sum(over))

    def _decisions(self, y_pred: Tensor) -> Tensor:
        if self.threshold is not None:
            return (y_pred > self.threshold).to(y_pred.dtype)
        return ((y_pred >= y_pred.amax(-1, keepdim=True)) & (y_pred.abs() > _ZERO)).to(y_pred.dtype)

    def result(self) -> Tensor:
        """The scores so far: (classes,) or, with ``average``, a scalar; 0 before the first batch."""
        if not self._sums:
            return torch.zeros(())
        right = self.true_positives
        precision = right / (right + self.false_positives + EPSILON)
        recall = right / (right + self.false_negatives + EPSILON)
        square = self.beta**2
        scores = precision * recall / (square * precision + recall + EPSILON) * (1 + square)
        if self.average is None:
            return scores
        if self.average == "weighted":
            return (scores * self.intermediate_weights / (self.intermediate_weights.sum() + EPSILON)).sum()
        return scores.mean()


@with_arguments_of(Metric)
class F1Score(FBetaScore):
    """The harmonic mean of precision and recall.

    Args:
        average: ``None`` for one score a class; "macro" for their mean, "weighted" for their mean weighted by how often
            a class is the target, "micro" for the score of all decisions together.
        threshold: above 0 and at most 1: predictions above it are positive decisions. ``None``: the largest of a row
            is.

    Raises:
        ValueError: for another argument; in a call, for other shapes than (batch, classes).

    Example:
        >>> y_true = [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
        >>> y_pred = [[0.9, 0.1, 0.0], [0.6, 0.4, 0.0], [0.1, 0.2, 0.7]]
        >>> F1Score(average="macro")(y_true, y_pred)
        tensor(0.5556)
    """

    def __init__(
        self,
        average: str | None = None,
        threshold: float | None = None,
        name: str | None = "f1_score",
        dtype: object = None,
    ) -> None:
        super().__init__(average, 1.0, threshold, name, dtype)
