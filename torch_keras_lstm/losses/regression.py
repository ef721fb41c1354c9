"""Losses of continuous targets.

Each function takes targets and predictions (batch, ..., values), tensors or array-likes of one shape, and gives a loss
(batch, ...) for each row of the last axis. It raises a ``ValueError`` when the shapes do not fit.
"""

import math

import torch
from torch import Tensor

from torch_keras_lstm import activations
from torch_keras_lstm.clipping import at_least
from torch_keras_lstm.losses.function_loss import FunctionLoss
from torch_keras_lstm.losses.targets import EPSILON, ArrayLike, of_one_rank
from torch_keras_lstm.single_precision import to_single


def mean_squared_error(y_true: ArrayLike, y_pred: ArrayLike) -> Tensor:
    """``mean((y_true - y_pred)**2)``."""
    y_true, y_pred = of_one_rank("mean_squared_error", y_true, y_pred)
    return torch.square(y_true - y_pred).mean(-1)


def mean_absolute_error(y_true: ArrayLike, y_pred: ArrayLike) -> Tensor:
    """``mean(|y_true - y_pred|)``."""
    y_true, y_pred = of_one_rank("mean_absolute_error", y_true, y_pred)
    return torch.abs(y_true - y_pred).mean(-1)


def mean_absolute_percentage_error(y_true: ArrayLike, y_pred: ArrayLike) -> Tensor:
    """``100 * mean(|y_true - y_pred| / |y_true|)``, the divisor at least 1e-7."""
    y_true, y_pred = of_one_rank("mean_absolute_percentage_error", y_true, y_pred)
    return 100.0 * torch.abs((y_true - y_pred) / at_least(y_true.abs(), EPSILON)).mean(-1)


def mean_squared_logarithmic_error(y_true: ArrayLike, y_pred: ArrayLike) -> Tensor:
    """``mean((log(y_true + 1) - log(y_pred + 1))**2)``, of values that are made at least 1e-7."""
    y_true, y_pred = of_one_rank("mean_squared_logarithmic_error", y_true, y_pred)
    least = to_single(EPSILON)
    logs = (torch.log(at_least(values, least) + 1.0) for values in (y_pred, y_true))
    return torch.square(torch.sub(*logs)).mean(-1)


def huber(y_true: ArrayLike, y_pred: ArrayLike, delta: float = 1.0) -> Tensor:
    """The mean of half the squared error up to an error of ``delta``, and of a straight line from there on."""
    y_true, y_pred = of_one_rank("huber", y_true, y_pred)
    error = y_pred - y_true
    size = error.abs()
    return torch.where(size <= delta, 0.5 * error.square(), delta * size - 0.5 * delta**2).mean(-1)


def log_cosh(y_true: ArrayLike, y_pred: ArrayLike) -> Tensor:
    """``mean(log(cosh(y_pred - y_true)))``."""
    y_true, y_pred = of_one_rank("log_cosh", y_true, y_pred)
    error = y_pred - y_true
    return (error + activations.softplus(error * -2.0) - to_single(math.log(2.0))).mean(-1)


def cosine_similarity(y_true: ArrayLike, y_pred: ArrayLike, axis: int = -1) -> Tensor:
    """The cosine of targets and predictions along ``axis``, negated, so that -1 is the same direction."""
    y_true, y_pred = of_one_rank("cosine_similarity", y_true, y_pred)
    return -cosine(y_true, y_pred, axis)


def cosine(first: Tensor, second: Tensor, axis: int) -> Tensor:
    """The cosine of two tensors of one shape along ``axis``; 0 where one of them is 0."""
    return (_unit(first, axis) * _unit(second, axis)).sum(axis)


def _unit(x: Tensor, axis: int) -> Tensor:
    return x / at_least(torch.linalg.vector_norm(x, dim=axis, keepdim=True), EPSILON)


class MeanSquaredError(FunctionLoss):
    """:func:`mean_squared_error` as an object, with the arguments of every loss."""

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str = "mean_squared_error", dtype: object = None
    ) -> None:
        super().__init__(mean_squared_error, reduction, name, dtype)


class MeanAbsoluteError(FunctionLoss):
    """:func:`mean_absolute_error` as an object, with the arguments of every loss."""

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str = "mean_absolute_error", dtype: object = None
    ) -> None:
        super().__init__(mean_absolute_error, reduction, name, dtype)


class MeanAbsolutePercentageError(FunctionLoss):
    """:func:`mean_absolute_percentage_error` as an object, with the arguments of every loss."""

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str = "mean_absolute_percentage_error",
        dtype: object = None,
    ) -> None:
        super().__init__(mean_absolute_percentage_error, reduction, name, dtype)


class MeanSquaredLogarithmicError(FunctionLoss):
    """:func:`mean_squared_logarithmic_error` as an object, with the arguments of every loss."""

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str = "mean_squared_logarithmic_error",
        dtype: object = None,
    ) -> None:
        super().__init__(mean_squared_logarithmic_error, reduction, name, dtype)


class Huber(FunctionLoss):
    """:func:`huber` as an object, with the arguments of every loss."""

    def __init__(
        self,
        delta: float = 1.0,
        reduction: str | None = "sum_over_batch_size",
        name: str = "huber_loss",
        dtype: object = None,
    ) -> None:
        super().__init__(huber, reduction, name, dtype, delta=delta)


class LogCosh(FunctionLoss):
    """:func:`log_cosh` as an object, with the arguments of every loss."""

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str = "log_cosh", dtype: object = None
    ) -> None:
        super().__init__(log_cosh, reduction, name, dtype)


class CosineSimilarity(FunctionLoss):
    """:func:`cosine_similarity` as an object, with the arguments of every loss."""

    def __init__(
        self,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str = "cosine_similarity",
        dtype: object = None,
    ) -> None:
        super().__init__(cosine_similarity, reduction, name, dtype, axis=axis)
