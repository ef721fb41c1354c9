"""The base of the learning rate schedules."""

from typing import cast

import torch
from torch import Tensor

from torch_keras_lstm.arguments import check_number
from torch_keras_lstm.registry import Configured


class LearningRateSchedule(Configured):
    """A learning rate that depends on the number of batches seen so far; to be derived from.

    Example:
        >>> class Warmup(LearningRateSchedule):
        ...     def __call__(self, step):
        ...         return 0.1 * min(step + 1, 10) / 10
        >>> optimizer = optimizers.SGD(Warmup())
        >>> optimizer.learning_rate
        tensor(0.0100)
    """

    def __call__(self, step: int) -> float:
        """The learning rate of the next batch after ``step`` others."""
        raise NotImplementedError(f"{type(self).__name__} must define `__call__(self, step)`.")


def single(value: float) -> Tensor:
    """``value`` in single precision.

    Keras computes its schedules in float32 whatever the precision of the model, and rounds after every operation: in
    double precision a rate would differ in its eighth digit.
    """
    return torch.tensor(value, dtype=torch.float32)


def quotient(value: float, divisor: float) -> Tensor:
    """``value / divisor`` as TensorFlow computes it in ``fit``: times the reciprocal of the constant."""
    return single(value) * (1 / single(divisor))


def check_positive(name: str, value: object) -> None:
    """Raise a ``ValueError`` naming the argument unless ``value`` is a finite number above 0."""
    check_number(name, value)
    if cast(float, value) <= 0:
        raise ValueError(f"Argument `{name}` must be greater than 0, got {value!r}.")
