"""Keras layers as torch modules."""

from torch_keras_lstm.layers.activation import Activation
from torch_keras_lstm.layers.activity_regularization import ActivityRegularization
from torch_keras_lstm.layers.alpha_dropout import AlphaDropout
from torch_keras_lstm.layers.batch_normalization import BatchNormalization
from torch_keras_lstm.layers.bidirectional import Bidirectional
from torch_keras_lstm.layers.dense import Dense
from torch_keras_lstm.layers.dropout import Dropout
from torch_keras_lstm.layers.elu import ELU
from torch_keras_lstm.layers.embedding import Embedding
from torch_keras_lstm.layers.flatten import Flatten
from torch_keras_lstm.layers.gaussian_dropout import GaussianDropout
from torch_keras_lstm.layers.gaussian_noise import GaussianNoise
from torch_keras_lstm.layers.group_normalization import GroupNormalization
from torch_keras_lstm.layers.gru import GRU
from torch_keras_lstm.layers.gru_cell import GRUCell
from torch_keras_lstm.layers.input import Input, InputLayer
from torch_keras_lstm.layers.layer import Layer
from torch_keras_lstm.layers.layer_normalization import LayerNormalization
from torch_keras_lstm.layers.leaky_relu import LeakyReLU
from torch_keras_lstm.layers.lstm import LSTM
from torch_keras_lstm.layers.lstm_cell import LSTMCell
from torch_keras_lstm.layers.masking import Masking
from torch_keras_lstm.layers.normalization import Normalization
from torch_keras_lstm.layers.prelu import PReLU
from torch_keras_lstm.layers.relu import ReLU
from torch_keras_lstm.layers.repeat_vector import RepeatVector
from torch_keras_lstm.layers.rescaling import Rescaling
from torch_keras_lstm.layers.rnn import RNN
from torch_keras_lstm.layers.serialization import deserialize, serialize
from torch_keras_lstm.layers.simple_rnn import SimpleRNN
from torch_keras_lstm.layers.simple_rnn_cell import SimpleRNNCell
from torch_keras_lstm.layers.softmax import Softmax
from torch_keras_lstm.layers.spatial_dropout import SpatialDropout1D, SpatialDropout2D, SpatialDropout3D
from torch_keras_lstm.layers.stacked_rnn_cells import StackedRNNCells
from torch_keras_lstm.layers.thresholded_relu import ThresholdedReLU
from torch_keras_lstm.layers.time_distributed import TimeDistributed
from torch_keras_lstm.layers.unit_normalization import UnitNormalization

__all__ = [
    "ELU",
    "GRU",
    "LSTM",
    "RNN",
    "Activation",
    "ActivityRegularization",
    "AlphaDropout",
    "BatchNormalization",
    "Bidirectional",
    "Dense",
    "Dropout",
    "Embedding",
    "Flatten",
    "GRUCell",
    "GaussianDropout",
    "GaussianNoise",
    "GroupNormalization",
    "Input",
    "InputLayer",
    "LSTMCell",
    "Layer",
    "LayerNormalization",
    "LeakyReLU",
    "Masking",
    "Normalization",
    "PReLU",
    "ReLU",
    "RepeatVector",
    "Rescaling",
    "SimpleRNN",
    "SimpleRNNCell",
    "Softmax",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "SpatialDropout3D",
    "StackedRNNCells",
    "ThresholdedReLU",
    "TimeDistributed",
    "UnitNormalization",
    "deserialize",
    "serialize",
]
