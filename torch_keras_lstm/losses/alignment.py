"""Connectionist temporal classification (Graves et al., 2006): sequences of labels that nobody aligned."""

import torch
import torch.nn.functional as F
from torch import Tensor

from torch_keras_lstm.docstrings import with_arguments_of
from torch_keras_lstm.losses.function_loss import FunctionLoss
from torch_keras_lstm.losses.loss import Loss
from torch_keras_lstm.losses.targets import ArrayLike, as_tensors

_BLANK = 0


def ctc(y_true: ArrayLike, y_pred: ArrayLike) -> Tensor:
    """The negative log-likelihood of label sequences, one (batch,) for each, with label 0 for blank and padding.

    Args:
        y_true: labels (batch, longest), filled up with 0.
        y_pred: logits (batch, time, labels).

    Raises:
        ValueError: for other shapes or, on a CPU, a sequence that is too long for the time. Elsewhere the loss of such
            a sequence is infinite, as asking would mean to wait for the device.

    Example:
        >>> ctc([[1, 2, 0]], torch.zeros(1, 4, 3)).shape
        torch.Size([1])
    """
    y_true, y_pred = as_tensors(y_true, y_pred)
    if y_true.dim() != 2 or y_pred.dim() != 3 or len(y_true) != len(y_pred):
        raise ValueError(
            "ctc expects targets (batch, longest) and predictions (batch, time, labels), got shapes "
            f"{tuple(y_true.shape)} and {tuple(y_pred.shape)}."
        )
    labels = y_true.long()
    lengths = (labels != _BLANK).sum(-1)
    if labels.device.type == "cpu":
        _check_lengths(labels, lengths, y_pred.shape[1])
    times = torch.full((len(labels),), y_pred.shape[1])
    # torch has no CTC in half precision
    exact = y_pred if y_pred.dtype is torch.float64 else y_pred.float()
    log_p = exact.log_softmax(-1).transpose(0, 1)
    return F.ctc_loss(log_p, labels, times, lengths, blank=_BLANK, reduction="none").to(y_pred.dtype)


def _check_lengths(labels: Tensor, lengths: Tensor, time: int) -> None:
    """TensorFlow gives a sequence that cannot be said in time a loss of about 700, and torch an infinite one."""
    repeated = (labels[:, 1:] == labels[:, :-1]) & (labels[:, 1:] != _BLANK)
    needed = lengths + repeated.sum(-1)
    if (needed > time).any():
        row = int(needed.argmax())
        raise ValueError(
            f"ctc expects as many steps as labels, and one more between equal ones: row {row} needs {needed[row]}, got "
            f"{time}."
        )


@with_arguments_of(Loss)
class CTC(FunctionLoss):
    """The negative log-likelihood of label sequences, with label 0 for blank and padding (Graves et al., 2006).

    Targets are labels (batch, longest), filled up with 0, predictions logits (batch, time, labels). On a CPU a sequence
    that is too long for the time is a ``ValueError``; elsewhere its loss is infinite.

    Example:
        >>> labels = torch.tensor([[1, 2, 0], [2, 0, 0]])
        >>> CTC()(labels, torch.randn(2, 5, 3)).shape
        torch.Size([])
    """

    def __init__(self, reduction: str | None = "sum_over_batch_size", name: str = "ctc", dtype: object = None) -> None:
        super().__init__(ctc, reduction, name, dtype)
