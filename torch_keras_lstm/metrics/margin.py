"""Hinge losses as metrics."""

from torch_keras_lstm.docstrings import with_arguments_of
from torch_keras_lstm.losses.margin import categorical_hinge, hinge, squared_hinge
from torch_keras_lstm.metrics.function_metric import FunctionMetric
from torch_keras_lstm.metrics.metric import Metric


@with_arguments_of(Metric)
class Hinge(FunctionMetric):
    """The mean of ``max(1 - y_true * y_pred, 0)``, of targets -1 and 1, or 0 and 1, which are taken for these.

    Example:
        >>> Hinge()([[0.0, 1.0]], [[-2.0, 0.5]])
        tensor(0.2500)
    """

    def __init__(self, name: str | None = "hinge", dtype: object = None) -> None:
        super().__init__(hinge, name, dtype)


@with_arguments_of(Metric)
class SquaredHinge(FunctionMetric):
    """The mean of ``max(1 - y_true * y_pred, 0)**2``, of targets -1 and 1, or 0 and 1, which are taken for these.

    Example:
        >>> SquaredHinge()([[0.0, 1.0]], [[-2.0, 0.5]])
        tensor(0.1250)
    """

    def __init__(self, name: str | None = "squared_hinge", dtype: object = None) -> None:
        super().__init__(squared_hinge, name, dtype)


@with_arguments_of(Metric)
class CategoricalHinge(FunctionMetric):
    """The mean of ``max(1 + max((1 - y_true) * y_pred) - sum(y_true * y_pred), 0)``, of one target for each class.

    Example:
        >>> CategoricalHinge()([[0.0, 1.0, 0.0]], [[0.25, 0.5, 0.75]])
        tensor(1.2500)
    """

    def __init__(self, name: str | None = "categorical_hinge", dtype: object = None) -> None:
        super().__init__(categorical_hinge, name, dtype)
