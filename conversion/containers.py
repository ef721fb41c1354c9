"""Which kind of file a path is, and what it holds: a configuration and named arrays, whatever Keras put them in."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch_keras_lstm.conversion import orbax, strict_yaml, tfjs
from torch_keras_lstm.conversion.archive import KerasArchive
from torch_keras_lstm.conversion.arrays import Weights
from torch_keras_lstm.conversion.file_kind import file_kind
from torch_keras_lstm.conversion.hdf5_library import open_hdf5
from torch_keras_lstm.conversion.input_shape import with_input_shape
from torch_keras_lstm.conversion.keras_folder import KerasFolder
from torch_keras_lstm.conversion.producer import Producer
from torch_keras_lstm.conversion.saved_config import ModelDescription, OwnModelClass, describe, producer_of
from torch_keras_lstm.conversion.saved_model import architecture
from torch_keras_lstm.conversion.saved_vocabularies import with_vocabularies
from torch_keras_lstm.conversion.sources import WithoutArchitecture, naming
from torch_keras_lstm.conversion.strict_json import decode, parse_object
from torch_keras_lstm.conversion.type_policies import with_policies
from torch_keras_lstm.conversion.weight_files import (
    archived_weights,
    holds_weights,
    legacy_weights,
    open_weights,
    saved_model_weights,
)


@dataclass(frozen=True)
class SavedParts:
    """What a file of a model holds, before it is understood.

    Its arrays can be read while the context that gave it is open.

    Attributes:
        path: the file.
        container: the kind of file, for the report.
        root: the model's configuration.
        version: what the file says of the Keras that saved it.
        weights: ``None`` for an architecture alone.
        training: what ``compile`` was told; ``None`` for a model that was not compiled.
    """

    path: Path
    container: str
    root: Mapping[str, Any]
    version: str | None
    weights: Weights | None
    training: Mapping[str, Any] | None

    @property
    def producer(self) -> Producer:
        """Who wrote the file."""
        return producer_of(self.root, self.version, self.for_tfjs)

    @property
    def for_tfjs(self) -> bool:
        """Whether it is a file for TF.js, which then says what it means."""
        return self.container == tfjs.CONTAINER


@dataclass(frozen=True)
class SavedModel:
    """A model as it was saved.

    Attributes:
        parts: what its file holds.
        container: the kind of file, or of both files, for the report.
        description: the layers.
        weights: those of its file or of another; ``None`` for an architecture alone.
    """

    parts: SavedParts
    container: str
    description: ModelDescription
    weights: Weights | None


@contextmanager
def open_parts(path: Path, mapped: bool = False) -> Iterator[SavedParts]:
    """Open a model, whatever its class; errors inside name the file, unless they are about another.

    Args:
        path: a whole model (``.h5``, ``.keras``, a SavedModel folder, TF.js' ``model.json``) or an architecture
            (``.json``, ``.yaml``); which of them, its first bytes tell.
        mapped: as of :class:`KerasArchive`.

    Raises:
        OSError: when a file cannot be opened, or is truncated or damaged.
        ValueError: when it is not a model that can be read, in a sentence or two that name the place.
    """
    with naming(path), ExitStack() as opened:
        container, root, version, own, training = _open_model(path, opened, mapped)
        if version is not None and not isinstance(version, str):
            raise ValueError(f"`keras_version` must be a string, got {version!r}.")
        own = None if own is None else replace(own, source=path)
        yield SavedParts(path, container, root, version, own, training)


@contextmanager
def open_saved_model(path: Path, weights: Path | None = None, dtype_policy: str | None = None) -> Iterator[SavedModel]:
    """Open a Keras model; ``weights`` and ``dtype_policy`` as :func:`understood`, the rest as :func:`open_parts`."""
    with open_parts(path) as parts, understood(parts, weights, dtype_policy) as saved:
        yield saved


@contextmanager
def understood(
    parts: SavedParts, weights: Path | None = None, dtype_policy: str | None = None, mapped: bool = False
) -> Iterator[SavedModel]:
    """What an open file describes.

    Args:
        parts: the file.
        weights: the weights that belong to an architecture, or that take the place of those in a whole model.
        dtype_policy: what becomes of policies of mixed precision, as :func:`with_policies` takes it.
        mapped: as of :class:`KerasArchive`, of ``weights``.

    Raises:
        WithoutArchitecture: for a class of model that does not tell its layers.
        ValueError: when the description is broken.
    """
    with ExitStack() as opened:
        container, own = parts.container, parts.weights
        try:
            description = describe(parts.root, parts.version, for_tfjs=parts.for_tfjs)
            description = with_policies(description, parts.root, dtype_policy)
        except OwnModelClass as error:
            if own is None:
                raise
            raise WithoutArchitecture(str(error)) from None
        if weights is not None:
            own = open_weights(weights, opened, mapped)
            container = f"{container} + {own.container}"
        description = with_vocabularies(description, own)
        description = with_input_shape(description, None if own is None else own.arrays)
        yield SavedModel(parts, container, description, own)


_Opened = tuple[str, Mapping[str, Any], object, Weights | None, Mapping[str, Any] | None]


def _open_model(path: Path, opened: ExitStack, mapped: bool) -> _Opened:
    root: Mapping[str, Any]
    kind = file_kind(path)
    if kind == "json":
        root = parse_object(decode(path.read_bytes(), "The file"), "The file")
        if "weight_map" in root:
            raise _without_architecture("The file lists the shards of weights", path)
        return "architecture (JSON)", root, root.get("keras_version"), None, None
    if kind == "tfjs":
        model = tfjs.tfjs_model(path)
        if model.root is None:
            raise _without_architecture("The manifest of TF.js lists weights", path)
        return tfjs.CONTAINER, model.root, model.version, model.weights, model.training
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
    if kind == "orbax":
        saved = orbax.orbax_model(path)
        if saved.root is None:
            raise _without_architecture("A checkpoint of `OrbaxCheckpoint(save_weights_only=True)` holds weights", path)
        return orbax.CONTAINER, saved.root, None, saved.weights, saved.training
    if kind == "checkpoint":
        raise _without_architecture("A TensorFlow checkpoint holds weights", path)
    if kind == "keras folder":
        return ".keras folder", *_open_keras(KerasFolder(path), opened)
    if kind == "keras":
        return ".keras archive", *_open_keras(opened.enter_context(KerasArchive(path, mapped)), opened)
    file = opened.enter_context(open_hdf5(path))
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
