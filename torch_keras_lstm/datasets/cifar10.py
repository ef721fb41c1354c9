"""``keras.datasets.cifar10``: small colour images of ten kinds."""

from typing import Any

import numpy as np

from torch_keras_lstm.datasets import cifar


def load_data() -> Any:
    """Images and the kinds that they are of, from ``~/.keras/datasets/cifar-10-batches-py``.

    Returns:
        ``(x_train, y_train), (x_test, y_test)``, uint8 (samples, 32, 32, 3) and (samples, 1).

    Raises:
        FileNotFoundError: when a file is not there, saying where to put it.
    """
    folder = cifar.folder("cifar-10-batches-py-target", "cifar-10-python.tar.gz", "cifar-10-batches-py")
    parts = [cifar.batch(folder / f"data_batch_{number}") for number in range(1, 6)]
    images, labels = (np.concatenate(several) for several in zip(*parts, strict=True))
    test_images, test_labels = cifar.batch(folder / "test_batch")
    return (images, labels.astype(np.uint8)), (test_images, test_labels.astype(np.uint8))
