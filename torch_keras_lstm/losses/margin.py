"""Losses of classes that want a margin between them.

Each function takes targets and predictions (batch, ..., values), tensors or array-likes of one shape, and gives a loss
(batch, ...) for each row of the last axis. It raises a ``ValueError`` when the shapes do not fit.
"""

import torch
from torch import Tensor

from torch_keras_lstm.clipping import at_least
from torch_keras_lstm.docstrings import with_arguments_of
from torch_keras_lstm.losses.function_loss import FunctionLoss
from torch_keras_lstm.losses.loss import Loss
from torch_keras_lstm.losses.targets import ArrayLike, of_one_rank


def hinge(y_true: ArrayLike, y_pred: ArrayLike) -> Tensor:
    """``mean(max(1 - y_true * y_pred, 0))`` over the last axis, of targets -1 and 1, or 0 and 1, taken for these.

    Raises:
        ValueError: when the shapes do not fit.

    Example:
        >>> y_true, y_pred = torch.tensor([[0.0, 1.0]]), torch.tensor([[-2.0, 0.5]])
        >>> hinge(y_true, y_pred)  # 0 and 0.5
        tensor([0.2500])
    """
    y_true, y_pred = of_one_rank("hinge", y_true, y_pred)
    return _shortfall(y_true, y_pred).mean(-1)


def squared_hinge(y_true: ArrayLike, y_pred: ArrayLike) -> Tensor:
    """``mean(max(1 - y_true * y_pred, 0)**2)`` over the last axis, of targets -1 and 1, or 0 and 1, taken for these.

    Raises:
        ValueError: when the shapes do not fit.

    Example:
        >>> y_true, y_pred = torch.tensor([[0.0, 1.0]]), torch.tensor([[-2.0, 0.5]])
        >>> squared_hinge(y_true, y_pred)
        tensor([0.1250])
    """
    y_true, y_pred = of_one_rank("squared_hinge", y_true, y_pred)
    return torch.square(_shortfall(y_true, y_pred)).mean(-1)


def categorical_hinge(y_true: ArrayLike, y_pred: ArrayLike) -> Tensor:
    """``max(1 + max((1 - y_true) * y_pred) - sum(y_true * y_pred), 0)``, of one target for each class.

    Example:
        >>> categorical_hinge([[0.0, 1.0, 0.0]], [[0.25, 0.5, 0.75]])
        tensor([1.2500])
    """
    y_true, y_pred = of_one_rank("categorical_hinge", y_true, y_pred)
    right = (y_true * y_pred).sum(-1)
    best_wrong = ((1.0 - y_true) * y_pred).amax(-1)
    return at_least(best_wrong - right + 1.0, 0.0)


def _shortfall(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """How much each prediction lacks to a margin of 1 on the side of its target."""
    all_binary = ((y_true == 0) | (y_true == 1)).all()
    signs = torch.where(all_binary, 2.0 * y_true - 1.0, y_true)
    return at_least(1.0 - signs * y_pred, 0.0)


@with_arguments_of(Loss)
class Hinge(FunctionLoss):
    """``mean(max(1 - y_true * y_pred, 0))`` over the last axis, of targets -1 and 1, or 0 and 1, taken for these.

    Example:
        >>> y_true, y_pred = torch.tensor([[0.0, 1.0]]), torch.tensor([[-2.0, 0.5]])
        >>> Hinge()(y_true, y_pred)
        tensor(0.2500)
    """

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str = "hinge", dtype: object = None
    ) -> None:
        super().__init__(hinge, reduction, name, dtype)


@with_arguments_of(Loss)
class SquaredHinge(FunctionLoss):
    """``mean(max(1 - y_true * y_pred, 0)**2)`` over the last axis, of targets -1 and 1, or 0 and 1, taken for these.

    Example:
        >>> y_true, y_pred = torch.tensor([[0.0, 1.0]]), torch.tensor([[-2.0, 0.5]])
        >>> SquaredHinge()(y_true, y_pred)
        tensor(0.1250)
    """

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str = "squared_hinge", dtype: object = None
    ) -> None:
        super().__init__(squared_hinge, reduction, name, dtype)


@with_arguments_of(Loss)
class CategoricalHinge(FunctionLoss):
    """``max(1 + max((1 - y_true) * y_pred) - sum(y_true * y_pred), 0)``, of one target for each class.

    Example:
        >>> CategoricalHinge()([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]], [[0.25, 0.5, 0.75], [2.0, 0.5, 0.0]])
        tensor(0.6250)
    """

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str = "categorical_hinge", dtype: object = None
    ) -> None:
        super().__init__(categorical_hinge, reduction, name, dtype)
