"""Keras' losses: targets and predictions -> a number to be made small.

Names, arguments, constants and numbers are those of ``keras.losses`` 3.15 on TensorFlow. A function gives one loss for
each sample, an object reduces them to one, with weights and masks.
"""

from torch_keras_lstm.losses.crossentropy import BinaryCrossentropy, binary_crossentropy
from torch_keras_lstm.losses.loss import Loss, LossFunctionWrapper
from torch_keras_lstm.losses.regression import MeanSquaredError, mean_squared_error
from torch_keras_lstm.losses.serialization import deserialize, get, resolve, serialize

__all__ = [
    "BinaryCrossentropy",
    "Loss",
    "LossFunctionWrapper",
    "MeanSquaredError",
    "binary_crossentropy",
    "deserialize",
    "get",
    "mean_squared_error",
    "resolve",
    "serialize",
]
