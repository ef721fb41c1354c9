"""Losses of segmentations: how little two sets overlap, with numbers from 0 to 1 for belonging."""

from torch import Tensor

from torch_keras_lstm.docstrings import with_arguments_of
from torch_keras_lstm.losses.function_loss import FunctionLoss
from torch_keras_lstm.losses.loss import Loss
from torch_keras_lstm.losses.targets import EPSILON, ArrayLike, of_one_rank

Axes = int | tuple[int, ...] | list[int] | None


def dice(y_true: ArrayLike, y_pred: ArrayLike, axis: Axes = None) -> Tensor:
    """``1 - 2 * sum(y_true * y_pred) / (sum(y_true) + sum(y_pred))`` over ``axis``; ``None`` is all of them.

    Raises:
        ValueError: when the shapes do not fit.

    Example:
        >>> dice([[1.0, 1.0, 0.0]], [[1.0, 0.0, 0.0]])  # 1 - 2 * 1 / (2 + 1)
        tensor(0.3333)
    """
    y_true, y_pred = of_one_rank("dice", y_true, y_pred)
    both = (y_true * y_pred).sum(axis)
    return 1 - 2.0 * both / (y_true.sum(axis) + y_pred.sum(axis) + EPSILON)


def tversky(y_true: ArrayLike, y_pred: ArrayLike, alpha: float = 0.5, beta: float = 0.5, axis: Axes = None) -> Tensor:
    """``1 - hit / (hit + alpha * missed + beta * added)``, of sums over ``axis``; ``None`` is all of them.

    Args:
        y_true: from 0 to 1, in the shape of ``y_pred``.
        y_pred: the same.
        alpha: the weight of what the targets have and the predictions lack.
        beta: the weight of what the predictions have and the targets lack.
        axis: of the sums.

    Raises:
        ValueError: when the shapes do not fit.

    Example:
        >>> tversky([[1.0, 1.0, 0.0]], [[1.0, 0.0, 0.0]], alpha=0.9, beta=0.1)
        tensor(0.4737)
    """
    y_true, y_pred = of_one_rank("tversky", y_true, y_pred)
    both = (y_true * y_pred).sum(axis)
    missed = ((1 - y_pred) * y_true).sum(axis)
    added = (y_pred * (1 - y_true)).sum(axis)
    return 1 - both / (both + missed * alpha + added * beta + EPSILON)


@with_arguments_of(Loss)
class Dice(FunctionLoss):
    """``1 - 2 * sum(y_true * y_pred) / (sum(y_true) + sum(y_pred))``, for masks of images.

    Args:
        axis: the axis or axes of the sums; ``None`` for all.

    Example:
        >>> Dice(axis=1, reduction=None)([[1.0, 1.0, 0.0], [0.0, 1.0, 0.0]], [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
        tensor([0.3333, 0.0000])
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str = "dice",
        axis: Axes = None,
        dtype: object = None,
    ) -> None:
        super().__init__(dice, reduction, name, dtype, axis=axis)


@with_arguments_of(Loss)
class Tversky(FunctionLoss):
    """``1 - hit / (hit + alpha * missed + beta * added)``, of sums over ``axis`` (Salehi et al., 2017).

    Args:
        alpha: the weight of what the targets have and the predictions lack.
        beta: the weight of what the predictions have and the targets lack.
        axis: the axis or axes of the sums; ``None`` for all.

    Example:
        >>> Tversky(alpha=0.9, beta=0.1)([[1.0, 1.0, 0.0]], [[1.0, 0.0, 0.0]])
        tensor(0.4737)
    """

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
