"""The optimizer's learning rate as logs show it."""

from typing import Any

from torch_keras_lstm.single_precision import to_single


def learning_rate_of(model: Any) -> float:
    """The present rate, rounded to single precision, in which Keras keeps it."""
    return to_single(float(model.optimizer.learning_rate))
