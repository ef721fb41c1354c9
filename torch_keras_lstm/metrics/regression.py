"""Errors of continuous predictions."""

from typing import Any

import torch
from torch import Tensor

from torch_keras_lstm.docstrings import with_arguments_of
from torch_keras_lstm.losses.regression import (
    cosine,
    log_cosh,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
)
from torch_keras_lstm.losses.targets import ArrayLike, of_one_rank
from torch_keras_lstm.metrics.function_metric import FunctionMetric
from torch_keras_lstm.metrics.mean import Average, weights_like
from torch_keras_lstm.metrics.metric import Metric


def cosine_similarity(y_true: ArrayLike, y_pred: ArrayLike, axis: int = -1) -> Tensor:
    """The cosine of targets and predictions along ``axis``: unlike the loss of this name, 1 is the same direction."""
    return cosine(*of_one_rank("cosine_similarity", y_true, y_pred), axis)


@with_arguments_of(Metric)
class MeanSquaredError(FunctionMetric):
    """The mean of ``(y_true - y_pred)**2``.

    Example:
        >>> MeanSquaredError()([[1.0, 2.0], [3.0, 4.0]], [[1.0, 4.0], [3.0, 1.0]])
        tensor(3.2500)
    """

    def __init__(self, name: str | None = "mean_squared_error", dtype: object = None) -> None:
        super().__init__(mean_squared_error, name, dtype)


@with_arguments_of(Metric)
class MeanAbsoluteError(FunctionMetric):
    """The mean of ``|y_true - y_pred|``.

    Example:
        >>> MeanAbsoluteError()([[1.0, 2.0], [3.0, 4.0]], [[1.0, 4.0], [3.0, 1.0]], sample_weight=[1.0, 0.0])
        tensor(1.)
    """

    def __init__(self, name: str | None = "mean_absolute_error", dtype: object = None) -> None:
        super().__init__(mean_absolute_error, name, dtype)


@with_arguments_of(Metric)
class MeanAbsolutePercentageError(FunctionMetric):
    """The mean of ``100 * |y_true - y_pred| / |y_true|``, the divisor at least 1e-7.

    Example:
        >>> MeanAbsolutePercentageError()([[1.0, 2.0], [3.0, 4.0]], [[1.0, 4.0], [3.0, 1.0]])
        tensor(43.7500)
    """

    def __init__(self, name: str | None = "mean_absolute_percentage_error", dtype: object = None) -> None:
        super().__init__(mean_absolute_percentage_error, name, dtype)


@with_arguments_of(Metric)
class MeanSquaredLogarithmicError(FunctionMetric):
    """The mean of ``(log(y_true + 1) - log(y_pred + 1))**2``, of values that are made at least 1e-7.

    Example:
        >>> MeanSquaredLogarithmicError()([[0.0, 1.0]], [[0.0, 3.0]])
        tensor(0.2402)
    """

    def __init__(self, name: str | None = "mean_squared_logarithmic_error", dtype: object = None) -> None:
        super().__init__(mean_squared_logarithmic_error, name, dtype)


@with_arguments_of(Metric)
class LogCoshError(FunctionMetric):
    """The mean of ``log(cosh(y_pred - y_true))``.

    Example:
        >>> LogCoshError()([[0.0], [0.0]], [[0.0], [1.0]])
        tensor(0.2169)
    """

    def __init__(self, name: str | None = "logcosh", dtype: object = None) -> None:
        super().__init__(log_cosh, name, dtype)


@with_arguments_of(Metric)
class CosineSimilarity(FunctionMetric):
    """The mean cosine of targets and predictions along an axis: 1 is the same direction.

    Args:
        axis: the axis.

    Example:
        >>> CosineSimilarity()([[1.0, 0.0], [1.0, 0.0]], [[2.0, 0.0], [3.0, 4.0]])
        tensor(0.8000)
    """

    def __init__(self, name: str | None = "cosine_similarity", dtype: object = None, axis: int = -1) -> None:
        super().__init__(cosine_similarity, name, dtype, axis=axis)


@with_arguments_of(Metric)
class RootMeanSquaredError(Average):
    """The root of the mean squared error over all samples.

    Example:
        >>> RootMeanSquaredError()([[0.0], [0.0]], [[3.0], [4.0]])
        tensor(3.5355)
    """

    def __init__(self, name: str | None = "root_mean_squared_error", dtype: object = None) -> None:
        super().__init__(name, dtype)

    @torch.no_grad()
    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None, mask: Any = None) -> None:
        """Add a batch; arguments and errors as those of the other metrics, but as in Keras a ``mask`` has no effect."""
        y_true, y_pred = of_one_rank("root_mean_squared_error", y_true, self.floating(y_pred))
        weight = None if sample_weight is None else weights_like(y_pred, sample_weight)
        self.add_values(torch.square(y_pred - y_true), weight)

    def result(self) -> Tensor:
        """The error so far: a scalar."""
        return super().result().sqrt()
