"""Crossentropies that look away from what is predicted well already (Lin et al., 2017)."""

from collections.abc import Sequence

import torch
from torch import Tensor

from torch_keras_lstm import activations
from torch_keras_lstm.clipping import clip
from torch_keras_lstm.docstrings import with_arguments_of
from torch_keras_lstm.losses.crossentropy import elementwise_binary, smooth_binary, smooth_categorical
from torch_keras_lstm.losses.function_loss import FunctionLoss
from torch_keras_lstm.losses.loss import Loss
from torch_keras_lstm.losses.targets import EPSILON, ArrayLike, class_numbers, of_one_shape


def binary_focal_crossentropy(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    apply_class_balancing: bool = False,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Tensor:
    """The mean over ``axis`` of binary crossentropies times ``(1 - p)**gamma``, ``p`` the probability of the target.

    Args:
        y_true: from 0 to 1, in the shape of ``y_pred``.
        y_pred: (batch, ..., values), probabilities.
        apply_class_balancing: weigh targets of 1 by ``alpha``, those of 0 by ``1 - alpha``.
        alpha: see there.
        gamma: how much less a probability that is right already counts; 0 for a plain crossentropy.
        from_logits: ``y_pred`` are what goes into a sigmoid, any numbers, and not probabilities.
        label_smoothing: how far the targets are moved towards 0.5, from 0 for not at all to 1 for all the way.
        axis: the axis of the mean.

    Raises:
        ValueError: when the shapes differ.

    Example:
        >>> binary_focal_crossentropy([[1.0, 0.0]], [[0.5, 0.5]], gamma=2.0)  # 0.5**2 * log(2)
        tensor([0.1733])
    """
    y_true, y_pred = of_one_shape("binary_focal_crossentropy", y_true, y_pred)
    y_true = smooth_binary(y_true, label_smoothing)
    if from_logits:
        y_pred = activations.sigmoid(y_pred)
    probability = y_true * y_pred + (1 - y_true) * (1 - y_pred)
    values = torch.pow(1.0 - probability, gamma) * elementwise_binary(y_true, y_pred)
    if apply_class_balancing:
        values = (y_true * alpha + (1 - y_true) * (1 - alpha)) * values
    return values.mean(axis)


def categorical_focal_crossentropy(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    alpha: float | Sequence[float] = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Tensor:
    """The sum over classes of categorical crossentropies times ``alpha * (1 - y_pred)**gamma``.

    Args:
        y_true: one probability for each class, in the shape of ``y_pred``.
        y_pred: (batch, ..., classes), probabilities, which are always looked at, and clipped.
        alpha: one weight for all classes, or one for each.
        gamma: how much less a probability that is right already counts; 0 for a plain crossentropy.
        from_logits: ``y_pred`` are what goes into a softmax, any numbers, and not probabilities.
        label_smoothing: how far the targets are moved towards equal shares, from 0 for not at all to 1 for all the way.
        axis: where the classes are.

    Raises:
        ValueError: when the shapes differ.

    Example:
        >>> categorical_focal_crossentropy([[0.0, 1.0]], [[0.5, 0.5]])  # 0.25 * 0.5**2 * log(2)
        tensor([0.0433])
    """
    y_true, y_pred = of_one_shape("categorical_focal_crossentropy", y_true, y_pred)
    y_true = smooth_categorical("categorical_focal_crossentropy", y_true, label_smoothing)
    if from_logits:
        y_pred = torch.softmax(y_pred, axis)
    y_pred = clip(y_pred / y_pred.sum(axis, keepdim=True), EPSILON, 1.0 - EPSILON)
    weight = torch.pow(1.0 - y_pred, gamma) * torch.as_tensor(alpha, dtype=y_pred.dtype, device=y_pred.device)
    return (weight * -y_true * torch.log(y_pred)).sum(axis)


def sparse_categorical_focal_crossentropy(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    alpha: float | Sequence[float] = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    ignore_class: int | None = None,
    axis: int = -1,
) -> Tensor:
    """``-alpha * (1 - p)**gamma * log(p)``, ``p`` the probability of the right class; Keras' from 3.16 on.

    Args:
        y_true: the number of a class, in the shape of ``y_pred`` without the axis of the classes, or with 1 there.
        y_pred: (batch, ..., classes), probabilities, which are scaled to the sum 1 and clipped.
        alpha: one weight for all classes, or one for each.
        gamma: how much less a probability that is right already counts; 0 for a plain crossentropy.
        from_logits: ``y_pred`` are what goes into a softmax, any numbers, and not probabilities.
        ignore_class: the loss is 0 where this is the target.
        axis: where the classes are.

    Raises:
        ValueError: when the shapes do not fit, or ``alpha`` has not one number for each class. The loss of a target
            that is not the number of a class is nan.

    Example:
        >>> sparse_categorical_focal_crossentropy([1], [[0.5, 0.5]])  # 0.25 * 0.5**2 * log(2)
        tensor([0.0433])
    """
    y_true, y_pred = class_numbers("sparse_categorical_focal_crossentropy", y_true, y_pred, axis)
    probabilities = torch.softmax(y_pred, -1) if from_logits else y_pred
    probabilities = clip(probabilities / probabilities.sum(-1, keepdim=True), EPSILON, 1.0 - EPSILON)
    classes = probabilities.shape[-1]
    weights = torch.as_tensor(alpha, dtype=probabilities.dtype, device=probabilities.device)
    if weights.dim() > 1 or (weights.dim() == 1 and len(weights) != classes):
        raise ValueError(f"`alpha` must be one number, or one for each of {classes} classes, got {alpha!r:.200}.")
    is_class = (y_true >= 0) & (y_true < classes)
    known = torch.where(is_class, y_true, 0).long()
    probability = probabilities.gather(-1, known.unsqueeze(-1)).squeeze(-1)
    weight = weights[known] if weights.dim() else weights
    values = -weight * torch.pow(1.0 - probability, gamma) * torch.log(probability)
    values = torch.where(is_class, values, torch.nan)
    return values if ignore_class is None else torch.where(y_true != ignore_class, values, 0.0)


@with_arguments_of(Loss)
class BinaryFocalCrossentropy(FunctionLoss):
    """Binary crossentropies times ``(1 - p)**gamma``, ``p`` the probability of the target (Lin et al., 2018).

    Args:
        apply_class_balancing: weigh targets of 1 by ``alpha``, those of 0 by ``1 - alpha``.
        alpha: see there.
        gamma: how much less a probability that is right already counts; 0 for a plain crossentropy.
        from_logits: ``y_pred`` are what goes into a sigmoid, any numbers, and not probabilities.
        label_smoothing: how far the targets are moved towards 0.5, from 0 for not at all to 1 for all the way.
        axis: the axis of the mean.

    Example:
        >>> BinaryFocalCrossentropy(apply_class_balancing=True)([[1.0], [0.0]], [[0.5], [0.5]])
        tensor(0.0866)
    """

    def __init__(
        self,
        apply_class_balancing: bool = False,
        alpha: float = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str = "binary_focal_crossentropy",
        dtype: object = None,
    ) -> None:
        super().__init__(
            binary_focal_crossentropy,
            reduction,
            name,
            dtype,
            apply_class_balancing=apply_class_balancing,
            alpha=alpha,
            gamma=gamma,
            from_logits=from_logits,
            label_smoothing=label_smoothing,
            axis=axis,
        )


@with_arguments_of(Loss)
class CategoricalFocalCrossentropy(FunctionLoss):
    """The sum over classes of crossentropies times ``alpha * (1 - y_pred)**gamma`` (Lin et al., 2018).

    Args:
        alpha: one weight for all classes, or one for each.
        gamma: how much less a probability that is right already counts; 0 for a plain crossentropy.
        from_logits: ``y_pred`` are what goes into a softmax, any numbers, and not probabilities.
        label_smoothing: how far the targets are moved towards equal shares, from 0 for not at all to 1 for all the way.
        axis: where the classes are.

    Example:
        >>> loss = CategoricalFocalCrossentropy(alpha=[0.5, 1.0], gamma=1.0)
        >>> loss([[0.0, 1.0], [1.0, 0.0]], [[0.5, 0.5], [0.5, 0.5]])
        tensor(0.2599)
    """

    def __init__(
        self,
        alpha: float | Sequence[float] = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str = "categorical_focal_crossentropy",
        dtype: object = None,
    ) -> None:
        super().__init__(
            categorical_focal_crossentropy,
            reduction,
            name,
            dtype,
            alpha=alpha,
            gamma=gamma,
            from_logits=from_logits,
            label_smoothing=label_smoothing,
            axis=axis,
        )


@with_arguments_of(Loss)
class SparseCategoricalFocalCrossentropy(FunctionLoss):
    """``-alpha * (1 - p)**gamma * log(p)``, ``p`` the probability of the right class, whose number is the target.

    Keras has it from 3.16 on. Under a mean, targets of ``ignore_class`` do not count.

    Args:
        alpha: one weight for all classes, or one for each.
        gamma: how much less a probability that is right already counts; 0 for a plain crossentropy.
        from_logits: ``y_pred`` are what goes into a softmax, any numbers, and not probabilities.
        ignore_class: the loss is 0 where this is the target.
        axis: where the classes are.

    Example:
        >>> SparseCategoricalFocalCrossentropy(gamma=1.0)([1, 0], [[0.5, 0.5], [0.5, 0.5]])
        tensor(0.0866)
    """

    def __init__(
        self,
        alpha: float | Sequence[float] = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        ignore_class: int | None = None,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str = "sparse_categorical_focal_crossentropy",
        dtype: object = None,
    ) -> None:
        super().__init__(
            sparse_categorical_focal_crossentropy,
            reduction,
            name,
            dtype,
            alpha=alpha,
            gamma=gamma,
            from_logits=from_logits,
            ignore_class=ignore_class,
            axis=axis,
        )
        self.ignore_class = ignore_class
        self.axis = axis

    def compute_mask(self, y_true: Tensor, y_pred: Tensor) -> Tensor | None:
        """``False`` where the target is ``ignore_class``."""
        if self.ignore_class is None:
            return None
        axis = self.axis % y_pred.dim()
        return (y_true != self.ignore_class).reshape(*y_pred.shape[:axis], *y_pred.shape[axis + 1 :])
