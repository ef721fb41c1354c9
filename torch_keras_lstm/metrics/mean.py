"""Sums and means over samples, and the mean that a function of targets and predictions makes."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from torch_keras_lstm.losses.naming import name_of
from torch_keras_lstm.losses.reduction import apply_mask, divide_no_nan, match_ranks
from torch_keras_lstm.metrics.metric import Metric
from torch_keras_lstm.registry import Config

MetricFunction = Callable[..., Tensor]


class Sum(Metric):
    """The sum of all values, each times its weight."""

    def __init__(self, name: str = "sum", dtype: object = None) -> None:
        super().__init__(name, dtype)
        self.add_variable((), "total")

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        """Add ``values``, of any shape, times ``sample_weight``."""
        values = self.floating(values)
        values, _ = _per_sample(values, _weights(sample_weight, values), torch.sum)
        self.add("total", values.sum())

    def result(self) -> Tensor:
        """The sum so far: a scalar."""
        return self.total


class Average(Metric):
    """Base of the metrics that are a weighted mean over samples; 0 before the first."""

    def __init__(self, name: str | None, dtype: object) -> None:
        super().__init__(name, dtype)
        self.add_variable((), "total")
        self.add_variable((), "count")

    def add_values(self, values: Tensor, sample_weight: Any, mask: Any = None) -> None:
        """Add the values of a batch.

        Args:
            values: (batch, ...); a sample counts once, as the mean over its axes. A scalar counts as one sample.
            sample_weight: for each sample (batch,), or for each of their steps (batch, time).
            mask: boolean, of the shape of the weights; masked entries weigh nothing.
        """
        values = self.floating(values)
        mask = None if mask is None else torch.as_tensor(mask, device=values.device)
        weight = apply_mask(_weights(sample_weight, values), mask, values.dtype, "sum")
        values, weight = _per_sample(values, weight, torch.mean)
        self.add("total", values.sum())
        self.add("count", torch.ones_like(values).sum() if weight is None else weight.sum())

    def result(self) -> Tensor:
        """The mean so far: a scalar."""
        return divide_no_nan(self.total, self.count)


class Mean(Average):
    """The mean of all values, weighted; 0 before the first.

    Values of several axes count as their mean over all axes but the first, once for each sample.
    """

    def __init__(self, name: str = "mean", dtype: object = None) -> None:
        super().__init__(name, dtype)

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        """Add ``values``, of any shape, with the weights ``sample_weight``."""
        self.add_values(values, sample_weight)


class MeanMetricWrapper(Average):
    """The mean of a function ``fn(y_true, y_pred, **kwargs)`` over all samples.

    Args:
        fn: gives one value for each sample, or several, which are averaged.
        kwargs: more arguments of ``fn``; attributes of the metric too.
    """

    def __init__(self, fn: MetricFunction, name: str | None = None, dtype: object = None, **kwargs: Any) -> None:
        super().__init__(name_of(fn) if name is None else name, dtype)
        self.fn = fn
        self._kwargs = kwargs
        vars(self).update(kwargs)

    @torch.no_grad()
    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None, mask: Any = None) -> None:
        """Add a batch.

        Args:
            y_true: targets.
            y_pred: predictions (batch, ...).
            sample_weight: one weight for each sample (batch,), or for each of their steps (batch, time).
            mask: boolean, the mask of the predictions; masked steps weigh nothing.
        """
        self.add_values(self.fn(y_true, y_pred, **self._kwargs), sample_weight, mask)

    def get_config(self) -> Config:
        """The constructor's arguments under Keras 3's names."""
        return {"name": self.name, "dtype": self._dtype_name, **self._kwargs}


def _weights(sample_weight: Any, values: Tensor) -> Tensor | None:
    """``sample_weight`` as a tensor like ``values``."""
    if sample_weight is None:
        return None
    return torch.as_tensor(sample_weight, dtype=values.dtype, device=values.device)


def _per_sample(values: Tensor, weight: Tensor | None, reduce: Callable[..., Tensor]) -> tuple[Tensor, Tensor | None]:
    """The weighted value of each sample and its weight: all axes but the first are reduced.

    Axes that the weights lack are reduced before the weights apply, the others after, and so are the weights' own.
    """
    if weight is not None:
        values, weight = match_ranks(values, weight)
        rank = weight.dim()
        values = _reduced(values, rank, reduce)
        weight = weight.expand(values.shape)
        values = values * weight
        weight = _reduced(weight, 1, reduce) if rank > 1 else weight
    return _reduced(values, 1, reduce), weight


def _reduced(values: Tensor, rank: int, reduce: Callable[..., Tensor]) -> Tensor:
    """``values`` with the axes from number ``rank`` on reduced."""
    return reduce(values, tuple(range(rank, values.dim()))) if values.dim() > rank else values
