"""Which kind of classes targets and predictions speak of, as Keras tells it by their shapes."""

from typing import Literal

from torch import Tensor

Kind = Literal["binary", "sparse_categorical", "categorical"]


def kind_of_classes(y_true: Tensor, y_pred: Tensor) -> Kind:
    """One probability, or classes by their number, or by one probability each.

    Args:
        y_true: a batch of targets.
        y_pred: a batch of predictions, the classes along the last axis.
    """
    if y_pred.shape[-1] == 1:
        return "binary"
    one_number = y_true.dim() < y_pred.dim() or y_true.shape[-1] == 1
    return "sparse_categorical" if one_number else "categorical"
