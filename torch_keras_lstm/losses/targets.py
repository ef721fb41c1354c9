"""Targets and predictions as the loss functions want them, and what to say when they do not fit."""

import numpy.typing as npt
import torch
from torch import Tensor

from torch_keras_lstm.losses.reduction import match_ranks

#: a tensor, or what ``torch.as_tensor`` makes one of
ArrayLike = Tensor | npt.ArrayLike

EPSILON = 1e-7  # keras.backend.epsilon()


def as_tensors(y_true: ArrayLike, y_pred: ArrayLike) -> tuple[Tensor, Tensor]:
    """Both as tensors of the predictions' type and device; predictions that are whole numbers get torch's default type.

    A tensor of the right type comes back as it is.
    """
    y_pred = _floating(y_pred)
    return torch.as_tensor(y_true, dtype=y_pred.dtype, device=y_pred.device), y_pred


def of_one_rank(loss: str, y_true: ArrayLike, y_pred: ArrayLike) -> tuple[Tensor, Tensor]:
    """Both as tensors of one type and rank whose shapes broadcast.

    Raises:
        ValueError: naming the ``loss``, when the shapes do not fit.
    """
    y_true, y_pred = match_ranks(*as_tensors(y_true, y_pred))
    sizes = zip(y_true.shape, y_pred.shape, strict=False)
    if y_true.dim() != y_pred.dim() or any(a != b and 1 not in (a, b) for a, b in sizes):
        raise ValueError(f"{loss} {_wants(y_pred)}, got targets of shape {tuple(y_true.shape)}.")
    return y_true, y_pred


def of_one_shape(loss: str, y_true: ArrayLike, y_pred: ArrayLike, otherwise: str = "") -> tuple[Tensor, Tensor]:
    """Both as tensors of one type, whose shapes are the same.

    Args:
        otherwise: ends the error: what to do instead.

    Raises:
        ValueError: naming the ``loss``, when the shapes differ.
    """
    y_true, y_pred = as_tensors(y_true, y_pred)
    if y_true.shape != y_pred.shape:
        raise ValueError(f"{loss} {_wants(y_pred)}, got targets of shape {tuple(y_true.shape)}.{otherwise}")
    return y_true, y_pred


def class_numbers(loss: str, y_true: ArrayLike, y_pred: ArrayLike, axis: int = -1) -> tuple[Tensor, Tensor]:
    """Targets that are numbers of classes, as integers (batch, ...), and predictions (batch, ..., classes).

    Raises:
        ValueError: naming the ``loss``, when the shapes do not fit or ``axis`` is not the last.
    """
    y_pred = _floating(y_pred)
    y_true = torch.as_tensor(y_true, device=y_pred.device).long()
    if axis not in (-1, y_pred.dim() - 1):
        raise ValueError(f"{loss} takes the classes from the last axis: `axis` must be -1, got {axis}.")
    if y_true.dim() == y_pred.dim() and y_true.shape[-1] == 1:
        y_true = y_true.squeeze(-1)
    if y_true.shape != y_pred.shape[:-1]:
        one_hot = " For targets with one number for each class use " + loss.removeprefix("sparse_") + "."
        raise ValueError(
            f"{loss} expects the number of a class for each prediction, in shape {tuple(y_pred.shape[:-1])}, got "
            f"targets of shape {tuple(y_true.shape)}.{one_hot if y_true.shape == y_pred.shape else ''}"
        )
    return y_true, y_pred


def _floating(y_pred: ArrayLike) -> Tensor:
    tensor = torch.as_tensor(y_pred)
    return tensor if tensor.is_floating_point() else tensor.to(torch.get_default_dtype())


def _wants(y_pred: Tensor) -> str:
    return f"expects targets of the shape of the predictions, {tuple(y_pred.shape)}"
