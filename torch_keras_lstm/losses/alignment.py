"""Connectionist temporal classification (Graves et al., 2006): sequences of labels that nobody aligned."""

import torch
import torch.nn.functional as F
from torch import Tensor

from torch_keras_lstm.losses.function_loss import FunctionLoss
from torch_keras_lstm.losses.targets import ArrayLike, as_tensors

_BLANK = 0


def ctc(y_true: ArrayLike, y_pred: ArrayLike) -> Tensor:
    """The negative log-likelihood of label sequences, one (batch,) for each, with label 0 for blank and padding.

    Args:
        y_true: labels (batch, longest), filled up with 0.
        y_pred: logits (batch, time, labels).

    Raises:
        ValueError: for other shapes.
    """
    y_true, y_pred = as_tensors(y_true, y_pred)
    if y_true.dim() != 2 or y_pred.dim() != 3 or len(y_true) != len(y_pred):
        raise ValueError(
            "ctc expects targets (batch, longest) and predictions (batch, time, labels), got shapes "
            f"{tuple(y_true.shape)} and {tuple(y_pred.shape)}."
        )
    batch, time, _ = y_pred.shape
    return F.ctc_loss(
        y_pred.log_softmax(-1).transpose(0, 1),
        y_true.long(),
        torch.full((batch,), time),
        (y_true != _BLANK).sum(-1),
        blank=_BLANK,
        reduction="none",
    )


class CTC(FunctionLoss):
    """:func:`ctc` as an object, with the arguments of every loss."""

    def __init__(self, reduction: str | None = "sum_over_batch_size", name: str = "ctc", dtype: object = None) -> None:
        super().__init__(ctc, reduction, name, dtype)
