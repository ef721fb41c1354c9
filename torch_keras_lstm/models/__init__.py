"""Keras models as torch modules."""

from torch_keras_lstm.layers.operation_layer import OperationLayer
from torch_keras_lstm.lazily import lazily
from torch_keras_lstm.models.cloning import clone_model
from torch_keras_lstm.models.functional import Functional
from torch_keras_lstm.models.model import Model
from torch_keras_lstm.models.saving import load_model, load_weights, model_from_json, save_model, save_weights
from torch_keras_lstm.models.sequential import Sequential

__all__ = [
    "Functional",
    "Model",
    "OperationLayer",
    "Sequential",
    "clone_model",
    "load_model",
    "load_weights",
    "model_from_json",
    "save_model",
    "save_weights",
]

__getattr__ = lazily(__name__, {}, {})
