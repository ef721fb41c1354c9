"""Metrics of torchmetrics, or whatever has their three methods, in the place of Keras'."""

from typing import Any, TypeGuard

import torch
from torch import Tensor

from torch_keras_lstm.losses.reported_name import name_of
from torch_keras_lstm.metrics.metric import Metric


def is_torch_metric(item: object) -> TypeGuard[Any]:
    """Whether ``item`` has ``update(preds, target)``, ``compute()`` and ``reset()``."""
    methods = ("update", "compute", "reset")
    return not isinstance(item, type) and all(callable(getattr(item, method, None)) for method in methods)


class TorchMetric(Metric):
    """A metric of torchmetrics, updated with the predictions first.

    Targets that are the numbers of classes lose a last axis of size 1, and steps (batch, time, classes) become samples.
    The metric moves to the device of the predictions. Its sums are its own: :attr:`variables` is empty, and several
    processes are its own business too.

    Args:
        metric: such as ``torchmetrics.classification.BinaryAUROC()``.
        name: by default its class in snake case.

    Example:
        >>> class Count:
        ...     def __init__(self):
        ...         self.reset()
        ...     def reset(self):
        ...         self.seen = torch.tensor(0)
        ...     def update(self, preds, target):
        ...         self.seen += len(target)
        ...     def compute(self):
        ...         return self.seen
        >>> metric = TorchMetric(Count(), name="samples")
        >>> metric.update_state(torch.zeros(5, 1), torch.zeros(5, 1))
        >>> metric.result()
        tensor(5)
    """

    def __init__(self, metric: Any, name: str | None = None) -> None:
        super().__init__(name=name_of(metric) if name is None else name)
        self.metric = metric

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None, mask: Any = None) -> None:
        """Add a batch.

        Args:
            y_true: targets.
            y_pred: predictions (batch, ...).
            sample_weight: must be ``None``.
            mask: boolean (batch, time); masked steps are left out.

        Raises:
            ValueError: for weights, which torchmetrics does not have.
        """
        if sample_weight is not None:
            raise ValueError(
                f"`{self.name}` is a metric of torchmetrics, which takes no `sample_weight`: move it from "
                "`weighted_metrics` to `metrics`, or use one of `torch_keras_lstm.metrics`."
            )
        predictions = torch.as_tensor(y_pred).detach()
        targets = torch.as_tensor(y_true, device=predictions.device)
        if mask is not None:
            counts = torch.as_tensor(mask, device=predictions.device).bool()
            predictions, targets = predictions[counts], targets[counts]
        if getattr(self.metric, "device", predictions.device) != predictions.device:
            self.metric.to(predictions.device)
        self.metric.update(*_flat(predictions, targets))

    def result(self) -> Tensor:
        """What the metric computes over all batches."""
        value: Tensor = self.metric.compute()
        return value

    def reset_state(self) -> None:
        """Begin anew."""
        self.metric.reset()


def _flat(predictions: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Predictions (samples, classes) for targets that are the numbers of classes; others as they are."""
    classes = predictions.shape[-1]
    if targets.dim() == predictions.dim() and targets.shape[-1] == 1 != classes:
        targets = targets.squeeze(-1)
    if targets.shape != predictions.shape[:-1] or classes == 1:
        return predictions, targets.reshape(predictions.shape) if classes == 1 else targets
    return predictions.reshape(-1, classes), targets.reshape(-1).long()
