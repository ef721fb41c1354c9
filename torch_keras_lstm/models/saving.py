"""Reading and writing Keras files, under the names that Keras has for it. Only the calls import the converter."""

import json
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
    safe_mode: bool = True,
) -> Model:
    """The PyTorch model for a Keras model file, in evaluation mode; see :func:`torch_keras_lstm.conversion.load_model`.

    As in Keras the model is compiled as it was when it was saved, and its optimizer goes on where it was; when that
    cannot be, ``fit`` says why.

    Args:
        path: a whole model (``.h5``, ``.keras``, a SavedModel folder, TF.js' ``model.json``), an architecture
            (``.json``, ``.yaml``), or a folder that ``torch-keras-lstm convert`` wrote.
        weights: the weights file that belongs to an architecture; ``False`` for fresh weights.
        custom_objects: layers and functions of your own by the names that the file gives them, and the functions of
            Lambdas by their layers' names; beside what ``utils.register_keras_serializable`` knows.
        compile: ``False`` leaves the optimizer's arrays unread and the model not compiled.
        safe_mode: taken for Keras' sake: the code of a Lambda in a file is not run either way, its function is given as
            one of ``custom_objects``.

    Raises:
        OSError: when a file is missing or damaged.
        ValueError: when it is not a Keras model, or holds what is not supported.
    """
    from torch_keras_lstm.conversion import load_model as load  # noqa: TID251 - the one door back

    return load(path, weights, with_registered(custom_objects), compile)


def to_json(model: Model, **kwargs: Any) -> str:
    """The architecture of a model, and how it is compiled, as JSON; see :meth:`Model.to_json`."""
    from torch_keras_lstm.conversion import model_config  # noqa: TID251 - as above

    config = model_config(model, unbuilt=True)
    return json.dumps({**config, "compile_config": model.get_compile_config()} if model.compiled else config, **kwargs)


def model_from_json(json_string: str, custom_objects: Mapping[str, Any] | None = None) -> Model:
    """The model that ``model.to_json()``, Keras' or ours, described: built where it was, compiled as it was.

    Args:
        json_string: the JSON.
        custom_objects: as of :func:`load_model`.

    Raises:
        ValueError: when it describes no model, or one that is not supported.
    """
    from torch_keras_lstm.conversion import model_from_config  # noqa: TID251 - as above

    model, training = model_from_config(json_string, with_registered(custom_objects))
    if training:
        model.compile_from_config(training)
    return model


def save_model(
    model: Model,
    filepath: str | Path,
    overwrite: bool = True,
    zipped: bool | None = None,
    include_optimizer: bool = True,
    **kwargs: Any,
) -> None:
    """Save a model, how it is compiled and its optimizer's state; as :meth:`Model.save`.

    Raises:
        ValueError: for an argument that Keras 3 has no more (``save_format``).
    """
    refuse(kwargs, "save_model", "the suffix of the path says how it is saved: `.keras`, `.h5` or none")
    model.save(filepath, overwrite, include_optimizer, zipped)


def write_model(
    model: Model, path: str | Path, training: Any = None, overwrite: bool = True, zipped: bool = True
) -> None:
    """Save a model as Keras 3.15 does; see :func:`torch_keras_lstm.conversion.save_model`."""
    from torch_keras_lstm.conversion import save_model as save  # noqa: TID251 - as above

    save(model, path, training, overwrite, zipped)


def refuse(kwargs: Mapping[str, Any], function: str, instead: str) -> None:
    """Raise a ``ValueError`` when there are arguments beyond those that ``function`` names."""
    if kwargs:
        raise ValueError(f"`{function}` does not support {', '.join(map(repr, kwargs))}: {instead}.")


def training_description(model: Model) -> Any:
    """What a file keeps of how a model is trained; see :func:`torch_keras_lstm.conversion.describe_training`."""
    from torch_keras_lstm.conversion import describe_training  # noqa: TID251 - as above

    return describe_training(model)


def save_weights(model: Model, path: str | Path, training: Any = None, overwrite: bool = True) -> None:
    """Save a model's weights as Keras 3.15 does; see :func:`torch_keras_lstm.conversion.save_weights`."""
    from torch_keras_lstm.conversion import save_weights as save  # noqa: TID251 - as above

    save(model, path, training, overwrite)


def load_weights(
    model: nn.Module, path: str | Path, skip_mismatch: bool = False, by_name: bool = False, **kwargs: Any
) -> None:
    """Put the weights of a Keras file into a built model; see :func:`torch_keras_lstm.conversion.load_weights`.

    Args:
        model: a ``Sequential``, a layer, or a module with layers in it.
        path: weights (``.weights.h5``, legacy ``.h5``, a TensorFlow checkpoint's prefix) or a whole model with weights.
        skip_mismatch: leave layers whose weights the file lacks, or has in other shapes, as they are, with a warning.
        by_name: only layers whose names are in a legacy file take weights, the rest stay as they are.

    Raises:
        OSError: when the file is missing or damaged.
        ValueError: when it holds no weights, or weights that do not fit the model, which stays as it was; for
            ``by_name`` of a file that has no names; for other arguments.
    """
    from torch_keras_lstm.conversion import load_weights as load  # noqa: TID251 - as above

    refuse(kwargs, "load_weights", "it takes `skip_mismatch` and `by_name`")
    load(model, path, skip_mismatch, by_name)
