"""Which kind of file a path is, and what it holds: a configuration and named arrays, whatever Keras put them in."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch_keras_lstm.conversion.archive import KerasArchive
from torch_keras_lstm.conversion.hdf5 import Hdf5File, SavedArray
from torch_keras_lstm.conversion.saved_config import ModelDescription, describe
from torch_keras_lstm.conversion.strict_json import decode, parse_object

_HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_ZIP_SIGNATURE = b"PK\x03\x04"
_MAX_JSON_BYTES = 64 * 2**20

# Where the path of every weight begins: in .keras and .weights.h5 files, and in those of tf.keras 2.12 to 2.14.
_PATH_ROOTS = ("layers", "_layer_checkpoint_dependencies")


@dataclass(frozen=True)
class ArraysByLayer:
    """Arrays under the name of their layer, as in legacy HDF5.

    Attributes:
        layers: for each layer in the file's order, its arrays by the names that Keras gave its variables.
        unnamed: arrays that no list of names mentions.
        flipped_kernels: whether Keras ran on Theano, whose convolutions flip their kernels along the axes of space.
    """

    layers: Mapping[str, Mapping[str, SavedArray]]
    unnamed: tuple[SavedArray, ...]
    flipped_kernels: bool = False


@dataclass(frozen=True)
class ArraysByPath:
    """Arrays under a path of attributes, ``layers/lstm_1/cell/vars/0``, as in ``.keras`` and ``.weights.h5``.

    Attributes:
        root: the first part of every layer's path.
        paths: the arrays by path.
    """

    root: str
    paths: Mapping[str, SavedArray]


Arrays = ArraysByLayer | ArraysByPath


@dataclass(frozen=True)
class Weights:
    """The arrays of a file.

    Attributes:
        container: the kind of file, for the report.
        arrays: those of the model, not read yet.
        left: how many there are of what else a training run leaves behind, such as ``{"optimizer": 13}``.
    """

    container: str
    arrays: Arrays
    left: Mapping[str, int]


@dataclass(frozen=True)
class SavedModel:
    """A model as it was saved; its arrays can be read while the context that gave it is open.

    Attributes:
        container: the kind of file, for the report.
        description: the layers.
        weights: ``None`` for an architecture alone.
    """

    container: str
    description: ModelDescription
    weights: Weights | None


@contextmanager
def open_saved_model(path: Path, weights: Path | None = None) -> Iterator[SavedModel]:
    """Open a Keras model.

    Args:
        path: a whole model (``.h5``, ``.keras``) or an architecture (``.json``); what it is, its first bytes tell.
        weights: the weights that belong to an architecture, or that take the place of those in a whole model.

    Raises:
        OSError: when a file cannot be opened, or is truncated or damaged.
        ValueError: when it is not a model that can be read, in a sentence or two that name the place.
    """
    with ExitStack() as opened:
        with naming(path):
            container, root, version, own = _open_model(path, opened)
            if version is not None and not isinstance(version, str):
                raise ValueError(f"`keras_version` must be a string, got {version!r}.")
            description = describe(root, version)
        if weights is not None:
            with naming(weights):
                own = _open_weights(weights, opened)
            container = f"{container} + {own.container}"
        yield SavedModel(container, description, own)


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Put the name of the file in front of the errors that arise inside."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    except FileNotFoundError:
        raise FileNotFoundError(f"{path}: there is no such file or folder.") from None
    except OSError as error:
        raise type(error)(f"{path}: {error.strerror or error}") from None


def _open_model(path: Path, opened: ExitStack) -> tuple[str, Mapping[str, Any], object, Weights | None]:
    kind = file_kind(path)
    if kind == "json":
        root = parse_object(decode(path.read_bytes(), "The file"), "The file")
        return "architecture (JSON)", root, root.get("keras_version"), None
    if kind == "keras":
        return _open_keras(opened.enter_context(KerasArchive(path)), opened)
    file = opened.enter_context(Hdf5File(path))
    config = file.text("model_config")
    if config is None:
        holds_weights = file.has("model_weights") or file.names("layer_names") is not None or _path_root(file)
        raise ValueError(
            "The file holds weights without an architecture. Load them with the model's JSON: "
            f"`load_model('architecture.json', weights={path.name!r})`."
            if holds_weights
            else "This HDF5 file was not written by Keras' `model.save`: it has no attribute `model_config`."
        )
    if not file.has("model_weights"):
        raise ValueError("The file has an architecture, but no group `model_weights`: it is not a whole model.")
    root = parse_object(config, "Attribute `model_config`")
    return "whole model (.h5)", root, file.text("keras_version"), _legacy_weights(file, "/model_weights")


def _open_keras(archive: KerasArchive, opened: ExitStack) -> tuple[str, Mapping[str, Any], object, Weights | None]:
    names = archive.names()
    if "config.json" not in names:
        raise ValueError("This zip archive is not a Keras model: it has no member `config.json`.")
    if "model.weights.h5" not in names:
        other = ", ".join(name for name in names if name.startswith("model.weights")) or "none"
        raise ValueError(f"Only weights in `model.weights.h5` are read so far; the archive has {other}.")
    version = None
    if "metadata.json" in names:
        text = decode(archive.read_text("metadata.json"), "Member `metadata.json`")
        version = parse_object(text, "Member `metadata.json`").get("keras_version")
    root = parse_object(decode(archive.read_text("config.json"), "Member `config.json`"), "Member `config.json`")
    file = opened.enter_context(Hdf5File(archive.read("model.weights.h5")))
    return ".keras archive", root, version, _weights_by_path(file)


def _open_weights(path: Path, opened: ExitStack) -> Weights:
    kind = file_kind(path)
    if kind == "keras":
        weights = _open_keras(opened.enter_context(KerasArchive(path)), opened)[3]
    elif kind == "hdf5":
        file = opened.enter_context(Hdf5File(path))
        if file.names("layer_names") is not None:
            weights = _legacy_weights(file, "/")
        elif file.has("model_weights"):
            weights = _legacy_weights(file, "/model_weights")
        else:
            weights = _weights_by_path(file)
    else:
        weights = None
    if weights is None:
        raise ValueError("Weights are read from an `.h5` or `.keras` file, which this is not.")
    return weights


def file_kind(path: Path) -> str:
    """What the first bytes say that the file is: "hdf5", "keras" or "json"."""
    if path.is_dir():
        raise ValueError(
            "SavedModel folders are not read yet: save the model as `.keras` or `.h5`."
            if (path / "saved_model.pb").exists()
            else "The folder is not a model: one that `torch-keras-lstm convert` wrote has a `config.json`."
        )
    with path.open("rb") as file:
        start = file.read(64)
    if start.startswith(_HDF5_SIGNATURE):
        return "hdf5"
    if start.startswith(_ZIP_SIGNATURE):
        return "keras"
    if start.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{"):
        if path.stat().st_size > _MAX_JSON_BYTES:
            raise ValueError(f"A model's JSON has at most {_MAX_JSON_BYTES} bytes.")
        return "json"
    if path.suffix in (".yaml", ".yml"):
        raise ValueError("Architectures in YAML are not read yet: save them with `model.to_json()`.")
    raise ValueError("This is not a Keras model: it is neither HDF5 (`.h5`), nor a zip archive (`.keras`), nor JSON.")


def _legacy_weights(file: Hdf5File, group: str) -> Weights:
    names = file.names("layer_names", group)
    if names is None:
        raise ValueError(
            f"Group `{group}` has no attribute `layer_names`."
            + (" The layout of Keras before 1.0 is not read yet." if file.has(f"{group}/layer_0") else "")
        )
    if len(set(names)) < len(names):
        raise ValueError(f"`layer_names` of `{group}` names a layer twice.")
    found = file.arrays(group)
    layers: dict[str, dict[str, SavedArray]] = {}
    for layer in names:
        variables = file.names("weight_names", f"{group}/{layer}")
        if variables is None:
            raise ValueError(f"Group `{layer}` of `{group}` has no attribute `weight_names`.")
        layers[layer] = {}
        for variable in variables:
            array = found.pop(f"{layer}/{variable}", None)
            if array is None:
                raise ValueError(f"Layer `{layer}` names a weight `{variable}` that the file does not hold, or twice.")
            layers[layer][variable] = array
    optimizer = len(file.arrays("optimizer_weights")) if group != "/" and file.has("optimizer_weights") else 0
    left = {"optimizer": optimizer} if optimizer else {}
    flipped_kernels = file.text("backend", group) == "theano"
    return Weights("weights (legacy .h5)", ArraysByLayer(layers, tuple(found.values()), flipped_kernels), left)


def _weights_by_path(file: Hdf5File) -> Weights:
    root = _path_root(file)
    if root is None:
        raise ValueError("The file holds no weights that Keras wrote: neither `layer_names` nor a group `layers`.")
    paths: dict[str, SavedArray] = {}
    left: dict[str, int] = {}
    for path, array in file.arrays().items():
        kind = path.split("/")[0]
        if path.endswith("seed_generator/vars/0"):
            kind = "random state"
        if kind in ("optimizer", "metrics", "random state"):
            left[kind] = left.get(kind, 0) + 1
        else:
            paths[path] = array
    return Weights("weights (.weights.h5)", ArraysByPath(root, paths), left)


def _path_root(file: Hdf5File) -> str | None:
    return next((root for root in _PATH_ROOTS if file.has(root)), None)
