"""``keras.utils``: what scripts prepare data with, and seeds. Names, arguments and results are Keras'."""

import random

import numpy as np
import torch

from torch_keras_lstm.preprocessing.sequence import pad_sequences
from torch_keras_lstm.preprocessing.timeseries import timeseries_dataset_from_array
from torch_keras_lstm.training.py_dataset import PyDataset
from torch_keras_lstm.utils.arrays import normalize, to_categorical
from torch_keras_lstm.utils.registration import (
    CustomObjectScope,
    custom_object_scope,
    get_custom_objects,
    register_keras_serializable,
)

__all__ = [
    "CustomObjectScope",
    "PyDataset",
    "Sequence",
    "custom_object_scope",
    "get_custom_objects",
    "normalize",
    "pad_sequences",
    "register_keras_serializable",
    "set_random_seed",
    "timeseries_dataset_from_array",
    "to_categorical",
]

#: Keras 2's name
Sequence = PyDataset


def set_random_seed(seed: int) -> None:
    """Seed Python's, NumPy's and torch's generators.

    The numbers are not those that Keras draws from the same seed.

    Raises:
        ValueError: when ``seed`` is no whole number.
    """
    if not isinstance(seed, int):
        raise ValueError(f"`seed` must be a whole number, got {seed!r}.")
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - scripts draw from it
    torch.manual_seed(seed)
