"""The optimizer's learning rate as logs show it."""

from typing import Any

import torch

from torch_keras_lstm.single_precision import to_single


def learning_rate_of(model: Any) -> float:
    """The present rate, rounded to single precision unless the model has double: Keras keeps it in the same type."""
    rate = float(model.optimizer.learning_rate)
    return rate if any(weight.dtype is torch.float64 for weight in model.parameters()) else to_single(rate)
