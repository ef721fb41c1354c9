"""Losses that a function computes for each sample."""

from collections.abc import Callable
from typing import Any

from torch import Tensor

from torch_keras_lstm.losses.loss import Loss
from torch_keras_lstm.losses.reduction import match_ranks
from torch_keras_lstm.registry import Config

LossFunction = Callable[..., Tensor]


class FunctionLoss(Loss):
    """Base of the losses that are a function ``fn(y_true, y_pred, **kwargs)`` of this package.

    Args:
        fn: gets tensors whose ranks agree where one of them had an axis of size 1 too many or too few.
        kwargs: more arguments of ``fn``; attributes of the loss too.
    """

    def __init__(self, fn: LossFunction, reduction: str | None, name: str | None, dtype: object, **kwargs: Any) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.fn = fn
        self._kwargs = kwargs
        vars(self).update(kwargs)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """The loss of each sample: the shape of the predictions without their last axis."""
        return self.fn(*match_ranks(y_true, y_pred), **self._kwargs)

    def of_several(self, y_true: Any, y_pred: Any, sample_weight: Any = None, mask: Any = None) -> Tensor:
        """The loss of several outputs at once: the function gets them, and their targets, in their structure."""
        return self._reduce(self.fn(y_true, y_pred, **self._kwargs), sample_weight, mask)

    def get_config(self) -> Config:
        """The constructor's arguments under Keras 3's names."""
        return {**super().get_config(), **self._kwargs}
