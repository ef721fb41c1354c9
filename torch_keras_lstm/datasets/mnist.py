"""``keras.datasets.mnist``: digits that were written by hand."""

from pathlib import Path
from typing import Any

from torch_keras_lstm.datasets.files import arrays_of, find


def load_data(path: str | Path = "mnist.npz") -> Any:
    """Images of digits, and the digits.

    Args:
        path: the file, in ``~/.keras/datasets`` unless it is a path.

    Returns:
        ``(x_train, y_train), (x_test, y_test)``, uint8 (samples, 28, 28) and (samples,).

    Raises:
        FileNotFoundError: when the file is not there, saying where to put it.
    """
    arrays = arrays_of(find(path))
    return (arrays["x_train"], arrays["y_train"]), (arrays["x_test"], arrays["y_test"])
