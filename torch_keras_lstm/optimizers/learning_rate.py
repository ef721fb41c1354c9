"""What may be given as a learning rate, and which number it means at a time."""

import inspect
import math
from collections.abc import Callable, Mapping
from typing import Any, cast

import numpy as np
from torch import Tensor

from torch_keras_lstm.arguments import check_number
from torch_keras_lstm.optimizers import schedules

LearningRate = float | Callable[..., Any]


def as_learning_rate(rate: object) -> LearningRate:
    """A number as a float, a schedule's configuration as the schedule; a callable as it is.

    Raises:
        ValueError: for anything else.
    """
    if isinstance(rate, Mapping):
        return schedules.deserialize(rate)
    if callable(rate) and not isinstance(rate, Tensor):
        return rate
    value = rate.item() if isinstance(rate, Tensor | np.ndarray | np.generic) and math.prod(rate.shape) == 1 else rate
    check_number("learning_rate", value)
    return float(cast(float, value))


def rate_at(rate: LearningRate, batches: int) -> float:
    """The number after ``batches``; a callable may take them or, as in Keras, nothing."""
    if not callable(rate):
        return rate
    takes_batches = isinstance(rate, schedules.LearningRateSchedule) or inspect.signature(rate).parameters
    return float(rate(batches) if takes_batches else rate())
