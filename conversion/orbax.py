"""Checkpoints of Keras' ``OrbaxCheckpoint``: a folder of steps, each with the model's configuration and its variables.

Variables have the names that they had in Keras, ``trainable_variables.model.lstm.lstm_cell.kernel``. ``tensorstore``
reads their values; what is read, and of which shape, is known before.
"""

import importlib
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any, TypeGuard

import numpy as np

from torch_keras_lstm.conversion.arrays import (
    NUMBER_TYPES,
    Array,
    ArraysByLayer,
    LayerOrder,
    SavedArray,
    Weights,
    widen_bfloat16,
)
from torch_keras_lstm.conversion.layer_names import by_layer_names
from torch_keras_lstm.conversion.strict_json import decode, parse_object

CONTAINER = "Orbax checkpoint"
MAX_TEXT_BYTES = 64 * 2**20
MAX_ARRAYS = 100_000

_METADATA = "_CHECKPOINT_METADATA"
_VARIABLES = ("trainable_variables", "non_trainable_variables")
_OPTIMIZER = "optimizer_variables"
_GROUPS = (*_VARIABLES, _OPTIMIZER, "metrics_variables")


@dataclass(frozen=True)
class OrbaxModel:
    """What a checkpoint holds.

    Attributes:
        root: the model's configuration; ``None`` for weights alone.
        weights: its variables, and those of the optimizer by their names.
        training: what ``compile`` was told; ``None`` for a model that was not compiled.
    """

    root: Mapping[str, Any] | None
    weights: Weights
    training: Mapping[str, Any] | None


def is_orbax(folder: Path) -> bool:
    """Whether a folder is a checkpoint, or holds one for each of several steps."""
    return _is_step(folder) or bool(_steps(folder))


def orbax_model(folder: Path) -> OrbaxModel:
    """Open a checkpoint, the latest where there are several; its arrays are not read yet.

    Raises:
        ValueError: when it is not one of Keras', or broken, or ``tensorstore`` is not installed.
        OSError: when a file cannot be opened.
    """
    step = folder if _is_step(folder) else folder / str(max(_steps(folder)))
    _refuse_links(step)
    root = _configuration(step / "model_config")
    variables = _variables(step / "pytree")
    weights = {
        name: array for group in _VARIABLES for name, array in variables[group].items() if not _is_random_state(name)
    }
    if root is None:
        layers: dict[str, dict[str, SavedArray]] = {}
        unknown: Mapping[str, SavedArray] = {}
        for name, array in weights.items():
            layers.setdefault(name.split("/")[0], {})[name] = array
    else:
        layers, unknown = by_layer_names(weights, root)
    optimizer = {_of_optimizer(name): array for name, array in variables[_OPTIMIZER].items()}
    left = {
        "optimizer": len(optimizer),
        "metrics": len(variables["metrics_variables"]),
        "random state": sum(map(_is_random_state, variables["non_trainable_variables"])),
    }
    training = None if root is None else root.get("compile_config")
    if training is not None and not isinstance(training, dict):
        raise ValueError(f"`compile_config` must be an object, got {training!r}.")
    arrays = ArraysByLayer(layers, tuple(unknown.values()), order=LayerOrder.UNKNOWN)
    counted = {kind: count for kind, count in left.items() if count}
    weights_of = Weights("weights (Orbax)", arrays, counted, optimizer_by_name=optimizer)
    return OrbaxModel(root, replace(weights_of, vocabularies=_vocabularies(step / "assets")), training or None)


def _of_optimizer(name: str) -> str:
    """The name of a variable without that of the optimizer; Nadam's product is numbered by the models made before."""
    return re.sub(r"^variable_\d+$", "variable", name.partition("/")[2] or name)


def _is_random_state(name: str) -> bool:
    return name.endswith("seed_generator_state")


def _is_step(folder: Path) -> bool:
    return (folder / _METADATA).is_file() and (folder / "pytree").is_dir()


def _steps(folder: Path) -> list[int]:
    return [
        int(entry.name)
        for entry in folder.iterdir()
        if entry.name.isascii() and entry.name.isdigit() and str(int(entry.name)) == entry.name and _is_step(entry)
    ]


def _refuse_links(folder: Path) -> None:
    for directory, folders, names in os.walk(folder):
        for name in (*folders, *names):
            if (path := Path(directory, name)).is_symlink():
                raise ValueError(f"`{path.relative_to(folder)}` is a link, and links are not followed.")


def _object(path: Path) -> dict[str, Any]:
    what = f"`{path.parent.name}/{path.name}`"
    if path.stat().st_size > MAX_TEXT_BYTES:
        raise ValueError(f"{what} has more than {MAX_TEXT_BYTES} bytes; at most that many are read.")
    return parse_object(decode(path.read_bytes(), what), what)


def _configuration(folder: Path) -> Mapping[str, Any] | None:
    """The model's configuration, which Keras leaves out with ``save_weights_only=True``."""
    if not folder.is_dir():
        return None
    text = _object(folder / "_strings.json").get("config")
    if not isinstance(text, str):
        raise ValueError("`model_config/_strings.json` must hold the model's configuration as text, under `config`.")
    return parse_object(text, "The model's configuration")


