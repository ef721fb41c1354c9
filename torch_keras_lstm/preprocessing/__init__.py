"""``keras.preprocessing``: texts and series -> arrays for a model. Names, arguments and results are Keras'."""

from torch_keras_lstm.preprocessing import sequence, text
from torch_keras_lstm.preprocessing.timeseries import timeseries_dataset_from_array

__all__ = ["sequence", "text", "timeseries_dataset_from_array"]
