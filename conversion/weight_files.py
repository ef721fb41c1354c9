"""The arrays of weight files, by whatever Keras or TensorFlow wrote them; what they belong to is decided elsewhere."""

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch_keras_lstm.conversion import saved_model
from torch_keras_lstm.conversion.archive import KerasArchive
from torch_keras_lstm.conversion.arrays import ArraysByLayer, ArraysByPath, SavedArray, Weights
from torch_keras_lstm.conversion.file_kind import checkpoint_prefix, file_kind
from torch_keras_lstm.conversion.hdf5 import Hdf5File
from torch_keras_lstm.conversion.hdf5_library import open_hdf5
from torch_keras_lstm.conversion.keras_folder import KerasFolder
from torch_keras_lstm.conversion.mapped_file import MappedFile
from torch_keras_lstm.conversion.npz import is_npz, npz_arrays
from torch_keras_lstm.conversion.object_graph import checkpoint_weights
from torch_keras_lstm.conversion.orbax import orbax_model
from torch_keras_lstm.conversion.sources import naming
from torch_keras_lstm.conversion.strict_json import decode, parse_object
from torch_keras_lstm.conversion.tensor_bundle import TensorBundle
from torch_keras_lstm.conversion.tfjs import tfjs_model
from torch_keras_lstm.conversion.weights_by_path import (
    PATH_ROOTS,
    WINDOWS_SEPARATOR,
    root_among,
    root_of,
    weights_by_path,
)

MAX_SHARDS = 1000

# a file that holds weights, or what is in it
_Source = Path | bytes | MappedFile

_ARCHIVED = "model.weights"


def open_weights(path: Path, opened: ExitStack, mapped: bool = False) -> Weights:
    """The arrays of a file that holds weights, with or without an architecture; errors name the file.

    Args:
        path: ``.h5``, ``.weights.h5``, ``.weights.json`` with its shards beside it, ``.keras`` (a file or a folder),
            TF.js' ``model.json``, a SavedModel folder, or a TensorFlow checkpoint: its prefix, its index, or the folder
            that holds only it.
        opened: keeps what the arrays are read from open.
        mapped: as of :class:`KerasArchive`.

    Raises:
        ValueError: when it holds no weights, or what it says of them is broken.
        OSError: when a file cannot be opened, or is truncated or damaged.
    """
    with naming(path):
        return replace(_opened(path, opened, mapped), source=path)


def _opened(path: Path, opened: ExitStack, mapped: bool) -> Weights:
    kind = file_kind(path)
    if kind == "savedmodel":
        return saved_model_weights(path)
    if kind == "checkpoint":
        return checkpoint_weights(TensorBundle(checkpoint_prefix(path)), "TensorFlow checkpoint")
    if kind == "keras folder":
        return archived_weights(KerasFolder(path), opened)
    if kind == "keras":
        return archived_weights(opened.enter_context(KerasArchive(path, mapped)), opened)
    if kind == "orbax":
        return orbax_model(path).weights
    if kind == "tfjs":
        weights = tfjs_model(path).weights
        if weights is None:
            raise ValueError("The file has no `weightsManifest`, so that it holds no weights.")
        return weights
    if kind == "json":
        beside = {entry.name: entry for entry in path.parent.iterdir()}
        return _sharded(path.read_bytes(), lambda name: beside.get(name), "the folder", opened)
    if kind != "hdf5":
        raise ValueError("This is an architecture. Weights are read from `.h5` and `.keras` files and checkpoints.")
    file = opened.enter_context(open_hdf5(path))
    if file.has("model_weights"):
        return legacy_weights(file, "/model_weights")
    return legacy_weights(file, "/") if is_legacy(file) else _hdf5_weights([file])


def archived_weights(archive: KerasArchive | KerasFolder, opened: ExitStack) -> Weights:
    """The weights in a ``.keras`` archive or folder: one HDF5 file, several of them with a list, or NumPy's archive."""
    if isinstance(archive, KerasArchive) and is_npz(archive):
        return _npz_weights(archive)
    return replace(_archived_arrays(archive, opened), vocabularies=archive.vocabularies())


