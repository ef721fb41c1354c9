"""Losses of classes that want a margin between them.

Each function takes targets and predictions (batch, ..., values), tensors or array-likes of one shape, and gives a loss
(batch, ...) for each row of the last axis. It raises a ``ValueError`` when the shapes do not fit.
"""

import torch
from torch import Tensor

from torch_keras_lstm.clipping import at_least
from torch_keras_lstm.losses.function_loss import FunctionLoss
from torch_keras_lstm.losses.targets import ArrayLike, of_one_rank


def hinge(y_true: ArrayLike, y_pred: ArrayLike) -> Tensor:
    """``mean(max(1 - y_true * y_pred, 0))`` of targets -1 and 1; targets that are all 0 or 1 are taken for these."""
    y_true, y_pred = of_one_rank("hinge", y_true, y_pred)
    return _shortfall(y_true, y_pred).mean(-1)


def squared_hinge(y_true: ArrayLike, y_pred: ArrayLike) -> Tensor:
    """``mean(max(1 - y_true * y_pred, 0)**2)``; targets as for :func:`hinge`."""
    y_true, y_pred = of_one_rank("squared_hinge", y_true, y_pred)
    return torch.square(_shortfall(y_true, y_pred)).mean(-1)


def categorical_hinge(y_true: ArrayLike, y_pred: ArrayLike) -> Tensor:
    """``max(1 + max((1 - y_true) * y_pred) - sum(y_true * y_pred), 0)``, of one target for each class."""
    y_true, y_pred = of_one_rank("categorical_hinge", y_true, y_pred)
    right = (y_true * y_pred).sum(-1)
    best_wrong = ((1.0 - y_true) * y_pred).amax(-1)
    return at_least(best_wrong - right + 1.0, 0.0)


def _shortfall(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """How much each prediction lacks to a margin of 1 on the side of its target."""
    all_binary = ((y_true == 0) | (y_true == 1)).all()
    signs = torch.where(all_binary, 2.0 * y_true - 1.0, y_true)
    return at_least(1.0 - signs * y_pred, 0.0)


class Hinge(FunctionLoss):
    """:func:`hinge` as an object, with the arguments of every loss."""

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str = "hinge", dtype: object = None
    ) -> None:
        super().__init__(hinge, reduction, name, dtype)


class SquaredHinge(FunctionLoss):
    """:func:`squared_hinge` as an object, with the arguments of every loss."""

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str = "squared_hinge", dtype: object = None
    ) -> None:
        super().__init__(squared_hinge, reduction, name, dtype)


class CategoricalHinge(FunctionLoss):
    """:func:`categorical_hinge` as an object, with the arguments of every loss."""

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str = "categorical_hinge", dtype: object = None
    ) -> None:
        super().__init__(categorical_hinge, reduction, name, dtype)
