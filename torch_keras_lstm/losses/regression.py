"""Losses of continuous targets.

Each function takes targets and predictions (batch, ..., values), tensors or array-likes of one shape, and gives a loss
(batch, ...) for each row of the last axis. It raises a ``ValueError`` when the shapes do not fit.
"""

import math

import torch
from torch import Tensor

from torch_keras_lstm import activations
from torch_keras_lstm.clipping import at_least
from torch_keras_lstm.docstrings import with_arguments_of
from torch_keras_lstm.losses.function_loss import FunctionLoss
from torch_keras_lstm.losses.loss import Loss
from torch_keras_lstm.losses.targets import EPSILON, ArrayLike, of_one_rank
from torch_keras_lstm.single_precision import to_single


def mean_squared_error(y_true: ArrayLike, y_pred: ArrayLike) -> Tensor:
    """``mean((y_true - y_pred)**2)``, for each row of the last axis of two tensors of one shape.

    Raises:
        ValueError: when the shapes do not fit.

    Example:
        >>> y_true, y_pred = torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.tensor([[1.0, 4.0], [3.0, 1.0]])
        >>> mean_squared_error(y_true, y_pred)
        tensor([2.0000, 4.5000])
    """
    y_true, y_pred = of_one_rank("mean_squared_error", y_true, y_pred)
    return torch.square(y_true - y_pred).mean(-1)


def mean_absolute_error(y_true: ArrayLike, y_pred: ArrayLike) -> Tensor:
    """``mean(|y_true - y_pred|)``, for each row of the last axis of two tensors of one shape.

    Raises:
        ValueError: when the shapes do not fit.

    Example:
        >>> y_true, y_pred = torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.tensor([[1.0, 4.0], [3.0, 1.0]])
        >>> mean_absolute_error(y_true, y_pred)
        tensor([1.0000, 1.5000])
    """
    y_true, y_pred = of_one_rank("mean_absolute_error", y_true, y_pred)
    return torch.abs(y_true - y_pred).mean(-1)


def mean_absolute_percentage_error(y_true: ArrayLike, y_pred: ArrayLike) -> Tensor:
    """``100 * mean(|y_true - y_pred| / |y_true|)``, the divisor at least 1e-7, for each row of the last axis.

    Raises:
        ValueError: when the shapes do not fit.

    Example:
        >>> y_true, y_pred = torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.tensor([[1.0, 4.0], [3.0, 1.0]])
        >>> mean_absolute_percentage_error(y_true, y_pred)
        tensor([50.0000, 37.5000])
    """
    y_true, y_pred = of_one_rank("mean_absolute_percentage_error", y_true, y_pred)
    return 100.0 * torch.abs((y_true - y_pred) / at_least(y_true.abs(), EPSILON)).mean(-1)


def mean_squared_logarithmic_error(y_true: ArrayLike, y_pred: ArrayLike) -> Tensor:
    """``mean((log(y_true + 1) - log(y_pred + 1))**2)`` over the last axis, of values that are made at least 1e-7.

    Raises:
        ValueError: when the shapes do not fit.

    Example:
        >>> y_true, y_pred = torch.tensor([[0.0, 1.0]]), torch.tensor([[0.0, 3.0]])
        >>> mean_squared_logarithmic_error(y_true, y_pred)  # log(2)**2 / 2
        tensor([0.2402])
    """
    y_true, y_pred = of_one_rank("mean_squared_logarithmic_error", y_true, y_pred)
    least = to_single(EPSILON)
    logs = (torch.log(at_least(values, least) + 1.0) for values in (y_pred, y_true))
    return torch.square(torch.sub(*logs)).mean(-1)


def huber(y_true: ArrayLike, y_pred: ArrayLike, delta: float = 1.0) -> Tensor:
    """The mean of half the squared error up to an error of ``delta``, and of a straight line from there on.

    It is taken over the last axis of ``y_true`` and ``y_pred``, of one shape.

    Raises:
        ValueError: when the shapes do not fit.

    Example:
        >>> huber(torch.zeros(1, 2), torch.tensor([[0.5, 3.0]]))  # of 0.125 and 2.5
        tensor([1.3125])
    """
    y_true, y_pred = of_one_rank("huber", y_true, y_pred)
    error = y_pred - y_true
    size = error.abs()
    return torch.where(size <= delta, 0.5 * error.square(), delta * size - 0.5 * delta**2).mean(-1)


def log_cosh(y_true: ArrayLike, y_pred: ArrayLike) -> Tensor:
    """``mean(log(cosh(y_pred - y_true)))``, for each row of the last axis of two tensors of one shape.

    Raises:
        ValueError: when the shapes do not fit.

    Example:
        >>> log_cosh(torch.zeros(1, 2), torch.tensor([[0.0, 10.0]]))  # about the absolute error less log(2)
        tensor([4.6534])
    """
    y_true, y_pred = of_one_rank("log_cosh", y_true, y_pred)
    error = y_pred - y_true
    return (error + activations.softplus(error * -2.0) - to_single(math.log(2.0))).mean(-1)


