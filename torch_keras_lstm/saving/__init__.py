"""``keras.saving``: models, weights and objects as files and dictionaries, and classes of one's own by name."""

from torch_keras_lstm.models import load_model, save_model
from torch_keras_lstm.saving.objects import deserialize_keras_object, serialize_keras_object
from torch_keras_lstm.saving.weights import load_weights, save_weights
from torch_keras_lstm.utils.registration import (
    CustomObjectScope,
    custom_object_scope,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    register_keras_serializable,
)

__all__ = [
    "CustomObjectScope",
    "custom_object_scope",
    "deserialize_keras_object",
    "get_custom_objects",
    "get_registered_name",
    "get_registered_object",
    "load_model",
    "load_weights",
    "register_keras_serializable",
    "save_model",
    "save_weights",
    "serialize_keras_object",
]
