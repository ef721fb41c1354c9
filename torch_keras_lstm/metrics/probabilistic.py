"""Crossentropies and divergences as metrics."""

from typing import Any

import torch
from torch import Tensor

from torch_keras_lstm.docstrings import with_arguments_of
from torch_keras_lstm.losses.crossentropy import (
    binary_crossentropy,
    categorical_crossentropy,
    sparse_categorical_crossentropy,
)
from torch_keras_lstm.losses.divergence import kl_divergence, poisson
from torch_keras_lstm.metrics.function_metric import FunctionMetric
from torch_keras_lstm.metrics.metric import Metric


@with_arguments_of(Metric)
class KLDivergence(FunctionMetric):
    """The mean of ``sum(y_true * log(y_true / y_pred))``, of probabilities clipped to 1e-7 and 1.

    Example:
        >>> KLDivergence()([[0.5, 0.5], [0.0, 1.0]], [[0.5, 0.5], [0.5, 0.5]])
        tensor(0.3466)
    """

    def __init__(self, name: str | None = "kl_divergence", dtype: object = None) -> None:
        super().__init__(kl_divergence, name, dtype)


@with_arguments_of(Metric)
class Poisson(FunctionMetric):
    """The mean of ``y_pred - y_true * log(y_pred + 1e-7)``, of counts and the rates predicted for them.

    Example:
        >>> Poisson()([[1.0, 0.0]], [[1.0, 2.0]])
        tensor(1.5000)
    """

    def __init__(self, name: str | None = "poisson", dtype: object = None) -> None:
        super().__init__(poisson, name, dtype)


@with_arguments_of(Metric)
class BinaryCrossentropy(FunctionMetric):
    """The mean of ``-(y_true * log(y_pred) + (1 - y_true) * log(1 - y_pred))``, of targets from 0 to 1.

    Args:
        from_logits: the predictions are what goes into a sigmoid, any numbers, and not probabilities.
        label_smoothing: how far the targets are moved towards 0.5, from 0 for not at all to 1 for all the way.

    Example:
        >>> BinaryCrossentropy()([[1.0], [0.0]], [[0.8], [0.4]])
        tensor(0.3670)
    """

    def __init__(
        self,
        name: str | None = "binary_crossentropy",
        dtype: object = None,
        from_logits: bool = False,
        label_smoothing: float = 0,
    ) -> None:
        super().__init__(binary_crossentropy, name, dtype, from_logits=from_logits, label_smoothing=label_smoothing)


@with_arguments_of(Metric)
class CategoricalCrossentropy(FunctionMetric):
    """The mean of ``-sum(y_true * log(y_pred))``, of one target for each class.

    Args:
        from_logits: the predictions are what goes into a softmax, any numbers, and not probabilities.
        label_smoothing: how far the targets are moved towards equal shares, from 0 for not at all to 1 for all the way.
        axis: where the classes are.

    Example:
        >>> CategoricalCrossentropy()([[0, 1, 0], [1, 0, 0]], [[0.25, 0.5, 0.25], [1.0, 0.0, 0.0]])
        tensor(0.3466)
    """

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


@with_arguments_of(Metric)
class SparseCategoricalCrossentropy(FunctionMetric):
    """The mean of ``-log(y_pred[y_true])``, of targets that are numbers of classes.

    As in Keras, targets of ``ignore_class`` count as a loss of 0, and where there are weights or a mask not at all.

    Args:
        from_logits: the predictions are what goes into a softmax, any numbers, and not probabilities.
        ignore_class: a target that is no class.
        axis: where the classes are.

    Example:
        >>> SparseCategoricalCrossentropy(from_logits=True)([0, 2], [[2.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
        tensor(0.6691)
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
