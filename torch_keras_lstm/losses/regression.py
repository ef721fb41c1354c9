"""Losses of continuous targets."""

from typing import Any

import torch
from torch import Tensor

from torch_keras_lstm.losses.loss import LossFunctionWrapper
from torch_keras_lstm.losses.targets import of_one_rank


def mean_squared_error(y_true: Any, y_pred: Any) -> Tensor:
    """``mean((y_true - y_pred)**2)`` over the last axis."""
    y_true, y_pred = of_one_rank("mean_squared_error", y_true, y_pred)
    return torch.square(y_true - y_pred).mean(-1)


class MeanSquaredError(LossFunctionWrapper):
    """:func:`mean_squared_error` as an object; arguments as :class:`~torch_keras_lstm.losses.Loss`."""

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str = "mean_squared_error", dtype: object = None
    ) -> None:
        super().__init__(mean_squared_error, reduction, name, dtype)
