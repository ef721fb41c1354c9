"""``keras.preprocessing.sequence``."""

from torch_keras_lstm.utils.pad_sequences import pad_sequences

__all__ = ["pad_sequences"]