def _archived_arrays(archive: KerasArchive | KerasFolder, opened: ExitStack) -> Weights:
    names = archive.names()
    if f"{_ARCHIVED}.h5" in names:
        file = opened.enter_context(open_hdf5(archive.view(f"{_ARCHIVED}.h5")))
        if not file.arrays():  # of a model that was not built
            return Weights("weights (.weights.h5)", ArraysByPath(PATH_ROOTS[0], {}), {})
        return _hdf5_weights([file])
    if f"{_ARCHIVED}.json" in names:
        listed = archive.read_text(f"{_ARCHIVED}.json")
        return _sharded(listed, lambda name: archive.view(name) if name in names else None, "the model", opened)
    if f"{_ARCHIVED}.npz" in names:
        return _npz_weights(opened.enter_context(KerasArchive(archive.read(f"{_ARCHIVED}.npz"))))
    raise ValueError(f"The model holds no weights: it has no member `{_ARCHIVED}.h5`.")


def saved_model_weights(folder: Path) -> Weights:
    """The weights in a SavedModel folder."""
    return checkpoint_weights(TensorBundle(saved_model.checkpoint_prefix(folder)), "weights (SavedModel)")


def holds_weights(file: Hdf5File) -> bool:
    """Whether a HDF5 file without an architecture holds a model's weights."""
    groups = file.groups()
    if file.has("model_weights") or is_legacy(file) or any(map(root_of, groups)):
        return True
    return any(group not in ("optimizer", "metrics") and file.has(f"{group}/vars") for group in groups)


def is_legacy(file: Hdf5File) -> bool:
    """Whether the weights stand under the names of their layers, or under numbers, as in every Keras before 2.12."""
    return file.names("layer_names") is not None or file.number("nb_layers") is not None


def legacy_weights(file: Hdf5File, group: str) -> Weights:
    """The weights under ``group``, which lists its layers and for each layer its arrays."""
    found = file.arrays(group)
    names = file.names("layer_names", group)
    if names is None:
        layers = _numbered(file, group, found)
    else:
        if len(set(names)) < len(names):
            raise ValueError(f"`layer_names` of `{group}` names a layer twice.")
        layers = {layer: _named(file, group, layer, found) for layer in names}
    kept = file.arrays("optimizer_weights") if group != "/" and file.has("optimizer_weights") else {}
    order = (file.names("weight_names", "optimizer_weights") or []) if kept else []
    optimizer = [kept[name] for name in order if name in kept]
    fault = _fault(order, kept)
    left = {"optimizer": len(kept)} if kept else {}
    version = file.text("keras_version", group)
    # Keras 1 did not write its backend down, but the names that the backend gave: TensorFlow's end in ":0".
    backend = file.text("backend", group)
    named = [name for variables in layers.values() for name in variables] if names is not None else []
    by_theano = backend == "theano" or (
        backend is None and named != [] and not any(name.endswith(":0") for name in named)
    )
    arrays = ArraysByLayer(layers, tuple(found.values()), flipped_kernels=by_theano)
    return Weights("weights (legacy .h5)", arrays, left, version, optimizer, fault)


def _fault(order: Sequence[str], kept: Mapping[str, SavedArray]) -> str:
    """Why an optimizer's arrays in legacy HDF5 are not those that its list of names says; empty when they are."""
    for name in order:
        if name not in kept:
            return f"`weight_names` of `/optimizer_weights` lists `{name}`, which the file does not hold."
    listed = set(order)
    for name in kept:
        if name not in listed:
            return f"`/optimizer_weights` holds `{name}`, which its `weight_names` does not list."
    return "" if len(listed) == len(order) else "`weight_names` of `/optimizer_weights` lists a name twice."


