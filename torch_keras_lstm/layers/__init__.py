"""Keras layers as torch modules."""

from torch_keras_lstm.layers.activation import Activation
from torch_keras_lstm.layers.bidirectional import Bidirectional
from torch_keras_lstm.layers.conv import Conv1D, Conv2D, Conv3D
from torch_keras_lstm.layers.conv_lstm import ConvLSTM1D, ConvLSTM2D, ConvLSTM3D
from torch_keras_lstm.layers.dense import Dense
from torch_keras_lstm.layers.dropout import Dropout
from torch_keras_lstm.layers.embedding import Embedding
from torch_keras_lstm.layers.flatten import Flatten
from torch_keras_lstm.layers.global_pooling import (
    GlobalAveragePooling1D,
    GlobalAveragePooling2D,
    GlobalAveragePooling3D,
    GlobalMaxPooling1D,
    GlobalMaxPooling2D,
    GlobalMaxPooling3D,
)
from torch_keras_lstm.layers.input import Input, InputLayer
from torch_keras_lstm.layers.layer import Layer
from torch_keras_lstm.layers.lstm import LSTM
from torch_keras_lstm.layers.lstm_cell import LSTMCell
from torch_keras_lstm.layers.masking import Masking
from torch_keras_lstm.layers.pooling import (
    AveragePooling1D,
    AveragePooling2D,
    AveragePooling3D,
    MaxPooling1D,
    MaxPooling2D,
    MaxPooling3D,
)
from torch_keras_lstm.layers.repeat_vector import RepeatVector
from torch_keras_lstm.layers.rnn import RNN
from torch_keras_lstm.layers.serialization import deserialize, serialize
from torch_keras_lstm.layers.time_distributed import TimeDistributed

__all__ = [
    "LSTM",
    "RNN",
    "Activation",
    "AveragePooling1D",
    "AveragePooling2D",
    "AveragePooling3D",
    "Bidirectional",
    "Conv1D",
    "Conv2D",
    "Conv3D",
    "ConvLSTM1D",
    "ConvLSTM2D",
    "ConvLSTM3D",
    "Dense",
    "Dropout",
    "Embedding",
    "Flatten",
    "GlobalAveragePooling1D",
    "GlobalAveragePooling2D",
    "GlobalAveragePooling3D",
    "GlobalMaxPooling1D",
    "GlobalMaxPooling2D",
    "GlobalMaxPooling3D",
    "Input",
    "InputLayer",
    "LSTMCell",
    "Layer",
    "Masking",
    "MaxPooling1D",
    "MaxPooling2D",
    "MaxPooling3D",
    "RepeatVector",
    "TimeDistributed",
    "deserialize",
    "serialize",
]
