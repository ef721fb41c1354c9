"""Small colour images, as CIFAR-10 and CIFAR-100 keep them."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np

from torch_keras_lstm.datasets.files import find, unpickled


def folder(name: str, archive: str, inner: str) -> Path:
    """The folder with the files, as Keras extracts it or as the archive has it.

    Raises:
        FileNotFoundError: when it is not there, saying where to put it.
    """
    origin = f"https://www.cs.toronto.edu/~kriz/{archive} (extracted)"
    try:
        return find(f"{name}", origin) / inner
    except FileNotFoundError:
        return find(inner, origin)


def batch(path: Path, labels: str = "labels") -> Any:
    """Images (samples, 32, 32, 3) and labels (samples, 1) of one file.

    Raises:
        ValueError: when it is damaged, or names anything but arrays.
    """
    if not path.exists():
        find(path)
    try:
        with path.open("rb") as file:
            found = unpickled(file)
    except (pickle.UnpicklingError, EOFError) as error:
        raise ValueError(f"{path}: is no file of CIFAR's, or damaged ({error}).") from None
    images = np.asarray(found[b"data"], np.uint8).reshape(-1, 3, 32, 32)
    return images.transpose(0, 2, 3, 1), np.asarray(found[labels.encode()]).reshape(-1, 1)
