"""Reading and writing Keras files, under the names that Keras has for it. Only the calls import the converter."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from torch import nn

from torch_keras_lstm.models.model import Model
from torch_keras_lstm.registry import with_registered


def load_model(
    path: str | Path,
    weights: str | Path | Literal[False] | None = None,
    custom_objects: Mapping[str, Any] | None = None,
    compile: bool = True,
) -> Model:
    """The PyTorch model for a Keras model file, in evaluation mode; see :func:`torch_keras_lstm.conversion.load_model`.

    As in Keras the model is compiled as it was when it was saved, and its optimizer goes on where it was; when that
    cannot be, ``fit`` says why.

    Args:
        path: a whole model (``.h5``, ``.keras``, a SavedModel folder), an architecture (``.json``, ``.yaml``), or a
            folder that ``torch-keras-lstm convert`` wrote.
        weights: the weights file that belongs to an architecture; ``False`` for fresh weights.
        custom_objects: layers and functions of your own by the names that the file gives them, and the functions of
            Lambdas by their layers' names; beside what ``utils.register_keras_serializable`` knows.
        compile: ``False`` leaves the optimizer's arrays unread and the model not compiled.

    Raises:
        OSError: when a file is missing or damaged.
        ValueError: when it is not a Keras model, or holds what is not supported.
    """
    from torch_keras_lstm.conversion import compile_as_saved  # noqa: TID251 - as above
    from torch_keras_lstm.conversion import load_model as load  # noqa: TID251 - the one door back

    custom_objects = with_registered(custom_objects)
    model = load(path, weights, custom_objects)
    if compile and weights is None:
        compile_as_saved(model, path, custom_objects)
    return model


def save_model(model: Model, path: str | Path, training: Any = None, overwrite: bool = True) -> None:
    """Save a model as Keras 3.15 does; see :func:`torch_keras_lstm.conversion.save_model`."""
    from torch_keras_lstm.conversion import save_model as save  # noqa: TID251 - as above

    save(model, path, training, overwrite)


def training_description(model: Model) -> Any:
    """What a file keeps of how a model is trained; see :func:`torch_keras_lstm.conversion.describe_training`."""
    from torch_keras_lstm.conversion import describe_training  # noqa: TID251 - as above

    return describe_training(model)


def save_weights(model: Model, path: str | Path, training: Any = None, overwrite: bool = True) -> None:
    """Save a model's weights as Keras 3.15 does; see :func:`torch_keras_lstm.conversion.save_weights`."""
    from torch_keras_lstm.conversion import save_weights as save  # noqa: TID251 - as above

    save(model, path, training, overwrite)


def load_weights(model: nn.Module, path: str | Path) -> None:
    """Put the weights of a Keras file into a built model; see :func:`torch_keras_lstm.conversion.load_weights`.

    Args:
        model: a ``Sequential``, a layer, or a module with layers in it.
        path: weights (``.weights.h5``, legacy ``.h5``, a TensorFlow checkpoint's prefix) or a whole model with weights.

    Raises:
        OSError: when the file is missing or damaged.
        ValueError: when it holds no weights, or weights that do not fit the model, which stays as it was.
    """
    from torch_keras_lstm.conversion import load_weights as load  # noqa: TID251 - as above

    load(model, path)
