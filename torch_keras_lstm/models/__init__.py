"""Keras models as torch modules."""

from torch_keras_lstm.models.sequential import Sequential

__all__ = ["Sequential"]
