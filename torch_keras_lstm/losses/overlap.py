"""Losses of segmentations: how little two sets overlap, with numbers from 0 to 1 for belonging."""

from torch import Tensor

from torch_keras_lstm.losses.function_loss import FunctionLoss
from torch_keras_lstm.losses.targets import EPSILON, ArrayLike, of_one_rank

Axes = int | tuple[int, ...] | list[int] | None


def dice(y_true: ArrayLike, y_pred: ArrayLike, axis: Axes = None) -> Tensor:
    """``1 - 2 * sum(y_true * y_pred) / (sum(y_true) + sum(y_pred))`` over ``axis``; ``None`` is all of them.

    Raises:
        ValueError: when the shapes do not fit.
    """
    y_true, y_pred = of_one_rank("dice", y_true, y_pred)
    both = (y_true * y_pred).sum(axis)
    return 1 - 2.0 * both / (y_true.sum(axis) + y_pred.sum(axis) + EPSILON)


def tversky(y_true: ArrayLike, y_pred: ArrayLike, alpha: float = 0.5, beta: float = 0.5, axis: Axes = None) -> Tensor:
    """:func:`dice` with weights: ``alpha`` for what the predictions miss, ``beta`` for what they add.

    Raises:
        ValueError: when the shapes do not fit.
    """
    y_true, y_pred = of_one_rank("tversky", y_true, y_pred)
    both = (y_true * y_pred).sum(axis)
    missed = ((1 - y_pred) * y_true).sum(axis)
    added = (y_pred * (1 - y_true)).sum(axis)
    return 1 - both / (both + missed * alpha + added * beta + EPSILON)


class Dice(FunctionLoss):
    """:func:`dice` as an object, with the arguments of every loss."""

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str = "dice",
        axis: Axes = None,
        dtype: object = None,
    ) -> None:
        super().__init__(dice, reduction, name, dtype, axis=axis)


class Tversky(FunctionLoss):
    """:func:`tversky` as an object, with the arguments of every loss."""

    def __init__(
        self,
        alpha: float = 0.5,
        beta: float = 0.5,
        reduction: str | None = "sum_over_batch_size",
        name: str = "tversky",
        axis: Axes = None,
        dtype: object = None,
    ) -> None:
        super().__init__(tversky, reduction, name, dtype, alpha=alpha, beta=beta, axis=axis)
