"""Losses between distributions and rates: Kullback and Leibler's divergence, and Poisson's likelihood."""

import torch
from torch import Tensor

from torch_keras_lstm.clipping import clip
from torch_keras_lstm.docstrings import with_arguments_of
from torch_keras_lstm.losses.function_loss import FunctionLoss
from torch_keras_lstm.losses.loss import Loss
from torch_keras_lstm.losses.targets import EPSILON, ArrayLike, of_one_rank


def kl_divergence(y_true: ArrayLike, y_pred: ArrayLike) -> Tensor:
    """``sum(y_true * log(y_true / y_pred))`` over the last axis, of probabilities clipped to 1e-7 and 1.

    Raises:
        ValueError: when the shapes do not fit.

    Example:
        >>> kl_divergence([[0.5, 0.5]], [[0.25, 0.75]])
        tensor([0.1438])
    """
    y_true, y_pred = of_one_rank("kl_divergence", y_true, y_pred)
    y_true, y_pred = clip(y_true, EPSILON, 1.0), clip(y_pred, EPSILON, 1.0)
    return (y_true * torch.log(y_true / y_pred)).sum(-1)


def poisson(y_true: ArrayLike, y_pred: ArrayLike) -> Tensor:
    """``mean(y_pred - y_true * log(y_pred + 1e-7))`` over the last axis, of counts and the rates predicted for them.

    Raises:
        ValueError: when the shapes do not fit.

    Example:
        >>> poisson([[1.0, 0.0]], [[1.0, 2.0]])
        tensor([1.5000])
    """
    y_true, y_pred = of_one_rank("poisson", y_true, y_pred)
    return (y_pred - y_true * torch.log(y_pred + EPSILON)).mean(-1)


@with_arguments_of(Loss)
class KLDivergence(FunctionLoss):
    """``sum(y_true * log(y_true / y_pred))`` over the last axis, of probabilities clipped to 1e-7 and 1.

    Example:
        >>> KLDivergence()([[0.5, 0.5], [0.0, 1.0]], [[0.5, 0.5], [0.5, 0.5]])
        tensor(0.3466)
    """

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str = "kl_divergence", dtype: object = None
    ) -> None:
        super().__init__(kl_divergence, reduction, name, dtype)


@with_arguments_of(Loss)
class Poisson(FunctionLoss):
    """``mean(y_pred - y_true * log(y_pred + 1e-7))`` over the last axis, of counts and the rates predicted for them.

    Example:
        >>> Poisson()([[1.0, 0.0]], [[1.0, 2.0]])
        tensor(1.5000)
    """

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str = "poisson", dtype: object = None
    ) -> None:
        super().__init__(poisson, reduction, name, dtype)
