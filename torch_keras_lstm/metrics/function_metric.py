"""Metrics that are the mean of a function of targets and predictions."""

from collections.abc import Callable, Mapping
from typing import Any, Self

import torch
from torch import Tensor

from torch_keras_lstm.docstrings import with_arguments_of
from torch_keras_lstm.losses.reduction import apply_mask
from torch_keras_lstm.losses.reported_name import name_of
from torch_keras_lstm.losses.serialization import get, serialize
from torch_keras_lstm.metrics.mean import Average, weights_like
from torch_keras_lstm.metrics.metric import Metric
from torch_keras_lstm.registry import Config

MetricFunction = Callable[..., Tensor]


class FunctionMetric(Average):
    """Base of the metrics that are the mean of a function ``fn(y_true, y_pred, **kwargs)`` of this package.

    Args:
        fn: gives one value for each sample, or several, which are averaged.
        kwargs: more arguments of ``fn``; attributes of the metric too.
    """

    def __init__(self, fn: MetricFunction, name: str | None, dtype: object, **kwargs: Any) -> None:
        super().__init__(name, dtype)
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
            mask: boolean, the mask of the predictions; masked steps weigh nothing. By default the one that travels
                with them, as Keras keeps it in ``_keras_mask``.

        Raises:
            ValueError: when the shapes do not fit the function, or the weights not its values.
        """
        mask = getattr(y_pred, "_keras_mask", None) if mask is None else mask
        values = self.floating(self.fn(y_true, y_pred, **self._kwargs), like=y_pred)
        weight = None if sample_weight is None else weights_like(values, sample_weight)
        for counts in (mask, self.compute_mask(y_true, y_pred)):
            # Keras has no mask of the function's own without weights or a mask of the predictions
            if counts is not None and (counts is mask or weight is not None):
                weight = apply_mask(weight, torch.as_tensor(counts, device=values.device), values.dtype, "sum")
        self.add_values(values, weight)

    def compute_mask(self, y_true: Any, y_pred: Any) -> Tensor | None:
        """``True`` where a value of the function counts, once anything is weighed; ``None`` when all do."""
        return None

    def get_config(self) -> Config:
        """The constructor's arguments under Keras 3's names."""
        return {"name": self.name, "dtype": self._dtype_name, **self._kwargs}


@with_arguments_of(Metric)
class MeanMetricWrapper(FunctionMetric):
    """The mean of any function ``fn(y_true, y_pred, **kwargs)``.

    Args:
        fn: gives one value for each sample, or several, which are averaged.
        name: by default that of the function.
        kwargs: more arguments of ``fn``; attributes of the metric too.

    Example:
        >>> def within(y_true, y_pred, distance):
        ...     return ((y_true - y_pred).abs() <= distance).float().mean(dim=-1)
        >>> metric = MeanMetricWrapper(within, distance=0.5)
        >>> metric(torch.tensor([[1.0], [2.0]]), torch.tensor([[1.25], [3.0]]))
        tensor(0.5000)
    """

    def __init__(self, fn: MetricFunction, name: str | None = None, dtype: object = None, **kwargs: Any) -> None:
        super().__init__(fn, name_of(fn) if name is None else name, dtype, **kwargs)

    def get_config(self) -> Config:
        """The constructor's arguments under Keras 3's names."""
        return {**super().get_config(), "fn": serialize(self.fn)}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """The metric that :meth:`get_config` described; ``fn`` may be a function, or the name of a loss' too."""
        return cls(**{**config, "fn": get(config.get("fn"), "fn")})
