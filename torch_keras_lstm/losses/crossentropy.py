"""Crossentropies: of yes-or-no targets, of classes given by one number each, and of classes given by their number.

Predictions are probabilities, or with ``from_logits`` any numbers. Probabilities that come straight from a sigmoid or
softmax activation are not looked at: as Keras on TensorFlow does, the loss is computed from the logits behind them.
Other probabilities are clipped to 1e-7 from 0 and 1.
"""

import warnings
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from torch_keras_lstm import logits
from torch_keras_lstm.clipping import clip
from torch_keras_lstm.docstrings import with_arguments_of
from torch_keras_lstm.losses.function_loss import FunctionLoss
from torch_keras_lstm.losses.loss import Loss
from torch_keras_lstm.losses.targets import EPSILON, ArrayLike, as_tensors, class_numbers, of_one_shape
from torch_keras_lstm.operations.neural import softmax_crossentropy

_CLASS_NUMBERS = " For targets that are the numbers of classes use sparse_categorical_crossentropy."


def binary_crossentropy(
    y_true: ArrayLike, y_pred: ArrayLike, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1
) -> Tensor:
    """``-mean(y_true * log(y_pred) + (1 - y_true) * log(1 - y_pred))`` over ``axis``.

    Args:
        y_true: from 0 to 1, in the shape of ``y_pred``.
        y_pred: (batch, ..., values), probabilities. What comes straight from a sigmoid is computed from its logits.
        from_logits: ``y_pred`` are what goes into a sigmoid, any numbers, and not probabilities.
        label_smoothing: how far the targets are moved towards 0.5, from 0 for not at all to 1 for all the way.
        axis: the axis of the mean.

    Raises:
        ValueError: when the shapes differ.

    Example:
        >>> binary_crossentropy([[1.0, 0.0]], [[0.5, 0.5]])
        tensor([0.6931])
        >>> binary_crossentropy([[1.0, 0.0]], [[0.0, 0.0]], from_logits=True)  # the same
        tensor([0.6931])
    """
    y_true, y_pred = of_one_shape("binary_crossentropy", y_true, y_pred)
    return elementwise_binary(smooth_binary(y_true, label_smoothing), y_pred, from_logits).mean(axis)


def smooth_binary(y_true: Tensor, label_smoothing: float) -> Tensor:
    """Targets moved towards 0.5."""
    return y_true * (1.0 - label_smoothing) + 0.5 * label_smoothing if label_smoothing else y_true


def elementwise_binary(y_true: Tensor, y_pred: Tensor, from_logits: bool = False) -> Tensor:
    """The binary crossentropy of each entry of two tensors of one shape."""
    known = _logits(y_pred, from_logits, "binary_crossentropy")
    if known is not None:
        return F.binary_cross_entropy_with_logits(known, y_true, reduction="none")
    y_pred = clip(y_pred, EPSILON, 1.0 - EPSILON)
    return -(y_true * torch.log(y_pred) + (1 - y_true) * torch.log(1 - y_pred))


def categorical_crossentropy(
    y_true: ArrayLike, y_pred: ArrayLike, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1
) -> Tensor:
    """``-sum(y_true * log(y_pred))`` over the classes, of predictions scaled to the sum 1.

    Args:
        y_true: one probability for each class, in the shape of ``y_pred``.
        y_pred: (batch, ..., classes), probabilities. What comes straight from a softmax is computed from its logits.
        from_logits: ``y_pred`` are what goes into a softmax, any numbers, and not probabilities.
        label_smoothing: how far the targets are moved towards equal shares, from 0 for not at all to 1 for all the way.
        axis: where the classes are.

    Raises:
        ValueError: when the shapes differ.

    Example:
        >>> categorical_crossentropy([[0.0, 1.0, 0.0]], [[0.25, 0.5, 0.25]])  # log(2)
        tensor([0.6931])
    """
    y_true, y_pred = of_one_shape("categorical_crossentropy", y_true, y_pred, _CLASS_NUMBERS)
    y_true = smooth_categorical("categorical_crossentropy", y_true, label_smoothing)
    known = _logits(y_pred, from_logits, "categorical_crossentropy")
    if known is not None:
        return softmax_crossentropy(y_true, known, axis)
    y_pred = clip(y_pred / y_pred.sum(axis, keepdim=True), EPSILON, 1.0 - EPSILON)
    return -(y_true * torch.log(y_pred)).sum(axis)


def smooth_categorical(loss: str, y_true: Tensor, label_smoothing: float) -> Tensor:
    """Targets (..., classes) moved towards equal shares. A warning goes out when there is but one class."""
    classes = y_true.shape[-1]
    if classes == 1:
        warnings.warn(
            f"{loss} compares the classes along the last axis, of which there is one in shape {tuple(y_true.shape)}. "
            "For a single probability use binary_crossentropy.",
            SyntaxWarning,
            stacklevel=3,
        )
    return y_true * (1.0 - label_smoothing) + label_smoothing / classes if label_smoothing else y_true


