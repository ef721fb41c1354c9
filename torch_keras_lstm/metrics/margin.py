"""Hinge losses as metrics."""

from torch_keras_lstm.losses.margin import categorical_hinge, hinge, squared_hinge
from torch_keras_lstm.metrics.function_metric import FunctionMetric


class Hinge(FunctionMetric):
    """The mean of :func:`~torch_keras_lstm.losses.hinge`."""

    def __init__(self, name: str | None = "hinge", dtype: object = None) -> None:
        super().__init__(hinge, name, dtype)


class SquaredHinge(FunctionMetric):
    """The mean of :func:`~torch_keras_lstm.losses.squared_hinge`."""

    def __init__(self, name: str | None = "squared_hinge", dtype: object = None) -> None:
        super().__init__(squared_hinge, name, dtype)


class CategoricalHinge(FunctionMetric):
    """The mean of :func:`~torch_keras_lstm.losses.categorical_hinge`."""

    def __init__(self, name: str | None = "categorical_hinge", dtype: object = None) -> None:
        super().__init__(categorical_hinge, name, dtype)
