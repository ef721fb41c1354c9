"""Keras' callbacks: what is done at the epochs and batches of ``fit``."""

from torch_keras_lstm.callbacks.backup_and_restore import BackupAndRestore
from torch_keras_lstm.callbacks.callback import Callback
from torch_keras_lstm.callbacks.callback_list import CallbackList
from torch_keras_lstm.callbacks.csv_logger import CSVLogger
from torch_keras_lstm.callbacks.early_stopping import EarlyStopping
from torch_keras_lstm.callbacks.history import History
from torch_keras_lstm.callbacks.lambda_callback import LambdaCallback
from torch_keras_lstm.callbacks.learning_rate_scheduler import LearningRateScheduler
from torch_keras_lstm.callbacks.model_checkpoint import ModelCheckpoint
from torch_keras_lstm.callbacks.progbar_logger import ProgbarLogger
from torch_keras_lstm.callbacks.reduce_lr_on_plateau import ReduceLROnPlateau
from torch_keras_lstm.callbacks.remote_monitor import RemoteMonitor
from torch_keras_lstm.callbacks.swap_ema_weights import SwapEMAWeights
from torch_keras_lstm.callbacks.tensorboard import TensorBoard
from torch_keras_lstm.callbacks.terminate_on_nan import TerminateOnNaN
from torch_keras_lstm.lazily import lazily

__all__ = [
    "BackupAndRestore",
    "CSVLogger",
    "Callback",
    "CallbackList",
    "EarlyStopping",
    "History",
    "LambdaCallback",
    "LearningRateScheduler",
    "ModelCheckpoint",
    "ProgbarLogger",
    "ReduceLROnPlateau",
    "RemoteMonitor",
    "SwapEMAWeights",
    "TensorBoard",
    "TerminateOnNaN",
]

__getattr__ = lazily(__name__, {}, {})
