"""How often predictions hit their targets. Each function gives 1 for a hit and 0 for a miss, for every sample."""

import torch
from torch import Tensor

from torch_keras_lstm.docstrings import with_arguments_of
from torch_keras_lstm.losses.targets import ArrayLike, as_tensors, class_numbers, of_one_rank, of_one_shape
from torch_keras_lstm.metrics.function_metric import FunctionMetric
from torch_keras_lstm.metrics.metric import Metric
from torch_keras_lstm.single_precision import to_single

_CLASS_NUMBERS = " For targets that are the numbers of classes use sparse_{}."


def accuracy(y_true: ArrayLike, y_pred: ArrayLike) -> Tensor:
    """Whether prediction and target are equal."""
    y_true, y_pred = of_one_rank("accuracy", y_true, y_pred)
    return (y_true == y_pred).to(y_pred.dtype)


def binary_accuracy(y_true: ArrayLike, y_pred: ArrayLike, threshold: float = 0.5) -> Tensor:
    """Whether ``y_pred`` lies above ``threshold`` where ``y_true`` is 1, and not above where it is 0; of one shape.

    Example:
        >>> y_true, y_pred = torch.tensor([[1.0], [0.0], [1.0], [1.0]]), torch.tensor([[0.8], [0.4], [0.3], [0.9]])
        >>> binary_accuracy(y_true, y_pred)
        tensor([[1.],
                [1.],
                [0.],
                [1.]])
    """
    y_true, y_pred = of_one_rank("binary_accuracy", y_true, y_pred)
    return (y_true == (y_pred > to_single(threshold))).to(y_pred.dtype)


def categorical_accuracy(y_true: ArrayLike, y_pred: ArrayLike) -> Tensor:
    """Whether the most probable class of ``y_pred``, along the last axis, is that of ``y_true``, one number a class.

    Example:
        >>> y_true, y_pred = torch.tensor([[0, 1, 0], [0, 0, 1]]), torch.tensor([[0.1, 0.7, 0.2], [0.5, 0.3, 0.2]])
        >>> categorical_accuracy(y_true, y_pred)
        tensor([1., 0.])
    """
    y_true, y_pred = _one_hot("categorical_accuracy", y_true, y_pred)
    return (y_true.argmax(-1) == y_pred.argmax(-1)).to(y_pred.dtype)


def sparse_categorical_accuracy(y_true: ArrayLike, y_pred: ArrayLike) -> Tensor:
    """Whether the most probable class of ``y_pred``, along the last axis, is ``y_true``, the number of a class.

    Example:
        >>> y_true, y_pred = torch.tensor([1, 2]), torch.tensor([[0.1, 0.7, 0.2], [0.5, 0.3, 0.2]])
        >>> sparse_categorical_accuracy(y_true, y_pred)
        tensor([1., 0.])
    """
    y_true, y_pred = class_numbers("sparse_categorical_accuracy", y_true, y_pred, broadcast=True)
    return (y_true == y_pred.argmax(-1)).to(y_pred.dtype)


def top_k_categorical_accuracy(y_true: ArrayLike, y_pred: ArrayLike, k: int = 5) -> Tensor:
    """Whether fewer than ``k`` classes of ``y_pred`` are more probable than that of ``y_true``, one number a class.

    Example:
        >>> y_true, y_pred = torch.tensor([[0, 1, 0], [0, 0, 1]]), torch.tensor([[0.1, 0.7, 0.2], [0.5, 0.3, 0.2]])
        >>> top_k_categorical_accuracy(y_true, y_pred, k=2)
        tensor([1., 0.])
    """
    y_true, y_pred = _one_hot("top_k_categorical_accuracy", y_true, y_pred)
    return _in_top_k(y_true.argmax(-1), y_pred, k)


