"""Keras LSTMs in PyTorch: the layers, the models and the converter, to the last digit, without TensorFlow."""

from torch_keras_lstm import (
    activations,
    backend,
    callbacks,
    constraints,
    initializers,
    layers,
    losses,
    metrics,
    models,
    ops,
    optimizers,
    preprocessing,
    regularizers,
    utils,
)
from torch_keras_lstm._version import __version__
from torch_keras_lstm.layers import Input
from torch_keras_lstm.layers.variable import Variable
from torch_keras_lstm.models import Model, Sequential

__all__ = [
    "Input",
    "Model",
    "Sequential",
    "Variable",
    "__version__",
    "activations",
    "backend",
    "callbacks",
    "constraints",
    "initializers",
    "layers",
    "losses",
    "metrics",
    "models",
    "ops",
    "optimizers",
    "preprocessing",
    "regularizers",
    "utils",
]
