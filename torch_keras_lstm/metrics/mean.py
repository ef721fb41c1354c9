"""Weighted sums and means over samples."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from torch_keras_lstm.array_arguments import as_tensor
from torch_keras_lstm.docstrings import with_arguments_of
from torch_keras_lstm.losses.reduction import check_fits, divide_no_nan, match_ranks
from torch_keras_lstm.metrics.metric import Metric


@with_arguments_of(Metric)
class Sum(Metric):
    """The sum of all values, each times its weight.

    Example:
        >>> metric = Sum()
        >>> metric.update_state([1.0, 3.0], sample_weight=[1.0, 0.5])
        >>> metric.update_state(4.0)
        >>> metric.result()
        tensor(6.5000)
    """

    def __init__(self, name: str | None = "sum", dtype: object = None) -> None:
        super().__init__(dtype, name)
        self.add_sum((), "total")

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        """Add ``values``, of any shape, times ``sample_weight``."""
        values = self.floating(values)
        weight = None if sample_weight is None else weights_like(values, sample_weight)
        values, _ = _per_sample(values, weight, torch.sum)
        self.add("total", values.sum())

    def result(self) -> Tensor:
        """The sum so far: a scalar."""
        return self.total


class Average(Metric):
    """Base of the metrics that are a weighted mean over samples; 0 before the first."""

    def __init__(self, name: str | None, dtype: object) -> None:
        super().__init__(dtype, name)
        self.add_sum((), "total")
        self.add_sum((), "count")

    def add_values(self, values: Tensor, weight: Tensor | None) -> None:
        """Add the values of a batch.

        Args:
            values: (batch, ...); a sample counts once, as the mean over its axes. A scalar counts as one sample.
            weight: for each sample (batch,), or for each of their steps (batch, time), in the type of the values.
        """
        values, weight = _per_sample(values, weight, torch.mean)
        self.add("total", values.sum())
        self.add("count", values.new_full((), values.numel()) if weight is None else weight.sum())

    def result(self) -> Tensor:
        """The mean so far: a scalar."""
        return divide_no_nan(self.total, self.count)


@with_arguments_of(Metric)
class Mean(Average):
    """The mean of all values, weighted; 0 before the first.

    Values of several axes count as their mean over all axes but the first, once for each sample.

    Example:
        >>> metric = Mean(name="loss")
        >>> metric.update_state(2.0)
        >>> metric.update_state([4.0, 6.0])
        >>> metric.result(), metric.reset_state(), metric.result()
        (tensor(4.), None, tensor(0.))
    """

    def __init__(self, name: str | None = "mean", dtype: object = None) -> None:
        super().__init__(name, dtype)

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        """Add ``values``, of any shape, with the weights ``sample_weight``."""
        values = self.floating(values)
        self.add_values(values, None if sample_weight is None else weights_like(values, sample_weight))


def weights_like(values: Tensor, sample_weight: Any) -> Tensor:
    """``sample_weight``, a tensor, array-like or number, as a tensor like ``values``."""
    if isinstance(sample_weight, int | float):  # without the wait for the device that a copy to it would be
        return values.new_full((), sample_weight)
    return as_tensor(sample_weight, values.dtype, values.device)


def _per_sample(values: Tensor, weight: Tensor | None, reduce: Callable[..., Tensor]) -> tuple[Tensor, Tensor | None]:
    """The weighted value of each sample and its weight: all axes but the first are reduced.

    Axes that the weights lack are reduced before the weights apply, the others after, and so are the weights' own.
    """
    if weight is not None:
        values, weight = match_ranks(values, weight)
        rank = weight.dim()
        values = _reduced(values, rank, reduce)
        check_fits(values, weight, within=True)
        weight = weight.expand(values.shape)
        values = values * weight
        weight = _reduced(weight, 1, reduce) if rank > 1 else weight
    return _reduced(values, 1, reduce), weight


def _reduced(values: Tensor, rank: int, reduce: Callable[..., Tensor]) -> Tensor:
    """``values`` with the axes from number ``rank`` on reduced."""
    return reduce(values, tuple(range(rank, values.dim()))) if values.dim() > rank else values
