"""Which kind of file a path is, and what it holds: a configuration and named arrays, whatever Keras put them in."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch_keras_lstm.conversion import strict_yaml
from torch_keras_lstm.conversion.archive import KerasArchive
from torch_keras_lstm.conversion.arrays import Weights
from torch_keras_lstm.conversion.file_kind import file_kind
from torch_keras_lstm.conversion.hdf5 import Hdf5File
from torch_keras_lstm.conversion.input_shape import with_input_shape
from torch_keras_lstm.conversion.keras_folder import KerasFolder
from torch_keras_lstm.conversion.saved_config import ModelDescription, OwnModelClass, describe
from torch_keras_lstm.conversion.saved_model import architecture
from torch_keras_lstm.conversion.strict_json import decode, parse_object
from torch_keras_lstm.conversion.type_policies import with_policies
from torch_keras_lstm.conversion.vocabularies import with_vocabularies
from torch_keras_lstm.conversion.weight_files import (
    archived_weights,
    holds_weights,
    legacy_weights,
    open_weights,
    saved_model_weights,
)


class WithoutArchitecture(ValueError):
    """The file holds weights alone, or with a class of model that does not tell its layers."""


@dataclass(frozen=True)
class SavedModel:
    """A model as it was saved; its arrays can be read while the context that gave it is open.

    Attributes:
        container: the kind of file, for the report.
        description: the layers.
        weights: ``None`` for an architecture alone.
        training: what ``compile`` was told, as the file has it; ``None`` for a model that was not compiled.
    """

    container: str
    description: ModelDescription
    weights: Weights | None
    training: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class SavedParts:
    """What a file of a model holds, before it is understood.

    Attributes:
        container: the kind of file, for the report.
        root: the model's configuration.
        version: what the file says of the Keras that saved it.
        weights: ``None`` for an architecture alone.
        training: what ``compile`` was told; ``None`` for a model that was not compiled.
    """

    container: str
    root: Mapping[str, Any]
    version: str | None
    weights: Weights | None
    training: Mapping[str, Any] | None


@contextmanager
def open_parts(path: Path) -> Iterator[SavedParts]:
    """Open a model, whatever its class; arguments and errors as :func:`open_saved_model`."""
    with ExitStack() as opened:
        container, root, version, own, training = _open_model(path, opened)
        if version is not None and not isinstance(version, str):
            raise ValueError(f"`keras_version` must be a string, got {version!r}.")
        yield SavedParts(container, root, version, own, training)


@contextmanager
def open_saved_model(path: Path, weights: Path | None = None, dtype_policy: str | None = None) -> Iterator[SavedModel]:
    """Open a Keras model.

    Args:
        path: a whole model (``.h5``, ``.keras``, a SavedModel folder) or an architecture (``.json``, ``.yaml``); which
            of them, its first bytes tell.
        weights: the weights that belong to an architecture, or that take the place of those in a whole model.
        dtype_policy: what becomes of policies of mixed precision, as :func:`with_policies` takes it.

    Raises:
        OSError: when a file cannot be opened, or is truncated or damaged.
        ValueError: when it is not a model that can be read, in a sentence or two that name the place.
    """
    with ExitStack() as opened:
        with naming(path):
            parts = opened.enter_context(open_parts(path))
            container, own = parts.container, parts.weights
            try:
                description = with_policies(describe(parts.root, parts.version), parts.root, dtype_policy)
            except OwnModelClass as error:
                if own is None:
                    raise
                raise WithoutArchitecture(str(error)) from None
        if weights is not None:
            with naming(weights):
                own = open_weights(weights, opened)
            container = f"{container} + {own.container}"
        with naming(path):
            description = with_vocabularies(description, own)
        description = with_input_shape(description, None if own is None else own.arrays)
        yield SavedModel(container, description, own, parts.training)


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Put the name of the file in front of the errors that arise inside."""
    try:
        yield
    except WithoutArchitecture as error:
        raise WithoutArchitecture(f"{path}: {error}") from None
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    except FileNotFoundError as error:
        inside = error.filename is not None and path.is_dir()
        missing = f"its file {Path(error.filename).name!r} is missing" if inside else "there is no such file or folder"
        raise FileNotFoundError(f"{path}: {missing}.") from None
    except OSError as error:
        raise type(error)(f"{path}: {error.strerror or error}") from None


_Opened = tuple[str, Mapping[str, Any], object, Weights | None, Mapping[str, Any] | None]


def _open_model(path: Path, opened: ExitStack) -> _Opened:
    root: Mapping[str, Any]
    kind = file_kind(path)
    if kind == "json":
        root = parse_object(decode(path.read_bytes(), "The file"), "The file")
        if "weight_map" in root:
            raise _without_architecture("The file lists the shards of weights", path)
        return "architecture (JSON)", root, root.get("keras_version"), None, None
    if kind == "yaml":
        root = strict_yaml.parse_object(decode(path.read_bytes(), "The file"), "The file")
        return "architecture (YAML)", root, root.get("keras_version"), None, None
    if kind == "savedmodel":
        found = architecture(path)
        if found is None:
            raise _without_architecture(
                "The SavedModel holds weights and operations, as `model.export` and `tf.saved_model.save` write them,",
                path,
            )
        return "SavedModel", *found, saved_model_weights(path), None
    if kind == "checkpoint":
        raise _without_architecture("A TensorFlow checkpoint holds weights", path)
    if kind == "keras folder":
        return ".keras folder", *_open_keras(KerasFolder(path), opened)
    if kind == "keras":
        return ".keras archive", *_open_keras(opened.enter_context(KerasArchive(path)), opened)
    file = opened.enter_context(Hdf5File(path))
    config = file.text("model_config")
    if config is None:
        if holds_weights(file):
            raise _without_architecture("The file holds weights", path)
        raise ValueError("This HDF5 file was not written by Keras' `model.save`: it has no attribute `model_config`.")
    if not file.has("model_weights"):
        raise ValueError("The file has an architecture, but no group `model_weights`: it is not a whole model.")
    root = parse_object(config, "Attribute `model_config`")
    told = file.text("training_config")
    training = None if told is None else parse_object(told, "Attribute `training_config`")
    return "whole model (.h5)", root, file.text("keras_version"), legacy_weights(file, "/model_weights"), training


def _without_architecture(what: str, path: Path) -> WithoutArchitecture:
    return WithoutArchitecture(
        f"{what} without an architecture. Load them with the model's JSON: "
        f"`load_model('architecture.json', weights={str(path)!r})`, or into a model: "
        f"`model.load_weights({str(path)!r})`."
    )


def _open_keras(
    archive: KerasArchive | KerasFolder, opened: ExitStack
) -> tuple[Mapping[str, Any], object, Weights | None, Mapping[str, Any] | None]:
    names = archive.names()
    if "config.json" not in names:
        raise ValueError("This zip archive is not a Keras model: it has no member `config.json`.")
    version = None
    if "metadata.json" in names:
        text = decode(archive.read_text("metadata.json"), "Member `metadata.json`")
        version = parse_object(text, "Member `metadata.json`").get("keras_version")
    root = parse_object(decode(archive.read_text("config.json"), "Member `config.json`"), "Member `config.json`")
    training = root.get("compile_config")
    if training is not None and not isinstance(training, dict):
        raise ValueError(f"`compile_config` must be an object, got {training!r}.")
    # Keras writes an empty one for a model that was not compiled.
    return root, version, archived_weights(archive, opened), training or None
