"""Losses that a function computes for each sample."""

from collections.abc import Callable, Mapping
from typing import Any, Self

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


class LossFunctionWrapper(FunctionLoss):
    """The loss that any function ``fn(y_true, y_pred, **kwargs)`` makes.

    Args:
        fn: of tensors; gives the loss of each sample.
        kwargs: more arguments of ``fn``; attributes of the loss too.

    Example:
        >>> def power_error(y_true, y_pred, power):
        ...     return (y_true - y_pred).abs().pow(power).mean(dim=-1)
        >>> LossFunctionWrapper(power_error, power=3)([[2.0], [0.0]], [[0.0], [1.0]])
        tensor(4.5000)
    """

    def __init__(
        self,
        fn: LossFunction,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: object = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(fn, reduction, name, dtype, **kwargs)

    def get_config(self) -> Config:
        """The constructor's arguments under Keras 3's names."""
        from torch_keras_lstm.losses.serialization import serialize  # knows this class

        return {**super().get_config(), "fn": serialize(self.fn)}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """The loss that :meth:`get_config` described; ``fn`` may be a function too."""
        from torch_keras_lstm.losses.serialization import get

        return cls(**{**config, "fn": get(config.get("fn"), "fn")})
