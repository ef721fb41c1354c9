"""Recurrence: functions over tensors, no modules. A backend runs the steps; ``dispatch.py`` chooses it."""

from torch_keras_lstm.recurrence.backends.base import Request, UseCudnn
from torch_keras_lstm.recurrence.backends.torch_kernels import lstm_fused, lstm_fused_both_ways
from torch_keras_lstm.recurrence.conv_lstm import ConvLSTMWeights, Window, conv_lstm
from torch_keras_lstm.recurrence.dispatch import LSTM_BACKENDS, Path, lstm_loop, path_for, run, select, use_backends
from torch_keras_lstm.recurrence.lstm import run_lstm
from torch_keras_lstm.recurrence.options import KerasLSTMWeights, LSTMWeights, SequenceOptions, SingleStateWeights
from torch_keras_lstm.recurrence.reference import lstm_reference
from torch_keras_lstm.recurrence.scan import scan
from torch_keras_lstm.recurrence.state import LSTMState
from torch_keras_lstm.recurrence.step import lstm_step, project

__all__ = [
    "LSTM_BACKENDS",
    "ConvLSTMWeights",
    "KerasLSTMWeights",
    "LSTMState",
    "LSTMWeights",
    "Path",
    "Request",
    "SequenceOptions",
    "SingleStateWeights",
    "UseCudnn",
    "Window",
    "conv_lstm",
    "lstm_fused",
    "lstm_fused_both_ways",
    "lstm_loop",
    "lstm_reference",
    "lstm_step",
    "path_for",
    "project",
    "run",
    "run_lstm",
    "scan",
    "select",
    "use_backends",
]