def _named(file: Hdf5File, group: str, layer: str, found: dict[str, SavedArray]) -> dict[str, SavedArray]:
    variables = file.names("weight_names", f"{group}/{layer}")
    if variables is None:
        raise ValueError(f"Group `{layer}` of `{group}` has no attribute `weight_names`.")
    arrays = {}
    for variable in variables:
        array = found.pop(f"{layer}/{variable}", None)
        if array is None:
            raise ValueError(f"Layer `{layer}` names a weight `{variable}` that the file does not hold, or twice.")
        arrays[variable] = array
    return arrays


def _numbered(file: Hdf5File, group: str, found: dict[str, SavedArray]) -> dict[str, dict[str, SavedArray]]:
    """The layout before Keras 1.0: ``nb_layers`` groups ``layer_0``, ... of ``nb_params`` arrays ``param_0``, ..."""
    count = file.number("nb_layers", group)
    if count is None:
        raise ValueError(f"Group `{group}` has neither an attribute `layer_names` nor `nb_layers`.")
    layers: dict[str, dict[str, SavedArray]] = {}
    for layer in (f"layer_{number}" for number in range(count)):
        if not file.has(f"{group}/{layer}"):
            raise ValueError(f"`nb_layers` of `{group}` is {count}, but the file has no group `{layer}`.")
        layers[layer] = {}
        for parameter in (
            f"param_{number}" for number in range(file.number("nb_params", f"{group.rstrip('/')}/{layer}") or 0)
        ):
            array = found.pop(f"{layer}/{parameter}", None)
            if array is None:
                raise ValueError(f"Group `{layer}` counts an array `{parameter}` that the file does not hold.")
            layers[layer][parameter] = array
    return layers


def _npz_weights(archive: KerasArchive) -> Weights:
    return weights_by_path([npz_arrays(archive)], root_among(archive.names()), "weights (.npz)")


def _hdf5_weights(files: Sequence[Hdf5File]) -> Weights:
    root = next(filter(None, (root_of(group) for file in files for group in file.groups())), None)
    arrays = [{path.replace(WINDOWS_SEPARATOR, "/"): array for path, array in file.arrays().items()} for file in files]
    return weights_by_path(arrays, root, "weights (.weights.h5)")


def _sharded(listed: bytes, find: Callable[[str], _Source | None], place: str, opened: ExitStack) -> Weights:
    """Weights in several HDF5 files, which a ``.weights.json`` lists; their names are looked up, never made a path."""
    what = "The list of shards"
    weight_map = parse_object(decode(listed, what), what).get("weight_map")
    if not isinstance(weight_map, dict):
        raise ValueError("The JSON lists no weights: `weight_map` is missing. A model's architecture is not weights.")
    shards = [_open_shard(name, find, place, opened) for name in _shard_names(weight_map)]
    weights = _hdf5_weights(shards)
    return replace(weights, container=f"{weights.container}, {len(shards)} shards")


def _shard_names(weight_map: Mapping[str, Any]) -> list[str]:
    listed = [names if isinstance(names, list) else [names] for names in weight_map.values()]
    names = list(dict.fromkeys(name for group in listed for name in group if isinstance(name, str)))
    if len(names) > MAX_SHARDS or not all(isinstance(name, str) for group in listed for name in group):
        raise ValueError(f"`weight_map` must name up to {MAX_SHARDS} files, each by a string.")
    strange = next((name for name in names if not re.fullmatch(r"[^/\\:]+\.weights\.h5", name)), None)
    if strange is not None:
        raise ValueError(f"A shard is a file `*.weights.h5` beside its list; {strange!r} is not opened.")
    return names


def _open_shard(name: str, find: Callable[[str], _Source | None], place: str, opened: ExitStack) -> Hdf5File:
    source = find(name)
    if source is None:
        raise ValueError(f"The shard {name!r} is missing from {place}.")
    if isinstance(source, Path) and source.is_symlink():
        raise ValueError(f"The shard {name!r} is a link, and links are not followed.")
    return opened.enter_context(open_hdf5(source))
