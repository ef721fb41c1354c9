"""Keras' metrics: what is reported of a model beside its loss, over as many batches as come.

Names, arguments, constants and numbers are those of ``keras.metrics`` 3.15 on TensorFlow.
"""

from torch_keras_lstm.metrics.accuracy import (
    BinaryAccuracy,
    CategoricalAccuracy,
    SparseCategoricalAccuracy,
    binary_accuracy,
    categorical_accuracy,
    sparse_categorical_accuracy,
)
from torch_keras_lstm.metrics.mean import Mean, MeanMetricWrapper, Sum
from torch_keras_lstm.metrics.metric import Metric
from torch_keras_lstm.metrics.serialization import deserialize, get, resolve, serialize

__all__ = [
    "BinaryAccuracy",
    "CategoricalAccuracy",
    "Mean",
    "MeanMetricWrapper",
    "Metric",
    "SparseCategoricalAccuracy",
    "Sum",
    "binary_accuracy",
    "categorical_accuracy",
    "deserialize",
    "get",
    "resolve",
    "serialize",
    "sparse_categorical_accuracy",
]
