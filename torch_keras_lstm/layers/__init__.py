"""Keras layers as torch modules."""

from torch_keras_lstm.layers import chain_parts as chain_parts  # what each adds to a call of several
from torch_keras_lstm.layers.activation import Activation
from torch_keras_lstm.layers.activity_regularization import ActivityRegularization
from torch_keras_lstm.layers.adaptive_pooling import (
    AdaptiveAveragePooling1D,
    AdaptiveAveragePooling2D,
    AdaptiveAveragePooling3D,
    AdaptiveMaxPooling1D,
    AdaptiveMaxPooling2D,
    AdaptiveMaxPooling3D,
)
from torch_keras_lstm.layers.alpha_dropout import AlphaDropout
from torch_keras_lstm.layers.attention import AdditiveAttention, Attention
from torch_keras_lstm.layers.augmentation_policies import AugMix, RandAugment
from torch_keras_lstm.layers.batch_normalization import BatchNormalization
from torch_keras_lstm.layers.bidirectional import Bidirectional
from torch_keras_lstm.layers.bounding_boxes import MaxNumBoundingBoxes
from torch_keras_lstm.layers.category_encoding import CategoryEncoding
from torch_keras_lstm.layers.concatenation import Concatenate
from torch_keras_lstm.layers.conv import Conv1D, Conv2D, Conv3D
from torch_keras_lstm.layers.conv_lstm import ConvLSTM1D, ConvLSTM2D, ConvLSTM3D
from torch_keras_lstm.layers.conv_transpose import Conv1DTranspose, Conv2DTranspose, Conv3DTranspose
from torch_keras_lstm.layers.cropping import Cropping1D, Cropping2D, Cropping3D
from torch_keras_lstm.layers.dense import Dense
from torch_keras_lstm.layers.depthwise_conv import DepthwiseConv1D, DepthwiseConv2D
from torch_keras_lstm.layers.discretization import Discretization
from torch_keras_lstm.layers.dot_product import Dot
from torch_keras_lstm.layers.dropout import Dropout
from torch_keras_lstm.layers.einsum_dense import EinsumDense
from torch_keras_lstm.layers.elementwise import Add, Average, Maximum, Minimum, Multiply, Subtract
from torch_keras_lstm.layers.elu import ELU
from torch_keras_lstm.layers.embedding import Embedding
from torch_keras_lstm.layers.equalization import ContrastLimitedAdaptiveHistogramEqualization, Equalization
from torch_keras_lstm.layers.flatten import Flatten
from torch_keras_lstm.layers.gaussian_dropout import GaussianDropout
from torch_keras_lstm.layers.gaussian_noise import GaussianNoise
from torch_keras_lstm.layers.global_pooling import (
    GlobalAveragePooling1D,
    GlobalAveragePooling2D,
    GlobalAveragePooling3D,
    GlobalMaxPooling1D,
    GlobalMaxPooling2D,
    GlobalMaxPooling3D,
)
from torch_keras_lstm.layers.group_normalization import GroupNormalization
from torch_keras_lstm.layers.grouped_query_attention import GroupQueryAttention
from torch_keras_lstm.layers.gru import GRU
from torch_keras_lstm.layers.gru_cell import GRUCell
from torch_keras_lstm.layers.hashed_crossing import HashedCrossing
from torch_keras_lstm.layers.hashing import Hashing
from torch_keras_lstm.layers.highway import Highway
from torch_keras_lstm.layers.identity import Identity
from torch_keras_lstm.layers.image_mixing import CutMix, MixUp
from torch_keras_lstm.layers.input import Input, InputLayer
from torch_keras_lstm.layers.input_spec import InputSpec
from torch_keras_lstm.layers.integer_lookup import IntegerLookup
from torch_keras_lstm.layers.lambda_layer import Lambda
from torch_keras_lstm.layers.layer import Layer
from torch_keras_lstm.layers.layer_normalization import LayerNormalization
from torch_keras_lstm.layers.leaky_relu import LeakyReLU
from torch_keras_lstm.layers.locally_connected import LocallyConnected1D, LocallyConnected2D
from torch_keras_lstm.layers.lstm import LSTM
from torch_keras_lstm.layers.lstm_cell import LSTMCell
from torch_keras_lstm.layers.masking import Masking
from torch_keras_lstm.layers.maxout_dense import MaxoutDense
from torch_keras_lstm.layers.mel_spectrogram import MelSpectrogram
from torch_keras_lstm.layers.merge import Merge
from torch_keras_lstm.layers.merging import add, average, concatenate, dot, maximum, minimum, multiply, subtract
from torch_keras_lstm.layers.mosaic import Mosaic
from torch_keras_lstm.layers.multi_head_attention import MultiHeadAttention
from torch_keras_lstm.layers.normalization import Normalization
from torch_keras_lstm.layers.permute import Permute
from torch_keras_lstm.layers.pipeline import Pipeline
from torch_keras_lstm.layers.pooling import (
    AveragePooling1D,
    AveragePooling2D,
    AveragePooling3D,
    MaxPooling1D,
    MaxPooling2D,
    MaxPooling3D,
)
from torch_keras_lstm.layers.prelu import PReLU
from torch_keras_lstm.layers.random_colors import (
    RandomBrightness,
    RandomColorDegeneration,
    RandomColorJitter,
    RandomContrast,
    RandomGrayscale,
    RandomHue,
    RandomInvert,
    RandomPosterization,
    RandomSaturation,
    RandomSharpness,
)
from torch_keras_lstm.layers.random_crop import RandomCrop
from torch_keras_lstm.layers.random_geometry import (
    RandomErasing,
    RandomFlip,
    RandomRotation,
    RandomShear,
    RandomTranslation,
    RandomZoom,
)
from torch_keras_lstm.layers.random_size import RandomHeight, RandomWidth
from torch_keras_lstm.layers.random_warps import RandomElasticTransform, RandomGaussianBlur, RandomPerspective
from torch_keras_lstm.layers.relu import ReLU
from torch_keras_lstm.layers.repeat_vector import RepeatVector
from torch_keras_lstm.layers.rescaling import Rescaling
from torch_keras_lstm.layers.reshape import Reshape
from torch_keras_lstm.layers.resizing import CenterCrop, Resizing
from torch_keras_lstm.layers.reversible_embedding import ReversibleEmbedding
from torch_keras_lstm.layers.rms_normalization import RMSNormalization
from torch_keras_lstm.layers.rnn import RNN
from torch_keras_lstm.layers.separable_conv import SeparableConv1D, SeparableConv2D
from torch_keras_lstm.layers.serialization import deserialize, serialize
from torch_keras_lstm.layers.simple_rnn import SimpleRNN
from torch_keras_lstm.layers.simple_rnn_cell import SimpleRNNCell
from torch_keras_lstm.layers.softmax import Softmax
from torch_keras_lstm.layers.spatial_dropout import SpatialDropout1D, SpatialDropout2D, SpatialDropout3D
from torch_keras_lstm.layers.spectral_normalization import SpectralNormalization
from torch_keras_lstm.layers.stacked_rnn_cells import StackedRNNCells
from torch_keras_lstm.layers.states_as_arguments import StatesAsArguments
from torch_keras_lstm.layers.stft_spectrogram import STFTSpectrogram
from torch_keras_lstm.layers.string_lookup import StringLookup
from torch_keras_lstm.layers.ternary_dense import TernaryDense
from torch_keras_lstm.layers.text_vectorization import TextVectorization
from torch_keras_lstm.layers.thresholded_relu import ThresholdedReLU
from torch_keras_lstm.layers.time_distributed import TimeDistributed
from torch_keras_lstm.layers.tone_curves import AutoContrast, Solarization
from torch_keras_lstm.layers.torch_module_wrapper import TorchModuleWrapper
from torch_keras_lstm.layers.unit_normalization import UnitNormalization
from torch_keras_lstm.layers.up_sampling import UpSampling1D, UpSampling2D, UpSampling3D
from torch_keras_lstm.layers.wrapper import Wrapper
from torch_keras_lstm.layers.zero_padding import ZeroPadding1D, ZeroPadding2D, ZeroPadding3D
from torch_keras_lstm.lazily import lazily

