"""Counts of right and wrong decisions, and the shares that are made of two of them."""

from collections.abc import Sequence
from typing import Any, ClassVar

from torch import Tensor

from torch_keras_lstm.docstrings import with_arguments_of
from torch_keras_lstm.losses.reduction import divide_no_nan
from torch_keras_lstm.metrics.confusion import ConfusionMetric, decision_thresholds
from torch_keras_lstm.metrics.metric import Metric

Given = float | Sequence[float] | None

# the threshold with which everything among the top k is a positive decision
_ALL_OF_TOP_K = -1e10


@with_arguments_of(Metric)
class _Count(ConfusionMetric):
    """One of the four counts.

    Args:
        thresholds: the number above which a prediction is a positive decision, or a list of such numbers; ``None`` is
            0.5.

    Raises:
        ValueError: for a threshold outside 0 to 1.
    """

    counts: ClassVar[str]

    def __init__(self, thresholds: Given = None, name: str | None = None, dtype: object = None) -> None:
        super().__init__((self.counts,), decision_thresholds(thresholds, 0.5), name, dtype)
        self._given = thresholds

    def result(self) -> Tensor:
        """The count so far: a scalar, or one for each of several thresholds."""
        return _scalar_if_one(getattr(self, self.counts))

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments under Keras 3's names."""
        return {"name": self.name, "dtype": self._dtype_name, "thresholds": self._given}


@with_arguments_of(_Count)
class TruePositives(_Count):
    """The weight of positive targets that are predicted so.

    Example:
        >>> TruePositives()([0, 1, 1, 1], [0.1, 0.8, 0.3, 0.9])
        tensor(2.)
    """

    counts = "true_positives"


@with_arguments_of(_Count)
class FalsePositives(_Count):
    """The weight of negative targets that are predicted positive.

    Example:
        >>> FalsePositives(thresholds=[0.2, 0.6])([0, 0, 1], [0.3, 0.7, 0.9])
        tensor([2., 1.])
    """

    counts = "false_positives"


@with_arguments_of(_Count)
class TrueNegatives(_Count):
    """The weight of negative targets that are predicted so.

    Example:
        >>> TrueNegatives()([0, 1, 1, 1], [0.1, 0.8, 0.3, 0.9])
        tensor(1.)
    """

    counts = "true_negatives"


@with_arguments_of(_Count)
class FalseNegatives(_Count):
    """The weight of positive targets that are predicted negative.

    Example:
        >>> FalseNegatives()([0, 1, 1, 1], [0.1, 0.8, 0.3, 0.9], sample_weight=[1, 1, 2, 1])
        tensor(2.)
    """

    counts = "false_negatives"


@with_arguments_of(Metric)
class _Share(ConfusionMetric):
    """True positives as a share of themselves and one sort of mistake.

    Args:
        thresholds: the number above which a prediction is a positive decision, or a list of such numbers; ``None`` is
            0.5, and with ``top_k`` below all.
        top_k: only the ``top_k`` largest predictions of a row may be positive.
        class_id: the only label of a row that counts.

    Raises:
        ValueError: for a threshold outside 0 to 1.
    """

    mistakes: ClassVar[str]

    def __init__(
        self,
        thresholds: Given = None,
        top_k: int | None = None,
        class_id: int | None = None,
        name: str | None = None,
        dtype: object = None,
    ) -> None:
        default = 0.5 if top_k is None else _ALL_OF_TOP_K
        super().__init__(("true_positives", self.mistakes), decision_thresholds(thresholds, default), name, dtype)
        self._given = thresholds
        self.top_k = top_k
        self.class_id = class_id

    def _how_to_count(self) -> dict[str, Any]:
        return {"top_k": self.top_k, "class_id": self.class_id}

    def result(self) -> Tensor:
        """The share so far, 0 before the first: a scalar, or one for each of several thresholds."""
        right, wrong = self.true_positives, getattr(self, self.mistakes)
        return _scalar_if_one(divide_no_nan(right, right + wrong))

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments under Keras 3's names."""
        choice = {"thresholds": self._given, "top_k": self.top_k, "class_id": self.class_id}
        return {"name": self.name, "dtype": self._dtype_name, **choice}


@with_arguments_of(_Share)
class Precision(_Share):
    """How many of the positive decisions are right.

    Example:
        >>> Precision()([0, 1, 1, 1], [0.7, 0.8, 0.3, 0.9])
        tensor(0.6667)
        >>> Precision(top_k=1)([[0, 1, 1], [1, 0, 0]], [[0.1, 0.7, 0.2], [0.2, 0.5, 0.3]])
        tensor(0.5000)
    """

    mistakes = "false_positives"


@with_arguments_of(_Share)
class Recall(_Share):
    """How many of the positive targets are found.

    Example:
        >>> Recall(thresholds=[0.25, 0.5])([0, 1, 1, 1], [0.7, 0.8, 0.3, 0.9])
        tensor([1.0000, 0.6667])
    """

    mistakes = "false_negatives"


def _scalar_if_one(values: Tensor) -> Tensor:
    return values[0] if len(values) == 1 else values
