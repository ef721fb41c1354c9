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
    dtype_policy: Literal["as saved", "float32"] | None = None,
    mmap: bool = False,
    hdf5: Literal["h5py"] | None = None,
) -> Model:
    """The PyTorch model for a Keras model file, in evaluation mode. Neither Keras nor TensorFlow is needed.

    It is a ``Sequential``, or a ``Functional`` for a graph of layers, and computes what the Keras that saved the file
    computed: where the versions of Keras disagree, it follows that one.

    As in Keras the model is compiled as it was when it was saved, and its optimizer goes on where it was; when that
    cannot be, ``fit`` says why.

    Args:
        path: a whole model (``.h5``, ``.keras``, a SavedModel folder, TF.js' ``model.json``, a checkpoint of
            ``OrbaxCheckpoint``), an architecture (``.json``, ``.yaml``), or a folder that ``torch-keras-lstm convert``
            wrote.
        weights: the weights file that belongs to an architecture; ``False`` for fresh weights.
        custom_objects: layers and functions of your own by the names that the file gives them, and the functions of
            Lambdas by their layers' names; beside what ``utils.register_keras_serializable`` knows.
        compile: ``False`` leaves the optimizer's arrays unread and the model not compiled.
        safe_mode: taken for Keras' sake: the code of a Lambda in a file is not run either way, its function is given as
            one of ``custom_objects``.
        dtype_policy: ``"as saved"`` for mixed precision where the file has it, ``"float32"`` for none. By default a
            model that this package saved comes back as it was, and all others are read as float32.
        mmap: leave the weights in the ``.h5`` or ``.keras`` file, each read when it is first used, as ``torch.load``
            has it: embeddings, biases and the kernels of ``Dense``, which are transposed views then, where the file
            holds them uncompressed in the layer's type; the rest is copied. Training changes the memory and never the
            file. Nobody may write into that file while the model lives: replace it (``os.replace``) instead. The
            checksums in a ``.keras`` archive are not computed. A folder that ``convert`` wrote is always mapped.
        hdf5: ``"h5py"`` has the HDF5 library read HDF5 files, which knows filters that nothing else here does, and is
            native code: for files that you trust.

    Raises:
        OSError: when a file is missing or damaged.
        ValueError: when it is not a Keras model, or holds what is not supported.

    Example:
        >>> Sequential([Input((4,)), layers.Dense(2)]).save("model.keras")
        >>> load_model("model.keras")(torch.randn(3, 4)).shape
        torch.Size([3, 2])
    """
    from torch_keras_lstm.conversion import load_model as load  # noqa: TID251 - the one door back

    return load(path, weights, with_registered(custom_objects), compile, dtype_policy, mmap, hdf5)


def to_json(model: Model, **kwargs: Any) -> str:
    """The architecture of a model, and how it is compiled, as JSON; see :meth:`Model.to_json`."""
    from torch_keras_lstm.conversion import KERAS_VERSION, keras_version, model_config  # noqa: TID251 - as above

    config = model_config(model, unbuilt=True)
    if (version := keras_version(model)) != KERAS_VERSION:
        config["keras_version"] = version  # which Keras itself does not write here
    return json.dumps({**config, "compile_config": model.get_compile_config()} if model.compiled else config, **kwargs)


def model_from_json(json_string: str, custom_objects: Mapping[str, Any] | None = None) -> Model:
    """The model that ``model.to_json()``, Keras' or ours, described: built where it was, compiled as it was.

    What of the compilation cannot be had, such as a loss of your own, ``model.compile_error`` says.

    Args:
        json_string: the JSON.
        custom_objects: as of :func:`load_model`.

    Raises:
        ValueError: when it describes no model, or one that is not supported.

    Example:
        >>> model = Sequential([Input((4,)), layers.Dense(2)])
        >>> model_from_json(model.to_json()).output_shape
        (None, 2)
    """
    from torch_keras_lstm.conversion import model_from_config  # noqa: TID251 - as above

    return model_from_config(json_string, with_registered(custom_objects))


def save_model(
    model: Model,
    filepath: str | Path,
    overwrite: bool = True,
    zipped: bool | None = None,
    include_optimizer: bool = True,
    **kwargs: Any,
) -> None:
    """Save a model, how it is compiled and its optimizer's state, for :func:`load_model` and for Keras.

    Args:
        model: a ``Sequential`` or a functional model, built.
        filepath: ``.keras``, ``.h5``, or without a suffix a folder, which holds what Keras 3 has no words for as well.
        overwrite: replace what is there, which stays whole until the new file is.
        zipped: ``False`` writes the files of a ``.keras`` archive into a folder instead, as in Keras.
        include_optimizer: save how the model is compiled, and the state of its optimizer, too.

    Raises:
        ValueError: for another suffix; when Keras 3 cannot express the model; for an argument that Keras 3 has no more
            (``save_format``).
        OSError: when the file cannot be written.

    Example:
        >>> save_model(Sequential([Input((4,)), layers.Dense(2)]), "model.h5")
        >>> load_model("model.h5").input_shape
        (None, 4)
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


def save_weights(
    model: Model,
    path: str | Path,
    training: Any = None,
    overwrite: bool = True,
    max_shard_size: float | None = None,
) -> None:
    """Save a model's weights as Keras 3.15 does.

    Args:
        model: a model, built.
        path: the file, ``.weights.h5``; with ``max_shard_size`` the list of files, ``.weights.json``.
        training: the optimizer's state, to go on from there; ``None`` for the weights alone.
        overwrite: replace what is there, which stays whole until the new file is.
        max_shard_size: write several files beside the list, each with at most so many GB of weights.

    Raises:
        ValueError: for another suffix, and for a weight larger than a file may be.
        OSError: when the file cannot be written, or is there and ``overwrite`` is false.

    Example:
        >>> model, twin = (Sequential([Input((4,)), layers.Dense(2)]) for _ in range(2))
        >>> save_weights(model, "model.weights.h5")
        >>> load_weights(twin, "model.weights.h5")
    """
    from torch_keras_lstm.conversion import save_weights as save  # noqa: TID251 - as above

    save(model, path, training, overwrite, max_shard_size)


def load_weights(
    model: nn.Module, path: str | Path, skip_mismatch: bool = False, by_name: bool = False, **kwargs: Any
) -> None:
    """Put the weights of a Keras file into a built model, by place, by name or by path, as the file has them.

    Args:
        model: a ``Sequential``, a layer, or a module with layers in it.
        path: weights (``.weights.h5``, legacy ``.h5``, a TensorFlow checkpoint's prefix) or a whole model with weights.
        skip_mismatch: leave layers whose weights the file lacks, or has in other shapes, as they are, with a warning.
        by_name: only layers whose names are in a legacy file take weights, the rest stay as they are.

    Raises:
        OSError: when the file is missing or damaged.
        ValueError: when it holds no weights, or weights that do not fit the model, which stays as it was; for
            ``by_name`` of a file that has no names; for other arguments.

    Example:
        >>> model, twin = (Sequential([Input((4,)), layers.Dense(2)]) for _ in range(2))
        >>> model.save_weights("model.weights.h5")
        >>> load_weights(twin, "model.weights.h5")
        >>> np.array_equal(model.get_weights()[0], twin.get_weights()[0])
        True
    """
    from torch_keras_lstm.conversion import load_weights as load  # noqa: TID251 - as above

    refuse(kwargs, "load_weights", "it takes `skip_mismatch` and `by_name`")
    load(model, path, skip_mismatch, by_name)
