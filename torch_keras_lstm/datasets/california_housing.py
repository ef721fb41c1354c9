"""``keras.datasets.california_housing``: what houses cost."""

from pathlib import Path
from typing import Any

from torch_keras_lstm.arguments import check_choice
from torch_keras_lstm.datasets.files import find, parted


def load_data(
    version: str = "large", path: str | Path = "california_housing.npz", test_split: float = 0.2, seed: int = 113
) -> Any:
    """Features of neighbourhoods and prices of houses in California.

    Args:
        version: "large", or "small" for the first 600 samples.
        path: the file, in ``~/.keras/datasets`` unless it is a path.
        test_split: the part that is for testing.
        seed: of the order.

    Returns:
        ``(x_train, y_train), (x_test, y_test)``, (samples, 8) and (samples,).

    Raises:
        FileNotFoundError: when the file is not there, saying where to put it.
        ValueError: unless ``test_split`` lies in [0, 1), or for another version.
    """
    check_choice("version", version, ("large", "small"))
    return parted(find(path), test_split, seed, 600 if version == "small" else None)
