"""Errors of continuous predictions."""

from typing import Any

import torch
from torch import Tensor

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


def cosine_similarity(y_true: ArrayLike, y_pred: ArrayLike, axis: int = -1) -> Tensor:
    """The cosine of targets and predictions along ``axis``: unlike the loss of this name, 1 is the same direction."""
    return cosine(*of_one_rank("cosine_similarity", y_true, y_pred), axis)


class MeanSquaredError(FunctionMetric):
    """The mean of :func:`~torch_keras_lstm.losses.mean_squared_error`."""

    def __init__(self, name: str | None = "mean_squared_error", dtype: object = None) -> None:
        super().__init__(mean_squared_error, name, dtype)


class MeanAbsoluteError(FunctionMetric):
    """The mean of :func:`~torch_keras_lstm.losses.mean_absolute_error`."""

    def __init__(self, name: str | None = "mean_absolute_error", dtype: object = None) -> None:
        super().__init__(mean_absolute_error, name, dtype)


class MeanAbsolutePercentageError(FunctionMetric):
    """The mean of :func:`~torch_keras_lstm.losses.mean_absolute_percentage_error`."""

    def __init__(self, name: str | None = "mean_absolute_percentage_error", dtype: object = None) -> None:
        super().__init__(mean_absolute_percentage_error, name, dtype)


class MeanSquaredLogarithmicError(FunctionMetric):
    """The mean of :func:`~torch_keras_lstm.losses.mean_squared_logarithmic_error`."""

    def __init__(self, name: str | None = "mean_squared_logarithmic_error", dtype: object = None) -> None:
        super().__init__(mean_squared_logarithmic_error, name, dtype)


class LogCoshError(FunctionMetric):
    """The mean of :func:`~torch_keras_lstm.losses.log_cosh`."""

    def __init__(self, name: str | None = "logcosh", dtype: object = None) -> None:
        super().__init__(log_cosh, name, dtype)


class CosineSimilarity(FunctionMetric):
    """The mean cosine of targets and predictions along ``axis``: 1 is the same direction."""

    def __init__(self, name: str | None = "cosine_similarity", dtype: object = None, axis: int = -1) -> None:
        super().__init__(cosine_similarity, name, dtype, axis=axis)


class RootMeanSquaredError(Average):
    """The root of the mean squared error over all samples."""

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
