"""The optimizer's learning rate as logs show it."""

from typing import Any

import torch

from torch_keras_lstm.callbacks.trained_model import TrainedModel
from torch_keras_lstm.single_precision import to_single


def single_optimizers(model: TrainedModel) -> dict[str, Any]:
    """The model's optimizer, or those in a ``MultiOptimizer``, by what their learning rates are called in logs."""
    several = getattr(model.optimizer, "optimizers", None)
    if several is None:
        return {"learning_rate": model.optimizer}
    return {f"learning_rate_{one.name}": one for one in several}


def learning_rate_of(model: TrainedModel, optimizer: Any = None) -> float:
    """The present rate, rounded to single precision unless the model has double: Keras keeps it in the same type.

    Args:
        optimizer: whose rate; by default the model's.
    """
    rate = float((model.optimizer if optimizer is None else optimizer).rate)
    return rate if any(weight.dtype is torch.float64 for weight in model.parameters()) else to_single(rate)
