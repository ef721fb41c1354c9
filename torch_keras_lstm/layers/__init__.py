"""Keras layers as torch modules."""

from torch_keras_lstm.layers.activation import Activation
from torch_keras_lstm.layers.batch_normalization import BatchNormalization
from torch_keras_lstm.layers.bidirectional import Bidirectional
from torch_keras_lstm.layers.dense import Dense
from torch_keras_lstm.layers.dropout import Dropout
from torch_keras_lstm.layers.embedding import Embedding
from torch_keras_lstm.layers.flatten import Flatten
from torch_keras_lstm.layers.gru import GRU
from torch_keras_lstm.layers.gru_cell import GRUCell
from torch_keras_lstm.layers.input import Input, InputLayer
from torch_keras_lstm.layers.layer import Layer
from torch_keras_lstm.layers.lstm import LSTM
from torch_keras_lstm.layers.lstm_cell import LSTMCell
from torch_keras_lstm.layers.masking import Masking
from torch_keras_lstm.layers.repeat_vector import RepeatVector
from torch_keras_lstm.layers.rnn import RNN
from torch_keras_lstm.layers.serialization import deserialize, serialize
from torch_keras_lstm.layers.simple_rnn import SimpleRNN
from torch_keras_lstm.layers.simple_rnn_cell import SimpleRNNCell
from torch_keras_lstm.layers.time_distributed import TimeDistributed

__all__ = [
    "GRU",
    "LSTM",
    "RNN",
    "Activation",
    "BatchNormalization",
    "Bidirectional",
    "Dense",
    "Dropout",
    "Embedding",
    "Flatten",
    "GRUCell",
    "Input",
    "InputLayer",
    "LSTMCell",
    "Layer",
    "Masking",
    "RepeatVector",
    "SimpleRNN",
    "SimpleRNNCell",
    "TimeDistributed",
    "deserialize",
    "serialize",
]
