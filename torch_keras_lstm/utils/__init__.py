"""``keras.utils``: what scripts prepare data with, and seeds. Names, arguments and results are Keras'."""

from torch_keras_lstm.layers.naming import clear_session
from torch_keras_lstm.preprocessing.audio_directory import audio_dataset_from_directory
from torch_keras_lstm.preprocessing.text_directory import text_dataset_from_directory
from torch_keras_lstm.preprocessing.timeseries import timeseries_dataset_from_array
from torch_keras_lstm.training.py_dataset import PyDataset
from torch_keras_lstm.utils.normalize import normalize
from torch_keras_lstm.utils.pad_sequences import pad_sequences
from torch_keras_lstm.utils.random_seed import set_random_seed
from torch_keras_lstm.utils.registration import (
    CustomObjectScope,
    custom_object_scope,
    get_custom_objects,
    register_keras_serializable,
)
from torch_keras_lstm.utils.split_dataset import split_dataset
from torch_keras_lstm.utils.to_categorical import to_categorical

__all__ = [
    "CustomObjectScope",
    "PyDataset",
    "Sequence",
    "audio_dataset_from_directory",
    "clear_session",
    "custom_object_scope",
    "get_custom_objects",
    "normalize",
    "pad_sequences",
    "register_keras_serializable",
    "set_random_seed",
    "split_dataset",
    "text_dataset_from_directory",
    "timeseries_dataset_from_array",
    "to_categorical",
]

#: Keras 2's name
Sequence = PyDataset
