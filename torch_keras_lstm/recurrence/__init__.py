"""The LSTM computation: functions over tensors, no modules."""

from torch_keras_lstm.recurrence.choose import Path, UseCudnn, choose, run_lstm, why_loop_is_faster, why_not_fused
from torch_keras_lstm.recurrence.conv_lstm import ConvLSTMWeights, Window, conv_lstm
from torch_keras_lstm.recurrence.fused import lstm_fused, lstm_fused_both_ways
from torch_keras_lstm.recurrence.loop import lstm_loop
from torch_keras_lstm.recurrence.options import LSTMOptions, LSTMWeights
from torch_keras_lstm.recurrence.plain import lstm_plain
from torch_keras_lstm.recurrence.scan import scan
from torch_keras_lstm.recurrence.state import LSTMState
from torch_keras_lstm.recurrence.step import lstm_step, project

__all__ = [
    "ConvLSTMWeights",
    "LSTMOptions",
    "LSTMState",
    "LSTMWeights",
    "Path",
    "UseCudnn",
    "Window",
    "choose",
    "conv_lstm",
    "lstm_fused",
    "lstm_fused_both_ways",
    "lstm_loop",
    "lstm_plain",
    "lstm_step",
    "project",
    "run_lstm",
    "scan",
    "why_loop_is_faster",
    "why_not_fused",
]
