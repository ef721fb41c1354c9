"""Targets and predictions as the loss functions want them, and what to say when they do not fit."""

from typing import Any

import torch
from torch import Tensor

from torch_keras_lstm.losses.reduction import match_ranks


def as_tensors(y_true: Any, y_pred: Any) -> tuple[Tensor, Tensor]:
    """Both as tensors of the predictions' type and device; predictions that are whole numbers get torch's default type.

    A tensor of the right type comes back as it is.
    """
    y_pred = torch.as_tensor(y_pred)
    if not y_pred.is_floating_point():
        y_pred = y_pred.to(torch.get_default_dtype())
    return torch.as_tensor(y_true, dtype=y_pred.dtype, device=y_pred.device), y_pred


def of_one_rank(loss: str, y_true: Any, y_pred: Any) -> tuple[Tensor, Tensor]:
    """Both as tensors of one type and rank whose shapes broadcast.

    Raises:
        ValueError: naming the ``loss``, when the shapes do not fit.
    """
    y_true, y_pred = match_ranks(*as_tensors(y_true, y_pred))
    sizes = zip(y_true.shape, y_pred.shape, strict=False)
    if y_true.dim() != y_pred.dim() or any(a != b and 1 not in (a, b) for a, b in sizes):
        raise ValueError(f"{loss} {_wants(y_pred)}, got targets of shape {tuple(y_true.shape)}.")
    return y_true, y_pred


def of_one_shape(loss: str, y_true: Any, y_pred: Any, otherwise: str = "") -> tuple[Tensor, Tensor]:
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


def _wants(y_pred: Tensor) -> str:
    return f"expects targets of the shape of the predictions, {tuple(y_pred.shape)}"