def _variables(folder: Path) -> dict[str, dict[str, SavedArray]]:
    """The arrays of each group by the paths of their variables."""
    found: dict[str, dict[str, SavedArray]] = {group: {} for group in _GROUPS}
    for keys, store in _stored(folder):
        group, *path = keys
        if group not in found:
            raise ValueError(
                f"The checkpoint was not written by Keras' `OrbaxCheckpoint`: it has `{group}`, not "
                f"{', '.join(_GROUPS[:-1])} and {_GROUPS[-1]}."
            )
        found[group]["/".join(path)] = store.array(keys)
    return found


def _vocabularies(folder: Path) -> dict[str, bytes]:
    """The vocabularies of text layers: bytes, under the names that they have in a ``.keras`` file."""
    found = {}
    for keys, store in _stored(folder) if folder.is_dir() else ():
        if keys[-1] == "vocabulary.txt":
            array = store.array(keys)
            if array.dtype != "uint8" or len(array.shape) != 1 or array.size > MAX_TEXT_BYTES:
                raise ValueError(f"`{array.path}` must be a text of at most {MAX_TEXT_BYTES} bytes.")
            found["/".join(("assets", *keys))] = array.read(array.shape).tobytes()
    return found


def _stored(folder: Path) -> Iterator[tuple[Sequence[str], "_Store"]]:
    """The names that lead to each array of a folder, and the store that it is in."""
    metadata = _object(folder / "_METADATA")
    if metadata.get("use_ocdbt") is not True or metadata.get("use_zarr3") is not True:
        raise ValueError("The checkpoint's arrays are in a layout that no Keras writes: OCDBT and Zarr 3 are expected.")
    store = _Store(folder)
    for keys in _leaves(metadata.get("tree_metadata")):
        yield keys, store


def _leaves(tree: Any) -> Iterator[Sequence[Any]]:
    if not isinstance(tree, dict) or len(tree) > MAX_ARRAYS:
        raise ValueError(f"`tree_metadata` of `pytree/_METADATA` must be an object of at most {MAX_ARRAYS} arrays.")
    for leaf in tree.values():
        keys = leaf.get("key_metadata") if isinstance(leaf, dict) else None
        names = [key.get("key") for key in keys if isinstance(key, dict)] if isinstance(keys, list) else []
        if len(names) < 2 or not all(isinstance(name, str) and name and "/" not in name for name in names):
            raise ValueError("An array in `pytree/_METADATA` must have `key_metadata`, a list of at least two names.")
        yield names


class _Store:
    """The arrays of a folder, through ``tensorstore``."""

    def __init__(self, folder: Path) -> None:
        self._tensorstore = _tensorstore()
        self._base = {"driver": "ocdbt", "base": {"driver": "file", "path": f"{folder.resolve()}/"}}
        try:
            self._entries = self._tensorstore.KvStore.open(self._base).result()
        except Exception as error:  # whatever tensorstore makes of a damaged file
            raise ValueError(f"The checkpoint's `pytree` cannot be read: {_first_line(error)}") from None

    def array(self, keys: Sequence[str]) -> SavedArray:
        name = ".".join(keys)
        what = f"The description of the array `{name}`"
        try:
            told = self._entries.read(f"{name}/zarr.json").result()
        except Exception as error:
            raise ValueError(f"{what} cannot be read: {_first_line(error)}") from None
        if told.state != "value":
            raise ValueError(f"The checkpoint lists an array `{name}` that it does not hold.")
        described = parse_object(decode(bytes(told.value), what), what)
        shape, dtype = described.get("shape"), described.get("data_type")
        chunks = described.get("chunk_grid")
        chunk = chunks.get("configuration", {}).get("chunk_shape") if isinstance(chunks, dict) else None
        if not _is_shape(shape) or not _is_shape(chunk) or len(shape) != len(chunk):
            raise ValueError(f"{what} must give its shape, and that of its chunks: got {json.dumps(shape)[:80]}.")
        if dtype not in NUMBER_TYPES and dtype != "bfloat16":
            raise ValueError(f"Array `{name}` has type {dtype!r}; numbers are expected.")
        # A chunk is in memory as a whole, so that one larger than its array would cost what the array does not.
        if any(part > max(whole, 1) for part, whole in zip(chunk, shape, strict=True)):
            raise ValueError(f"Array `{name}` has the shape {tuple(shape)}, but chunks of {tuple(chunk)}.")
        path = "/".join(keys)
        return SavedArray(path, tuple(shape), dtype, partial(self._read, name, tuple(shape), dtype))

    def _read(self, name: str, shape: tuple[int, ...], dtype: str) -> Array:
        spec = {"driver": "zarr3", "kvstore": {**self._base, "path": f"{name}/"}}
        try:
            values = np.asarray(self._tensorstore.open(spec, open=True, read=True).result().read().result())
        except Exception as error:
            raise ValueError(f"Array `{name}` cannot be read: {_first_line(error)}") from None
        if values.shape != shape:
            raise ValueError(f"Array `{name}` has the shape {values.shape}, not {shape} as its description says.")
        return widen_bfloat16(values.view(np.uint16)) if dtype == "bfloat16" else values


def _is_shape(value: Any) -> TypeGuard[list[int]]:
    return isinstance(value, list) and all(type(size) is int and size >= 0 for size in value) and len(value) <= 32


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].partition(" [")[0][:200].rstrip(".") + "."


def _tensorstore() -> ModuleType:
    try:
        return importlib.import_module("tensorstore")
    except ImportError:
        raise ValueError(
            "Orbax checkpoints are read with `tensorstore`, which is not installed: `pip install "
            "'torch-keras-lstm[orbax]'`."
        ) from None
