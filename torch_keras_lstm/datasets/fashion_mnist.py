"""``keras.datasets.fashion_mnist``: pictures of clothes."""

import gzip
from pathlib import Path
from typing import Any

import numpy as np

from torch_keras_lstm.datasets.files import find

_FOLDER = Path("datasets") / "fashion-mnist"


def load_data() -> Any:
    """Images of clothes, and the kinds that they are of, from four files in ``~/.keras/datasets/fashion-mnist``.

    Returns:
        ``(x_train, y_train), (x_test, y_test)``, uint8 (samples, 28, 28) and (samples,).

    Raises:
        FileNotFoundError: when a file is not there, saying where to put it.
    """
    return _part("train"), _part("t10k")


def _part(name: str) -> Any:
    labels = np.frombuffer(_read(f"{name}-labels-idx1-ubyte.gz"), np.uint8, offset=8)
    images = np.frombuffer(_read(f"{name}-images-idx3-ubyte.gz"), np.uint8, offset=16)
    return images.reshape(len(labels), 28, 28), labels


def _read(name: str) -> bytes:
    with gzip.open(find(name, folder=str(_FOLDER))) as file:
        return file.read()
