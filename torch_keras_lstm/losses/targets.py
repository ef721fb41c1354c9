"""Targets and predictions as the loss functions want them, and what to say when they do not fit."""

from collections.abc import Sequence

import torch
from torch import Tensor

from torch_keras_lstm import array_arguments, logits
from torch_keras_lstm.array_arguments import as_tensor
from torch_keras_lstm.losses.reduction import match_ranks

#: what targets and predictions may be
ArrayLike = array_arguments.ArrayLike

EPSILON = 1e-7  # keras.backend.epsilon()


def as_tensors(y_true: ArrayLike, y_pred: ArrayLike) -> tuple[Tensor, Tensor]:
    """Both as tensors of the predictions' type and device; predictions that are whole numbers get torch's default type.

    A tensor of the right type comes back as it is.
    """
    y_pred = _floating(y_pred)
    return as_tensor(y_true, y_pred.dtype, y_pred.device), y_pred


def of_one_rank(loss: str, y_true: ArrayLike, y_pred: ArrayLike) -> tuple[Tensor, Tensor]:
    """Both as tensors of one type and rank whose shapes broadcast.

    Raises:
        ValueError: naming the ``loss``, when the shapes do not fit.
    """
    y_true, y_pred = match_ranks(*as_tensors(y_true, y_pred))
    if not _of_one_size(y_true.shape, y_pred.shape):
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


def class_numbers(
    loss: str, y_true: ArrayLike, y_pred: ArrayLike, axis: int = -1, broadcast: bool = False
) -> tuple[Tensor, Tensor]:
    """Targets that are numbers of classes, as integers (batch, ...), and predictions (batch, ..., classes).

    Args:
        axis: where the predictions have the classes; in the result it is the last.
        broadcast: whether shapes of one rank will do that broadcast.

    Raises:
        ValueError: naming the ``loss``, when the shapes do not fit.
    """
    y_pred = _floating(y_pred)
    y_true = as_tensor(y_true, device=y_pred.device).long()
    if not -y_pred.dim() <= axis < y_pred.dim():
        raise ValueError(f"{loss}: predictions of shape {tuple(y_pred.shape)} have no axis {axis}.")
    if y_true.dim() == y_pred.dim() and y_true.shape[axis] == 1:
        y_true = y_true.squeeze(axis)
    y_pred = _with_last(y_pred, axis)
    wanted = y_pred.shape[:-1]
    fits = y_true.shape == wanted or (broadcast and _of_one_size(y_true.shape, wanted))
    if not fits:
        one_hot = " For targets with one number for each class use " + loss.removeprefix("sparse_") + "."
        raise ValueError(
            f"{loss} expects the number of a class for each prediction, in shape {tuple(wanted)}, got "
            f"targets of shape {tuple(y_true.shape)}.{one_hot if y_true.shape == y_pred.shape else ''}"
        )
    return y_true, y_pred


def _floating(y_pred: ArrayLike) -> Tensor:
    tensor = as_tensor(y_pred)
    return tensor if tensor.is_floating_point() else tensor.to(torch.get_default_dtype())


def _of_one_size(first: Sequence[int], second: Sequence[int]) -> bool:
    """Whether two shapes of one rank broadcast."""
    if first == second:
        return True
    return len(first) == len(second) and all(a == b or 1 in (a, b) for a, b in zip(first, second, strict=True))


def _with_last(y_pred: Tensor, axis: int) -> Tensor:
    """``y_pred`` with ``axis`` in the last place, and so the logits noted on it."""
    if axis in (-1, y_pred.dim() - 1):
        return y_pred
    noted, moved = logits.of(y_pred), y_pred.movedim(axis, -1)
    return moved if noted is None else logits.remember(moved, noted.movedim(axis, -1))


def _wants(y_pred: Tensor) -> str:
    return f"expects targets of the shape of the predictions, {tuple(y_pred.shape)}"
