"""``keras.utils``: what Keras scripts prepare their data with."""

from torch_keras_lstm.layers.naming import clear_session
from torch_keras_lstm.training.py_dataset import PyDataset
from torch_keras_lstm.utils.pad_sequences import pad_sequences
from torch_keras_lstm.utils.random_seed import set_random_seed
from torch_keras_lstm.utils.to_categorical import to_categorical

Sequence = PyDataset  # Keras 2's name

__all__ = ["PyDataset", "Sequence", "clear_session", "pad_sequences", "set_random_seed", "to_categorical"]
