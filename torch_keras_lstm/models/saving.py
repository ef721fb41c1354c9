"""Reading Keras model files, under the name that Keras has for it. Only the call imports the converter."""

from collections.abc import Mapping
from pathlib import Path

from torch_keras_lstm.layers import Layer
from torch_keras_lstm.models.model import Model


def load_model(
    path: str | Path, weights: str | Path | None = None, custom_objects: Mapping[str, type[Layer]] | None = None
) -> Model:
    """The PyTorch model for a Keras model file, in evaluation mode; see :func:`torch_keras_lstm.conversion.load_model`.

    Args:
        path: a whole model (``.h5``, ``.keras``), an architecture (``.json``), or a folder that
            ``torch-keras-lstm convert`` wrote.
        weights: the weights file that belongs to an architecture.
        custom_objects: layer classes by the name that the file gives them.

    Raises:
        OSError: when a file is missing or damaged.
        ValueError: when it is not a Keras model, or holds what is not supported.
    """
    from torch_keras_lstm.conversion import load_model as load  # noqa: TID251 - the one door back; h5py comes with it

    return load(path, weights, custom_objects)
