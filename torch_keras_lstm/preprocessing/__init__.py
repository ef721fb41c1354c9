"""``keras.preprocessing``: texts and series -> arrays for a model. Names, arguments and results are Keras'."""

from torch_keras_lstm.lazily import lazily
from torch_keras_lstm.preprocessing import sequence, text
from torch_keras_lstm.preprocessing.dataset import Dataset
from torch_keras_lstm.preprocessing.text_directory import text_dataset_from_directory
from torch_keras_lstm.preprocessing.timeseries import timeseries_dataset_from_array

__all__ = ["Dataset", "sequence", "text", "text_dataset_from_directory", "timeseries_dataset_from_array"]

__getattr__ = lazily(
    __name__,
    {},
    {
        "image": "`torchvision.io` and Pillow read, write and convert images",
        "image_dataset_from_directory": "`torchvision.datasets.ImageFolder` reads such folders, and `fit` takes it",
    },
)