def sparse_top_k_categorical_accuracy(
    y_true: ArrayLike, y_pred: ArrayLike, k: int = 5, from_sorted_ids: bool = False
) -> Tensor:
    """Whether fewer than ``k`` classes of ``y_pred`` are more probable than ``y_true``, the number of a class.

    Args:
        from_sorted_ids: the predictions are the numbers of classes, the most probable first.

    Example:
        >>> y_true, y_pred = torch.tensor([1, 2]), torch.tensor([[0.1, 0.7, 0.2], [0.5, 0.3, 0.2]])
        >>> sparse_top_k_categorical_accuracy(y_true, y_pred, k=2)
        tensor([1., 0.])
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


@with_arguments_of(Metric)
class Accuracy(FunctionMetric):
    """The share of predictions that equal their targets.

    Example:
        >>> Accuracy()([1, 2, 3, 4], [1, 2, 0, 4])
        tensor(0.7500)
    """

    def __init__(self, name: str | None = "accuracy", dtype: object = None) -> None:
        super().__init__(accuracy, name, dtype)


@with_arguments_of(Metric)
class BinaryAccuracy(FunctionMetric):
    """The share of predictions that lie above ``threshold`` where the target is 1, and not above where it is 0.

    Args:
        threshold: the threshold.

    Example:
        >>> y_true, y_pred = torch.tensor([[1.0], [0.0], [1.0], [1.0]]), torch.tensor([[0.8], [0.4], [0.3], [0.9]])
        >>> metric = BinaryAccuracy(threshold=0.5)
        >>> metric.update_state(y_true, y_pred)
        >>> metric.result()
        tensor(0.7500)
        >>> metric.update_state(y_true, y_true)  # over all batches until `reset_state()`
        >>> metric.result()
        tensor(0.8750)
    """

    def __init__(self, name: str | None = "binary_accuracy", dtype: object = None, threshold: float = 0.5) -> None:
        super().__init__(binary_accuracy, name, dtype, threshold=threshold)


@with_arguments_of(Metric)
class CategoricalAccuracy(FunctionMetric):
    """The share of predictions whose largest class is that of the target, given by one number for each class.

    Example:
        >>> y_true, y_pred = torch.tensor([[0, 1, 0], [0, 0, 1]]), torch.tensor([[0.1, 0.7, 0.2], [0.5, 0.3, 0.2]])
        >>> CategoricalAccuracy()(y_true, y_pred, sample_weight=[0.2, 0.6])
        tensor(0.2500)
    """

    def __init__(self, name: str | None = "categorical_accuracy", dtype: object = None) -> None:
        super().__init__(categorical_accuracy, name, dtype)


@with_arguments_of(Metric)
class SparseCategoricalAccuracy(FunctionMetric):
    """The share of predictions (batch, ..., classes) whose largest class is the target, a number.

    Example:
        >>> y_true, y_pred = torch.tensor([1, 2]), torch.tensor([[0.1, 0.7, 0.2], [0.5, 0.3, 0.2]])
        >>> SparseCategoricalAccuracy()(y_true, y_pred)
        tensor(0.5000)
    """

    def __init__(self, name: str | None = "sparse_categorical_accuracy", dtype: object = None) -> None:
        super().__init__(sparse_categorical_accuracy, name, dtype)


@with_arguments_of(Metric)
class TopKCategoricalAccuracy(FunctionMetric):
    """How often fewer than ``k`` classes are more probable than that of the target, given by one number for each class.

    Args:
        k: how many classes may be guessed.

    Example:
        >>> y_true, y_pred = torch.tensor([[0, 1, 0], [0, 0, 1]]), torch.tensor([[0.1, 0.7, 0.2], [0.5, 0.3, 0.2]])
        >>> TopKCategoricalAccuracy(k=2)(y_true, y_pred)
        tensor(0.5000)
    """

    def __init__(self, k: int = 5, name: str | None = "top_k_categorical_accuracy", dtype: object = None) -> None:
        super().__init__(top_k_categorical_accuracy, name, dtype, k=k)


@with_arguments_of(Metric)
class SparseTopKCategoricalAccuracy(FunctionMetric):
    """How often fewer than ``k`` classes are more probable than the target, a number.

    Args:
        k: how many classes may be guessed.
        from_sorted_ids: the predictions are the numbers of classes, the most probable first.

    Example:
        >>> y_true, y_pred = torch.tensor([1, 2]), torch.tensor([[0.1, 0.7, 0.2], [0.5, 0.3, 0.2]])
        >>> SparseTopKCategoricalAccuracy(k=2)(y_true, y_pred)
        tensor(0.5000)
    """

    def __init__(
        self,
        k: int = 5,
        name: str | None = "sparse_top_k_categorical_accuracy",
        dtype: object = None,
        from_sorted_ids: bool = False,
    ) -> None:
        super().__init__(sparse_top_k_categorical_accuracy, name, dtype, k=k, from_sorted_ids=from_sorted_ids)
