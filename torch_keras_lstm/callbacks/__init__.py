"""Keras' callbacks: what is done at the epochs and batches of ``fit``."""

from torch_keras_lstm.callbacks.callback import Callback
from torch_keras_lstm.callbacks.callback_list import CallbackList
from torch_keras_lstm.callbacks.history import History
from torch_keras_lstm.callbacks.progbar_logger import ProgbarLogger

__all__ = ["Callback", "CallbackList", "History", "ProgbarLogger"]
