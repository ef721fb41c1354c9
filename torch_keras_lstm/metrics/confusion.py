"""Right and wrong decisions, counted at one threshold or many: what precision, recall and the curves are made of."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from torch_keras_lstm.array_arguments import as_tensor
from torch_keras_lstm.losses.reduction import check_fits, match_ranks
from torch_keras_lstm.metrics.mean import weights_like
from torch_keras_lstm.metrics.metric import Metric

# What Keras puts in the place of predictions that are not among the top k.
_NOT_IN_TOP_K = -1e10


class Confusion(NamedTuple):
    """Weighted counts, one for each threshold (thresholds,), or for each label too (thresholds, labels)."""

    true_positives: Tensor
    false_positives: Tensor
    true_negatives: Tensor
    false_negatives: Tensor


class Thresholds:
    """The thresholds of a metric; a prediction above one is a positive decision at it.

    Args:
        values: in any order.
        evenly: whether they divide 0 to 1 evenly. A prediction is then multiplied instead of compared, which may round
            to the other side; ``None`` finds out.
    """

    def __init__(self, values: Sequence[float], evenly: bool | None = None) -> None:
        self.values = list(values)
        self.evenly = _is_even(self.values) if evenly is None else evenly

    def __len__(self) -> int:
        return len(self.values)

    def passed(self, predictions: Tensor) -> Tensor:
        """How many thresholds, from the lowest on, each prediction lies above."""
        if not self.evenly:
            return torch.searchsorted(predictions.new_tensor(sorted(self.values)), predictions.contiguous())
        last = len(self) - 1
        passed = torch.ceil(predictions.clamp(0.0, 1.0) * last).long()
        return passed.clamp(min=1) if self.values[0] < 0 or self.values[-1] > 1 else passed

    def in_given_order(self, counts: Tensor) -> Tensor:
        """Counts (thresholds, ...) at the sorted thresholds, put into the order in which those were given."""
        if self.values == sorted(self.values):
            return counts
        return counts[np.argsort(np.argsort(self.values, kind="stable"), kind="stable")]


def _is_even(values: Sequence[float]) -> bool:
    """Keras' test."""
    count = len(values)
    return count >= 3 and np.allclose(values, np.arange(count, dtype=np.float32) / (count - 1), atol=1e-7)


def decision_thresholds(given: float | Sequence[float] | None, default: float) -> Thresholds:
    """The ``thresholds`` argument of a metric: one, several, or ``None`` for the ``default``.

    Raises:
        ValueError: for one outside 0 to 1.
    """
    if given is None:
        return Thresholds([default])
    values: list[Any] = list(given) if isinstance(given, list | tuple) else [given]
    if not values or any(not isinstance(value, int | float) or not 0 <= value <= 1 for value in values):
        raise ValueError(f"`thresholds`: expected a number from 0 to 1, or a list of them, got {given!r}.")
    return Thresholds(values)


def count(
    thresholds: Thresholds,
    y_true: Tensor,
    y_pred: Tensor,
    sample_weight: Any = None,
    *,
    top_k: int | None = None,
    class_id: int | None = None,
    by_label: bool = False,
    label_weights: Sequence[float] | None = None,
) -> Confusion:
    """The decisions of a batch.

    Args:
        y_true: targets; all but 0 are positive.
        y_pred: predictions (batch, ..., labels) of the same shape.
        sample_weight: one weight for each sample (batch,), or for each of their steps.
        top_k: only the ``top_k`` largest of each row may be positive.
        class_id: the only label that counts.
        by_label: count each label of a row (batch, labels) by itself.
        label_weights: (labels,).

    Raises:
        ValueError: when the shapes do not fit.
    """
    y_pred, y_true = match_ranks(y_pred, as_tensor(y_true, y_pred.dtype, y_pred.device))
    if y_true.shape != y_pred.shape:
        raise ValueError(
            f"Decisions are counted for targets of the shape of the predictions, {tuple(y_pred.shape)}, got targets of "
            f"shape {tuple(y_true.shape)}."
        )
    weight = _weights(y_true, y_pred, sample_weight)
    if top_k is not None:
        y_pred = _only_top(y_pred, top_k)
    if class_id is not None:
        if y_pred.dim() == 1:
            raise ValueError(
                f"`class_id` names a label of predictions (batch, labels), got some of shape {tuple(y_pred.shape)}."
            )
        y_true, y_pred = y_true[..., class_id, None], y_pred[..., class_id, None]
    if label_weights is not None:
        weight = weight * weight.new_tensor(label_weights)
    labels = y_pred.shape[-1] if by_label else 1
    check_fits(y_pred, weight, within=True)
    y_true, y_pred, weight = (values.reshape(-1, labels) for values in (y_true, y_pred, weight.expand(y_pred.shape)))
    passed = thresholds.passed(y_pred)
    true_positives, positives = _above(thresholds, passed, torch.where(y_true != 0, weight, 0.0))
    false_positives, negatives = _above(thresholds, passed, torch.where(y_true != 0, 0.0, weight))
    counts = (true_positives, false_positives, negatives - false_positives, positives - true_positives)
    return Confusion(*(values if by_label else values.squeeze(-1) for values in counts))


def _weights(y_true: Tensor, y_pred: Tensor, sample_weight: Any) -> Tensor:
    if sample_weight is None:
        return y_pred.new_ones(())
    return match_ranks(y_true, weights_like(y_pred, sample_weight).unsqueeze(-1), expand_vectors=False)[1]


def _only_top(y_pred: Tensor, k: int) -> Tensor:
    """``y_pred`` with all but the ``k`` largest of each row far below any threshold; of equal ones the first go in."""
    order = torch.sort(y_pred, dim=-1, descending=True, stable=True).indices
    is_top = torch.zeros_like(y_pred).scatter(-1, order[..., :k], 1.0)
    return y_pred * is_top + _NOT_IN_TOP_K * (1 - is_top)


def _above(thresholds: Thresholds, passed: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """The weight (thresholds, labels) of the predictions above each threshold, and that of all (labels,)."""
    by_number = weight.new_zeros(len(thresholds) + 1, weight.shape[1]).scatter_add(0, passed, weight)
    at_least = by_number.flip(0).cumsum(0).flip(0)
    return thresholds.in_given_order(at_least[1:]), weight.sum(0)


class ConfusionMetric(Metric):
    """Base of the metrics that count decisions.

    Args:
        counts: the names of the counts that are kept, as in :class:`Confusion`.
    """

    def __init__(self, counts: Sequence[str], thresholds: Thresholds, name: str | None, dtype: object) -> None:
        super().__init__(dtype, name)
        self._counts = tuple(counts)
        self._thresholds = thresholds
        self._start((len(thresholds),))

    def _start(self, shape: tuple[int, ...]) -> None:
        for name in self._counts:
            self.add_sum(shape, name)

    @property
    def thresholds(self) -> list[float]:
        """The thresholds in use."""
        return self._thresholds.values

    @torch.no_grad()
    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None, mask: Any = None) -> None:
        """Add a batch.

        Args:
            y_true: targets, 0 or 1.
            y_pred: predictions from 0 to 1, of the same shape.
            sample_weight: one weight for each sample (batch,), or for each of their steps (batch, time).
            mask: has no effect, as in Keras.

        Raises:
            ValueError: when the shapes do not fit.
        """
        confusion = count(self._thresholds, y_true, self.floating(y_pred), sample_weight, **self._how_to_count())
        for name in self._counts:
            self.add(name, getattr(confusion, name))

    def _how_to_count(self) -> dict[str, Any]:
        """Arguments for :func:`count`."""
        return {}
