"""Keras layers as torch modules."""

from torch_keras_lstm.layers.activation import Activation
from torch_keras_lstm.layers.attention import AdditiveAttention, Attention
from torch_keras_lstm.layers.bidirectional import Bidirectional
from torch_keras_lstm.layers.concatenate import Concatenate
from torch_keras_lstm.layers.dense import Dense
from torch_keras_lstm.layers.dot import Dot
from torch_keras_lstm.layers.dropout import Dropout
from torch_keras_lstm.layers.einsum_dense import EinsumDense
from torch_keras_lstm.layers.elementwise import Add, Average, Maximum, Minimum, Multiply, Subtract
from torch_keras_lstm.layers.embedding import Embedding
from torch_keras_lstm.layers.flatten import Flatten
from torch_keras_lstm.layers.highway import Highway
from torch_keras_lstm.layers.input import Input, InputLayer
from torch_keras_lstm.layers.layer import Layer
from torch_keras_lstm.layers.lstm import LSTM
from torch_keras_lstm.layers.lstm_cell import LSTMCell
from torch_keras_lstm.layers.masking import Masking
from torch_keras_lstm.layers.maxout_dense import MaxoutDense
from torch_keras_lstm.layers.merge import Merge
from torch_keras_lstm.layers.multi_head_attention import MultiHeadAttention
from torch_keras_lstm.layers.permute import Permute
from torch_keras_lstm.layers.repeat_vector import RepeatVector
from torch_keras_lstm.layers.reshape import Reshape
from torch_keras_lstm.layers.rnn import RNN
from torch_keras_lstm.layers.serialization import deserialize, serialize
from torch_keras_lstm.layers.time_distributed import TimeDistributed

__all__ = [
    "LSTM",
    "RNN",
    "Activation",
    "Add",
    "AdditiveAttention",
    "Attention",
    "Average",
    "Bidirectional",
    "Concatenate",
    "Dense",
    "Dot",
    "Dropout",
    "EinsumDense",
    "Embedding",
    "Flatten",
    "Highway",
    "Input",
    "InputLayer",
    "LSTMCell",
    "Layer",
    "Masking",
    "Maximum",
    "MaxoutDense",
    "Merge",
    "Minimum",
    "MultiHeadAttention",
    "Multiply",
    "Permute",
    "RepeatVector",
    "Reshape",
    "Subtract",
    "TimeDistributed",
    "deserialize",
    "serialize",
]
