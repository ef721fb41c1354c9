"""``keras.datasets.boston_housing``: what houses cost."""

from pathlib import Path
from typing import Any

from torch_keras_lstm.datasets.files import find, parted


def load_data(path: str | Path = "boston_housing.npz", test_split: float = 0.2, seed: int = 113) -> Any:
    """Features of neighbourhoods and prices of houses in Boston.

    Args:
        path: the file, in ``~/.keras/datasets`` unless it is a path.
        test_split: the part that is for testing.
        seed: of the order.

    Returns:
        ``(x_train, y_train), (x_test, y_test)``, (samples, 13) and (samples,).

    Raises:
        FileNotFoundError: when the file is not there, saying where to put it.
        ValueError: unless ``test_split`` lies in [0, 1).
    """
    return parted(find(path), test_split, seed)
