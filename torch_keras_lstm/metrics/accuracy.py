"""How often predictions hit their targets. Each function gives 1 for a hit and 0 for a miss, for every sample."""

from typing import Any

from torch import Tensor

from torch_keras_lstm.losses.reduction import match_ranks
from torch_keras_lstm.losses.targets import as_tensors
from torch_keras_lstm.metrics.mean import MeanMetricWrapper
from torch_keras_lstm.single_precision import to_single


def binary_accuracy(y_true: Any, y_pred: Any, threshold: float = 0.5) -> Tensor:
    """Whether a prediction lies above ``threshold`` where the target is 1, and not above where it is 0."""
    targets, predictions = match_ranks(*as_tensors(y_true, y_pred))
    return (targets == (predictions > to_single(threshold))).to(predictions.dtype)


def categorical_accuracy(y_true: Any, y_pred: Any) -> Tensor:
    """Whether the most probable class, along the last axis, is that of the target, given by one number a class."""
    targets, predictions = as_tensors(y_true, y_pred)
    return (targets.argmax(-1) == predictions.argmax(-1)).to(predictions.dtype)


def sparse_categorical_accuracy(y_true: Any, y_pred: Any) -> Tensor:
    """Whether the most probable class, along the last axis, is that of the target, given by its number."""
    targets, predictions = as_tensors(y_true, y_pred)
    if targets.dim() == predictions.dim() and targets.shape[-1] == 1:
        targets = targets.squeeze(-1)
    return (targets == predictions.argmax(-1)).to(predictions.dtype)


class BinaryAccuracy(MeanMetricWrapper):
    """The mean of :func:`binary_accuracy`."""

    def __init__(self, name: str = "binary_accuracy", dtype: object = None, threshold: float = 0.5) -> None:
        super().__init__(binary_accuracy, name, dtype, threshold=threshold)


class CategoricalAccuracy(MeanMetricWrapper):
    """The mean of :func:`categorical_accuracy`."""

    def __init__(self, name: str = "categorical_accuracy", dtype: object = None) -> None:
        super().__init__(categorical_accuracy, name, dtype)


class SparseCategoricalAccuracy(MeanMetricWrapper):
    """The mean of :func:`sparse_categorical_accuracy`."""

    def __init__(self, name: str = "sparse_categorical_accuracy", dtype: object = None) -> None:
        super().__init__(sparse_categorical_accuracy, name, dtype)
