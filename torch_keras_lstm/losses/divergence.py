"""Losses between distributions and rates: Kullback and Leibler's divergence, and Poisson's likelihood."""

import torch
from torch import Tensor

from torch_keras_lstm.clipping import clip
from torch_keras_lstm.losses.function_loss import FunctionLoss
from torch_keras_lstm.losses.targets import EPSILON, ArrayLike, of_one_rank


def kl_divergence(y_true: ArrayLike, y_pred: ArrayLike) -> Tensor:
    """``sum(y_true * log(y_true / y_pred))`` over the last axis, of probabilities clipped to 1e-7 and 1.

    Raises:
        ValueError: when the shapes do not fit.
    """
    y_true, y_pred = of_one_rank("kl_divergence", y_true, y_pred)
    y_true, y_pred = clip(y_true, EPSILON, 1.0), clip(y_pred, EPSILON, 1.0)
    return (y_true * torch.log(y_true / y_pred)).sum(-1)


def poisson(y_true: ArrayLike, y_pred: ArrayLike) -> Tensor:
    """``mean(y_pred - y_true * log(y_pred + 1e-7))`` over the last axis, of counts and the rates predicted for them.

    Raises:
        ValueError: when the shapes do not fit.
    """
    y_true, y_pred = of_one_rank("poisson", y_true, y_pred)
    return (y_pred - y_true * torch.log(y_pred + EPSILON)).mean(-1)


class KLDivergence(FunctionLoss):
    """:func:`kl_divergence` as an object, with the arguments of every loss."""

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str = "kl_divergence", dtype: object = None
    ) -> None:
        super().__init__(kl_divergence, reduction, name, dtype)


class Poisson(FunctionLoss):
    """:func:`poisson` as an object, with the arguments of every loss."""

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str = "poisson", dtype: object = None
    ) -> None:
        super().__init__(poisson, reduction, name, dtype)