def sparse_categorical_crossentropy(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    from_logits: bool = False,
    ignore_class: int | None = None,
    axis: int = -1,
    label_smoothing: float = 0.0,
) -> Tensor:
    """``-log(y_pred[y_true])``, of predictions scaled to the sum 1.

    Args:
        y_true: the number of a class, in the shape of ``y_pred`` without the axis of the classes, or with 1 there.
        y_pred: (batch, ..., classes), probabilities. What comes straight from a softmax is computed from its logits.
        from_logits: ``y_pred`` are what goes into a softmax, any numbers, and not probabilities.
        ignore_class: the loss is 0 where this is the target.
        axis: where the classes are; on TensorFlow Keras allows the last one only.
        label_smoothing: how far the targets are moved towards equal shares, as Keras can from 3.16 on.

    Raises:
        ValueError: when the shapes do not fit or, on a CPU, when a target is not the number of a class. Elsewhere the
            loss of such a target is nan, as asking would mean to wait for the device.

    Example:
        >>> sparse_categorical_crossentropy([1, 0], [[0.25, 0.5, 0.25], [0.25, 0.5, 0.25]])
        tensor([0.6931, 1.3863])
    """
    y_true, y_pred = class_numbers("sparse_categorical_crossentropy", y_true, y_pred, axis)
    if ignore_class is None:
        return _smoothed(_of_class_numbers(y_true, y_pred, from_logits), y_pred, from_logits, label_smoothing)
    counts = y_true != ignore_class
    # A new tensor of probabilities: Keras too forgets the logits here.
    shown = torch.where(counts.unsqueeze(-1), y_pred, 0.0)
    values = _of_class_numbers(torch.where(counts, y_true, 0), shown, from_logits)
    return torch.where(counts, _smoothed(values, y_pred, from_logits, label_smoothing), 0.0)


def _smoothed(values: Tensor, y_pred: Tensor, from_logits: bool, label_smoothing: float) -> Tensor:
    """The losses of class numbers, mixed with those of equal shares of all classes."""
    if not label_smoothing:
        return values
    if from_logits:
        of_equal_shares = torch.logsumexp(y_pred, -1) - y_pred.mean(-1)
    else:
        shares = clip(y_pred / y_pred.sum(-1, keepdim=True), EPSILON, 1.0 - EPSILON)
        of_equal_shares = -torch.log(shares).mean(-1)
    return (1.0 - label_smoothing) * values + label_smoothing * of_equal_shares


def _of_class_numbers(y_true: Tensor, y_pred: Tensor, from_logits: bool) -> Tensor:
    known = _logits(y_pred, from_logits, "sparse_categorical_crossentropy")
    if known is None:
        known = torch.log(clip(y_pred, EPSILON, 1.0 - EPSILON))
    classes = known.shape[-1]
    is_class = (y_true >= 0) & (y_true < classes)
    if y_true.device.type == "cpu" and not is_class.all():
        raise ValueError(
            f"sparse_categorical_crossentropy expects targets from 0 to {classes - 1}, the numbers of the "
            f"{classes} classes predicted, got {y_true[~is_class][0].item()}."
        )
    values = F.cross_entropy(known.flatten(0, -2), torch.where(is_class, y_true, 0).flatten(), reduction="none")
    return torch.where(is_class, values.reshape(y_true.shape), torch.nan)


def _logits(y_pred: Tensor, from_logits: bool, loss: str) -> Tensor | None:
    """The logits to compute from, when there are any."""
    noted = logits.of(y_pred)
    if noted is None:
        return y_pred if from_logits else None
    if from_logits:
        warnings.warn(
            f"{loss} has `from_logits=True`, but the predictions come from a sigmoid or softmax activation: they are "
            "no logits. Leave out either of the two.",
            stacklevel=4,
        )
    return noted


def categorical_generalized_cross_entropy(y_true: ArrayLike, y_pred: ArrayLike, q: float) -> Tensor:
    """``(1 - p**q) / q`` of the probability ``p`` of the right class, which wrong labels disturb less than a logarithm.

    Args:
        y_true: the number of a class (batch,).
        y_pred: probabilities (batch, classes).
        q: between 0, towards which it becomes the crossentropy, and 1, the mean absolute error (Zhang and Sabuncu,
            2018).

    Example:
        >>> categorical_generalized_cross_entropy([1], [[0.75, 0.25]], q=0.5)
        tensor([1.])
    """
    y_true, y_pred = as_tensors(y_true, y_pred)
    classes = torch.arange(y_pred.shape[-1], device=y_pred.device)
    # a number that is no class has the probability 0, as in Keras
    probability = (y_pred * (y_true.to(torch.int32).unsqueeze(-1) == classes)).sum(-1)
    return (1 - probability**q) / q


