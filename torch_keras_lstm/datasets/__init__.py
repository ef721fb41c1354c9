"""``keras.datasets``: the data sets of Keras' tutorials, from files that are there already.

Nothing is downloaded: ``load_data`` looks in ``~/.keras/datasets`` (``KERAS_HOME``), where Keras keeps them, and says
what to put there.
"""

from torch_keras_lstm.datasets import (
    boston_housing,
    california_housing,
    cifar10,
    cifar100,
    fashion_mnist,
    imdb,
    mnist,
    reuters,
)

__all__ = [
    "boston_housing",
    "california_housing",
    "cifar10",
    "cifar100",
    "fashion_mnist",
    "imdb",
    "mnist",
    "reuters",
]
