"""Crossentropies of classes with one probability, or logit, each."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from torch_keras_lstm import logits as logits_behind
from torch_keras_lstm.losses.loss import LossFunctionWrapper
from torch_keras_lstm.losses.targets import of_one_shape

EPSILON = 1e-7  # keras.backend.epsilon()


def binary_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1
) -> Tensor:
    """``-mean(y_true * log(y_pred) + (1 - y_true) * log(1 - y_pred))`` over ``axis``, of yes-or-no targets.

    Probabilities are clipped to 1e-7 from 0 and 1, unless they come straight from a sigmoid or softmax activation,
    whose logits are then used.

    Args:
        y_true: 0 or 1, or anything between, in the shape of ``y_pred``.
        y_pred: probabilities, or with ``from_logits`` any numbers.
        label_smoothing: moves the targets this far from 0 and 1 towards 0.5, of a way of 1.

    Raises:
        ValueError: when the shapes differ.
    """
    y_true, y_pred = of_one_shape("binary_crossentropy", y_true, y_pred)
    if label_smoothing:
        y_true = y_true * (1.0 - label_smoothing) + 0.5 * label_smoothing
    return elementwise_binary(y_true, y_pred, from_logits).mean(axis)


def elementwise_binary(y_true: Tensor, y_pred: Tensor, from_logits: bool = False) -> Tensor:
    """The binary crossentropy of each entry."""
    logits = logits_behind.of(y_pred)
    if logits is None and from_logits:
        logits = y_pred
    if logits is not None:
        return F.binary_cross_entropy_with_logits(logits, y_true, reduction="none")
    probabilities = torch.clamp(y_pred, EPSILON, 1.0 - EPSILON)
    return -(y_true * torch.log(probabilities) + (1 - y_true) * torch.log(1 - probabilities))


class BinaryCrossentropy(LossFunctionWrapper):
    """:func:`binary_crossentropy` as an object; other arguments as :class:`~torch_keras_lstm.losses.Loss`."""

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str = "binary_crossentropy",
        dtype: object = None,
    ) -> None:
        super().__init__(
            binary_crossentropy, reduction, name, dtype,
            from_logits=from_logits, label_smoothing=label_smoothing, axis=axis,
        )  # fmt: skip
