"""How often predictions hit their targets. Each function gives 1 for a hit and 0 for a miss, for every sample."""

import torch
from torch import Tensor

from torch_keras_lstm.losses.targets import ArrayLike, as_tensors, class_numbers, of_one_rank, of_one_shape
from torch_keras_lstm.metrics.function_metric import FunctionMetric
from torch_keras_lstm.single_precision import to_single

_CLASS_NUMBERS = " For targets that are the numbers of classes use sparse_{}."


def accuracy(y_true: ArrayLike, y_pred: ArrayLike) -> Tensor:
    """Whether prediction and target are equal."""
    y_true, y_pred = of_one_rank("accuracy", y_true, y_pred)
    return (y_true == y_pred).to(y_pred.dtype)


def binary_accuracy(y_true: ArrayLike, y_pred: ArrayLike, threshold: float = 0.5) -> Tensor:
    """Whether a prediction lies above ``threshold`` where the target is 1, and not above where it is 0."""
    y_true, y_pred = of_one_rank("binary_accuracy", y_true, y_pred)
    return (y_true == (y_pred > to_single(threshold))).to(y_pred.dtype)


def categorical_accuracy(y_true: ArrayLike, y_pred: ArrayLike) -> Tensor:
    """Whether the most probable class, along the last axis, is that of the target, given by one number a class."""
    y_true, y_pred = _one_hot("categorical_accuracy", y_true, y_pred)
    return (y_true.argmax(-1) == y_pred.argmax(-1)).to(y_pred.dtype)


def sparse_categorical_accuracy(y_true: ArrayLike, y_pred: ArrayLike) -> Tensor:
    """Whether the most probable class, along the last axis, is that of the target, given by its number."""
    y_true, y_pred = class_numbers("sparse_categorical_accuracy", y_true, y_pred, broadcast=True)
    return (y_true == y_pred.argmax(-1)).to(y_pred.dtype)


def top_k_categorical_accuracy(y_true: ArrayLike, y_pred: ArrayLike, k: int = 5) -> Tensor:
    """Whether fewer than ``k`` classes are more probable than that of the target, given by one number a class."""
    y_true, y_pred = _one_hot("top_k_categorical_accuracy", y_true, y_pred)
    return _in_top_k(y_true.argmax(-1), y_pred, k)


def sparse_top_k_categorical_accuracy(
    y_true: ArrayLike, y_pred: ArrayLike, k: int = 5, from_sorted_ids: bool = False
) -> Tensor:
    """Whether fewer than ``k`` classes are more probable than that of the target, given by its number.

    Args:
        from_sorted_ids: the predictions are the numbers of classes, the most probable first.
    """
    if from_sorted_ids:
        y_true, y_pred = as_tensors(y_true, y_pred)
        return (y_true.reshape(*y_pred.shape[:-1], 1) == y_pred[..., :k]).any(-1).to(y_pred.dtype)
    y_true, y_pred = class_numbers("sparse_top_k_categorical_accuracy", y_true, y_pred)
    return _in_top_k(y_true, y_pred, k)


def _one_hot(metric: str, y_true: ArrayLike, y_pred: ArrayLike) -> tuple[Tensor, Tensor]:
    return of_one_shape(metric, y_true, y_pred, _CLASS_NUMBERS.format(metric))


def _in_top_k(classes: Tensor, y_pred: Tensor, k: int) -> Tensor:
    """Classes as probable as the target's do not count against it; rows that are not finite have no hit."""
    exists = (classes >= 0) & (classes < y_pred.shape[-1])
    own = y_pred.gather(-1, torch.where(exists, classes, 0).unsqueeze(-1))
    hit = ((y_pred > own).sum(-1) < k) & exists & y_pred.isfinite().all(-1)
    return hit.to(y_pred.dtype)


class Accuracy(FunctionMetric):
    """The share of predictions that equal their targets."""

    def __init__(self, name: str | None = "accuracy", dtype: object = None) -> None:
        super().__init__(accuracy, name, dtype)


class BinaryAccuracy(FunctionMetric):
    """The mean of :func:`binary_accuracy`."""

    def __init__(self, name: str | None = "binary_accuracy", dtype: object = None, threshold: float = 0.5) -> None:
        super().__init__(binary_accuracy, name, dtype, threshold=threshold)


class CategoricalAccuracy(FunctionMetric):
    """The mean of :func:`categorical_accuracy`."""

    def __init__(self, name: str | None = "categorical_accuracy", dtype: object = None) -> None:
        super().__init__(categorical_accuracy, name, dtype)


class SparseCategoricalAccuracy(FunctionMetric):
    """The mean of :func:`sparse_categorical_accuracy`."""

    def __init__(self, name: str | None = "sparse_categorical_accuracy", dtype: object = None) -> None:
        super().__init__(sparse_categorical_accuracy, name, dtype)


class TopKCategoricalAccuracy(FunctionMetric):
    """The mean of :func:`top_k_categorical_accuracy`."""

    def __init__(self, k: int = 5, name: str | None = "top_k_categorical_accuracy", dtype: object = None) -> None:
        super().__init__(top_k_categorical_accuracy, name, dtype, k=k)


class SparseTopKCategoricalAccuracy(FunctionMetric):
    """The mean of :func:`sparse_top_k_categorical_accuracy`."""

    def __init__(
        self,
        k: int = 5,
        name: str | None = "sparse_top_k_categorical_accuracy",
        dtype: object = None,
        from_sorted_ids: bool = False,
    ) -> None:
        super().__init__(sparse_top_k_categorical_accuracy, name, dtype, k=k, from_sorted_ids=from_sorted_ids)