def cosine_similarity(y_true: ArrayLike, y_pred: ArrayLike, axis: int = -1) -> Tensor:
    """The cosine of ``y_true`` and ``y_pred`` along ``axis``, negated, so that -1 is the same direction.

    It is 0 where one of them is 0.

    Raises:
        ValueError: when the shapes do not fit.

    Example:
        >>> cosine_similarity([[1.0, 0.0], [1.0, 0.0]], [[2.0, 0.0], [3.0, 4.0]])
        tensor([-1.0000, -0.6000])
    """
    y_true, y_pred = of_one_rank("cosine_similarity", y_true, y_pred)
    return -cosine(y_true, y_pred, axis)


def cosine(first: Tensor, second: Tensor, axis: int) -> Tensor:
    """The cosine of two tensors of one shape along ``axis``; 0 where one of them is 0."""
    return (_unit(first, axis) * _unit(second, axis)).sum(axis)


def _unit(x: Tensor, axis: int) -> Tensor:
    return x / at_least(torch.linalg.vector_norm(x, dim=axis, keepdim=True), EPSILON)


@with_arguments_of(Loss)
class MeanSquaredError(FunctionLoss):
    """``mean((y_true - y_pred)**2)`` over the last axis.

    Example:
        >>> y_true, y_pred = torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.tensor([[1.0, 4.0], [3.0, 1.0]])
        >>> MeanSquaredError()(y_true, y_pred)
        tensor(3.2500)
        >>> MeanSquaredError()(y_true, y_pred, sample_weight=[1.0, 0.0])
        tensor(1.)
        >>> MeanSquaredError(reduction=None)(y_true, y_pred)
        tensor([2.0000, 4.5000])
    """

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str = "mean_squared_error", dtype: object = None
    ) -> None:
        super().__init__(mean_squared_error, reduction, name, dtype)


@with_arguments_of(Loss)
class MeanAbsoluteError(FunctionLoss):
    """``mean(|y_true - y_pred|)`` over the last axis.

    Example:
        >>> y_true, y_pred = torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.tensor([[1.0, 4.0], [3.0, 1.0]])
        >>> MeanAbsoluteError()(y_true, y_pred)
        tensor(1.2500)
    """

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str = "mean_absolute_error", dtype: object = None
    ) -> None:
        super().__init__(mean_absolute_error, reduction, name, dtype)


@with_arguments_of(Loss)
class MeanAbsolutePercentageError(FunctionLoss):
    """``100 * mean(|y_true - y_pred| / |y_true|)`` over the last axis, the divisor at least 1e-7.

    Example:
        >>> y_true, y_pred = torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.tensor([[1.0, 4.0], [3.0, 1.0]])
        >>> MeanAbsolutePercentageError()(y_true, y_pred)
        tensor(43.7500)
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str = "mean_absolute_percentage_error",
        dtype: object = None,
    ) -> None:
        super().__init__(mean_absolute_percentage_error, reduction, name, dtype)


@with_arguments_of(Loss)
class MeanSquaredLogarithmicError(FunctionLoss):
    """``mean((log(y_true + 1) - log(y_pred + 1))**2)`` over the last axis, of values that are made at least 1e-7.

    Example:
        >>> MeanSquaredLogarithmicError()([[0.0, 1.0]], [[0.0, 3.0]])
        tensor(0.2402)
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str = "mean_squared_logarithmic_error",
        dtype: object = None,
    ) -> None:
        super().__init__(mean_squared_logarithmic_error, reduction, name, dtype)


@with_arguments_of(Loss)
class Huber(FunctionLoss):
    """Half the squared error up to an error of ``delta``, and a straight line from there on, over the last axis.

    Args:
        delta: the error at which the line begins.

    Example:
        >>> Huber(delta=2.0)(torch.zeros(1, 2), torch.tensor([[1.0, 5.0]]))  # of 0.5 and 8
        tensor(4.2500)
    """

    def __init__(
        self,
        delta: float = 1.0,
        reduction: str | None = "sum_over_batch_size",
        name: str = "huber_loss",
        dtype: object = None,
    ) -> None:
        super().__init__(huber, reduction, name, dtype, delta=delta)


@with_arguments_of(Loss)
class LogCosh(FunctionLoss):
    """``mean(log(cosh(y_pred - y_true)))`` over the last axis: squares of small errors, absolute values of large ones.

    Example:
        >>> LogCosh()([[0.0], [0.0]], [[0.0], [1.0]])
        tensor(0.2169)
    """

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str = "log_cosh", dtype: object = None
    ) -> None:
        super().__init__(log_cosh, reduction, name, dtype)


@with_arguments_of(Loss)
class CosineSimilarity(FunctionLoss):
    """The cosine of targets and predictions along an axis, negated, so that -1 is the same direction.

    Args:
        axis: the axis.

    Example:
        >>> CosineSimilarity()([[1.0, 0.0], [1.0, 0.0]], [[2.0, 0.0], [3.0, 4.0]])
        tensor(-0.8000)
    """

    def __init__(
        self,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str = "cosine_similarity",
        dtype: object = None,
    ) -> None:
        super().__init__(cosine_similarity, reduction, name, dtype, axis=axis)