@with_arguments_of(Loss)
class BinaryCrossentropy(FunctionLoss):
    """``-mean(y_true * log(y_pred) + (1 - y_true) * log(1 - y_pred))``, of targets from 0 to 1.

    Args:
        from_logits: ``y_pred`` are what goes into a sigmoid, any numbers, and not probabilities.
        label_smoothing: how far the targets are moved towards 0.5, from 0 for not at all to 1 for all the way.
        axis: the axis of the mean.

    Example:
        >>> y_true, y_pred = torch.tensor([[1.0], [0.0], [1.0]]), torch.tensor([[0.8], [0.4], [0.9]])
        >>> BinaryCrossentropy()(y_true, y_pred)
        tensor(0.2798)
        >>> BinaryCrossentropy(from_logits=True)(y_true, torch.logit(y_pred))
        tensor(0.2798)
    """

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str = "binary_crossentropy",
        dtype: object = None,
    ) -> None:
        arguments = {"from_logits": from_logits, "label_smoothing": label_smoothing, "axis": axis}
        super().__init__(binary_crossentropy, reduction, name, dtype, **arguments)


@with_arguments_of(Loss)
class CategoricalCrossentropy(FunctionLoss):
    """``-sum(y_true * log(y_pred))`` over the classes, of one target for each class.

    Args:
        from_logits: ``y_pred`` are what goes into a softmax, any numbers, and not probabilities.
        label_smoothing: how far the targets are moved towards equal shares, from 0 for not at all to 1 for all the way.
        axis: where the classes are.

    Example:
        >>> logits = torch.tensor([[2.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
        >>> CategoricalCrossentropy(from_logits=True, reduction=None)([[1, 0, 0], [0, 0, 1]], logits)
        tensor([0.2395, 1.0986])
    """

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str = "categorical_crossentropy",
        dtype: object = None,
    ) -> None:
        arguments = {"from_logits": from_logits, "label_smoothing": label_smoothing, "axis": axis}
        super().__init__(categorical_crossentropy, reduction, name, dtype, **arguments)


@with_arguments_of(Loss)
class SparseCategoricalCrossentropy(FunctionLoss):
    """``-log(y_pred[y_true])``, of targets that are numbers of classes.

    Under a mean, targets of ``ignore_class`` do not count.

    Args:
        from_logits: ``y_pred`` are what goes into a softmax, any numbers, and not probabilities.
        ignore_class: the loss is 0 where this is the target.
        axis: where the classes are: the last one.
        label_smoothing: how far the targets are moved towards equal shares, as Keras can from 3.16 on.

    Example:
        >>> logits = torch.tensor([[2.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
        >>> SparseCategoricalCrossentropy(from_logits=True)([0, 2], logits)
        tensor(0.6691)
        >>> SparseCategoricalCrossentropy(from_logits=True, ignore_class=2)([0, 2], logits)  # of the first alone
        tensor(0.2395)
    """

    def __init__(
        self,
        from_logits: bool = False,
        ignore_class: int | None = None,
        reduction: str | None = "sum_over_batch_size",
        axis: int = -1,
        name: str = "sparse_categorical_crossentropy",
        dtype: object = None,
        *,
        label_smoothing: float = 0.0,
    ) -> None:
        arguments: dict[str, Any] = {"from_logits": from_logits, "ignore_class": ignore_class, "axis": axis}
        if label_smoothing:  # which Keras 3.15 has no name for
            arguments["label_smoothing"] = label_smoothing
        super().__init__(sparse_categorical_crossentropy, reduction, name, dtype, **arguments)
        self.ignore_class = ignore_class
        self.axis = axis

    def compute_mask(self, y_true: Tensor, y_pred: Tensor) -> Tensor | None:
        """``False`` where the target is ``ignore_class``."""
        if self.ignore_class is None:
            return None
        axis = self.axis % y_pred.dim()
        return (y_true != self.ignore_class).reshape(*y_pred.shape[:axis], *y_pred.shape[axis + 1 :])


@with_arguments_of(Loss)
class CategoricalGeneralizedCrossEntropy(FunctionLoss):
    """``(1 - p**q) / q`` of the probability ``p`` of the right class, which wrong labels disturb less than a logarithm.

    Targets are numbers of classes, predictions probabilities (batch, classes) (Zhang and Sabuncu, 2018).

    Args:
        q: between 0, towards which it becomes the crossentropy, and 1, the mean absolute error.

    Raises:
        ValueError: unless ``q`` lies between 0 and 1.

    Example:
        >>> CategoricalGeneralizedCrossEntropy(q=0.5)([1, 0], [[0.75, 0.25], [1.0, 0.0]])
        tensor(0.5000)
    """

    def __init__(
        self,
        q: float = 0.5,
        reduction: str | None = "sum_over_batch_size",
        name: str = "categorical_generalized_cross_entropy",
        dtype: object = None,
    ) -> None:
        if not isinstance(q, int | float) or not 0 < q < 1:
            raise ValueError(f"`q` must be a number between 0 and 1, got {q!r}.")
        super().__init__(categorical_generalized_cross_entropy, reduction, name, dtype, q=q)
