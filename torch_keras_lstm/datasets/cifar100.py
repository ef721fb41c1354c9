"""``keras.datasets.cifar100``: small colour images of a hundred kinds."""

from typing import Any

from torch_keras_lstm.arguments import check_choice
from torch_keras_lstm.datasets import cifar


def load_data(label_mode: str = "fine") -> Any:
    """Images and the kinds that they are of, from ``~/.keras/datasets/cifar-100-python``.

    Args:
        label_mode: "fine" for a hundred kinds, "coarse" for twenty.

    Returns:
        ``(x_train, y_train), (x_test, y_test)``, uint8 (samples, 32, 32, 3) and integers (samples, 1).

    Raises:
        FileNotFoundError: when a file is not there, saying where to put it.
        ValueError: for another ``label_mode``.
    """
    check_choice("label_mode", label_mode, ("fine", "coarse"))
    folder = cifar.folder("cifar-100-python-target", "cifar-100-python.tar.gz", "cifar-100-python")
    train, test = (cifar.batch(folder / part, f"{label_mode}_labels") for part in ("train", "test"))
    return train, test
