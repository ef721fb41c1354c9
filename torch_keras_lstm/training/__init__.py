"""Keras' training loop: ``compile``, ``fit``, ``evaluate``, ``predict``."""

from torch_keras_lstm.training.py_dataset import PyDataset
from torch_keras_lstm.training.trainer import Trainer

__all__ = ["PyDataset", "Trainer"]
