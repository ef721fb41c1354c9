"""Keras models as torch modules."""

from torch_keras_lstm.models.saving import load_model, load_weights
from torch_keras_lstm.models.sequential import Sequential

__all__ = ["Sequential", "load_model", "load_weights"]
