"""Keras layers as torch modules."""

from torch_keras_lstm.layers.layer import Layer

__all__ = ["Layer"]