# Keras' other names of the same layers.
AvgPool1D = AveragePooling1D
AvgPool2D = AveragePooling2D
AvgPool3D = AveragePooling3D
Convolution1D = Conv1D
Convolution1DTranspose = Conv1DTranspose
Convolution2D = Conv2D
Convolution2DTranspose = Conv2DTranspose
Convolution3D = Conv3D
Convolution3DTranspose = Conv3DTranspose
GlobalAvgPool1D = GlobalAveragePooling1D
GlobalAvgPool2D = GlobalAveragePooling2D
GlobalAvgPool3D = GlobalAveragePooling3D
GlobalMaxPool1D = GlobalMaxPooling1D
GlobalMaxPool2D = GlobalMaxPooling2D
GlobalMaxPool3D = GlobalMaxPooling3D
MaxPool1D = MaxPooling1D
MaxPool2D = MaxPooling2D
MaxPool3D = MaxPooling3D
SeparableConvolution1D = SeparableConv1D
SeparableConvolution2D = SeparableConv2D

__all__ = [
    "ELU",
    "GRU",
    "LSTM",
    "RNN",
    "Activation",
    "ActivityRegularization",
    "AdaptiveAveragePooling1D",
    "AdaptiveAveragePooling2D",
    "AdaptiveAveragePooling3D",
    "AdaptiveMaxPooling1D",
    "AdaptiveMaxPooling2D",
    "AdaptiveMaxPooling3D",
    "Add",
    "AdditiveAttention",
    "AlphaDropout",
    "Attention",
    "AugMix",
    "AutoContrast",
    "Average",
    "AveragePooling1D",
    "AveragePooling2D",
    "AveragePooling3D",
    "AvgPool1D",
    "AvgPool2D",
    "AvgPool3D",
    "BatchNormalization",
    "Bidirectional",
    "CategoryEncoding",
    "CenterCrop",
    "Concatenate",
    "ContrastLimitedAdaptiveHistogramEqualization",
    "Conv1D",
    "Conv1DTranspose",
    "Conv2D",
    "Conv2DTranspose",
    "Conv3D",
    "Conv3DTranspose",
    "ConvLSTM1D",
    "ConvLSTM2D",
    "ConvLSTM3D",
    "Convolution1D",
    "Convolution1DTranspose",
    "Convolution2D",
    "Convolution2DTranspose",
    "Convolution3D",
    "Convolution3DTranspose",
    "Cropping1D",
    "Cropping2D",
    "Cropping3D",
    "CutMix",
    "Dense",
    "DepthwiseConv1D",
    "DepthwiseConv2D",
    "Discretization",
    "Dot",
    "Dropout",
    "EinsumDense",
    "Embedding",
    "Equalization",
    "Flatten",
    "GRUCell",
    "GaussianDropout",
    "GaussianNoise",
    "GlobalAveragePooling1D",
    "GlobalAveragePooling2D",
    "GlobalAveragePooling3D",
    "GlobalAvgPool1D",
    "GlobalAvgPool2D",
    "GlobalAvgPool3D",
    "GlobalMaxPool1D",
    "GlobalMaxPool2D",
    "GlobalMaxPool3D",
    "GlobalMaxPooling1D",
    "GlobalMaxPooling2D",
    "GlobalMaxPooling3D",
    "GroupNormalization",
    "GroupQueryAttention",
    "HashedCrossing",
    "Hashing",
    "Highway",
    "Identity",
    "Input",
    "InputLayer",
    "InputSpec",
    "IntegerLookup",
    "LSTMCell",
    "Lambda",
    "Layer",
    "LayerNormalization",
    "LeakyReLU",
    "LocallyConnected1D",
    "LocallyConnected2D",
    "Masking",
    "MaxNumBoundingBoxes",
    "MaxPool1D",
    "MaxPool2D",
    "MaxPool3D",
    "MaxPooling1D",
    "MaxPooling2D",
    "MaxPooling3D",
    "Maximum",
    "MaxoutDense",
    "MelSpectrogram",
    "Merge",
    "Minimum",
    "MixUp",
    "Mosaic",
    "MultiHeadAttention",
    "Multiply",
    "Normalization",
    "PReLU",
    "Permute",
    "Pipeline",
    "RMSNormalization",
    "RandAugment",
    "RandomBrightness",
    "RandomColorDegeneration",
    "RandomColorJitter",
    "RandomContrast",
    "RandomCrop",
    "RandomElasticTransform",
    "RandomErasing",
    "RandomFlip",
    "RandomGaussianBlur",
    "RandomGrayscale",
    "RandomHeight",
    "RandomHue",
    "RandomInvert",
    "RandomPerspective",
    "RandomPosterization",
    "RandomRotation",
    "RandomSaturation",
    "RandomSharpness",
    "RandomShear",
    "RandomTranslation",
    "RandomWidth",
    "RandomZoom",
    "ReLU",
    "RepeatVector",
    "Rescaling",
    "Reshape",
    "Resizing",
    "ReversibleEmbedding",
    "STFTSpectrogram",
    "SeparableConv1D",
    "SeparableConv2D",
    "SeparableConvolution1D",
    "SeparableConvolution2D",
    "SimpleRNN",
    "SimpleRNNCell",
    "Softmax",
    "Solarization",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "SpatialDropout3D",
    "SpectralNormalization",
    "StackedRNNCells",
    "StatesAsArguments",
    "StringLookup",
    "Subtract",
    "TernaryDense",
    "TextVectorization",
    "ThresholdedReLU",
    "TimeDistributed",
    "TorchModuleWrapper",
    "UnitNormalization",
    "UpSampling1D",
    "UpSampling2D",
    "UpSampling3D",
    "Wrapper",
    "ZeroPadding1D",
    "ZeroPadding2D",
    "ZeroPadding3D",
    "add",
    "average",
    "concatenate",
    "deserialize",
    "dot",
    "maximum",
    "minimum",
    "multiply",
    "serialize",
    "subtract",
]

__getattr__ = lazily(__name__, {}, {})
