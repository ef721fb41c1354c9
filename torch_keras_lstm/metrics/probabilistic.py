"""Crossentropies and divergences as metrics."""

from typing import Any

import torch
from torch import Tensor

from torch_keras_lstm.losses.crossentropy import (
    binary_crossentropy,
    categorical_crossentropy,
    sparse_categorical_crossentropy,
)
from torch_keras_lstm.losses.divergence import kl_divergence, poisson
from torch_keras_lstm.metrics.function_metric import FunctionMetric


class KLDivergence(FunctionMetric):
    """The mean of :func:`~torch_keras_lstm.losses.kl_divergence`."""

    def __init__(self, name: str | None = "kl_divergence", dtype: object = None) -> None:
        super().__init__(kl_divergence, name, dtype)


class Poisson(FunctionMetric):
    """The mean of :func:`~torch_keras_lstm.losses.poisson`."""

    def __init__(self, name: str | None = "poisson", dtype: object = None) -> None:
        super().__init__(poisson, name, dtype)


class BinaryCrossentropy(FunctionMetric):
    """The mean of :func:`~torch_keras_lstm.losses.binary_crossentropy`."""

    def __init__(
        self,
        name: str | None = "binary_crossentropy",
        dtype: object = None,
        from_logits: bool = False,
        label_smoothing: float = 0,
    ) -> None:
        super().__init__(binary_crossentropy, name, dtype, from_logits=from_logits, label_smoothing=label_smoothing)


class CategoricalCrossentropy(FunctionMetric):
    """The mean of :func:`~torch_keras_lstm.losses.categorical_crossentropy`."""

    def __init__(
        self,
        name: str | None = "categorical_crossentropy",
        dtype: object = None,
        from_logits: bool = False,
        label_smoothing: float = 0,
        axis: int = -1,
    ) -> None:
        arguments = {"from_logits": from_logits, "label_smoothing": label_smoothing, "axis": axis}
        super().__init__(categorical_crossentropy, name, dtype, **arguments)


class SparseCategoricalCrossentropy(FunctionMetric):
    """The mean of :func:`~torch_keras_lstm.losses.sparse_categorical_crossentropy`.

    As in Keras, targets of ``ignore_class`` count as a loss of 0, and where there are weights or a mask not at all.
    """

    def __init__(
        self,
        name: str | None = "sparse_categorical_crossentropy",
        dtype: object = None,
        from_logits: bool = False,
        ignore_class: int | None = None,
        axis: int = -1,
    ) -> None:
        arguments = {"from_logits": from_logits, "ignore_class": ignore_class, "axis": axis}
        super().__init__(sparse_categorical_crossentropy, name, dtype, **arguments)
        self.ignore_class = ignore_class

    def compute_mask(self, y_true: Any, y_pred: Any) -> Tensor | None:
        """``False`` where the target is ``ignore_class``."""
        if self.ignore_class is None:
            return None
        return torch.as_tensor(y_true != self.ignore_class).reshape(y_pred.shape[:-1])
