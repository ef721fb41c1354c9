"""Keras LSTMs in PyTorch: the layers, the models and the converter, to the last digit, without TensorFlow."""

from torch_keras_lstm import (
    activations,
    callbacks,
    constraints,
    initializers,
    layers,
    losses,
    metrics,
    models,
    optimizers,
    regularizers,
)
from torch_keras_lstm._version import __version__

__all__ = [
    "__version__",
    "activations",
    "callbacks",
    "constraints",
    "initializers",
    "layers",
    "losses",
    "metrics",
    "models",
    "optimizers",
    "regularizers",
]
