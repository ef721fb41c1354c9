"""TF.js' layers models: a ``model.json`` with the topology and a manifest of weights, which stand in shards beside it.

Keras' models that were converted for TF.js, and what TF.js saved itself. Either is read as TF.js reads it: see
``tfjs_dialect.py``.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch_keras_lstm.conversion.arrays import Arrays, ArraysByLayer, LayerOrder, SavedArray, Weights
from torch_keras_lstm.conversion.layer_names import by_layer_names
from torch_keras_lstm.conversion.strict_json import decode, parse_object
from torch_keras_lstm.conversion.tfjs_dialect import is_of_tfjs, training_in_keras_words
from torch_keras_lstm.conversion.tfjs_manifest import OPTIMIZER, ManifestArray, manifest_arrays, names_of, scaled
from torch_keras_lstm.conversion.weights_by_path import root_among, weights_by_path

CONTAINER = "TF.js layers model"

_WEIGHTS = "weights (TF.js)"
# Keras 3's own names, which the converter keeps: `layers/lstm/cell/vars/0`.
_BY_PATH = re.compile(r"(?:^|/)vars/\d+$")


@dataclass(frozen=True)
class TfjsModel:
    """What a ``model.json`` holds, and the shards beside it.

    Attributes:
        root: the model's configuration; ``None`` for weights alone.
        version: what the file says of the Keras, or the TF.js, that saved it.
        weights: ``None`` for a topology alone.
        training: what ``compile`` was told; ``None`` for a model that was not compiled.
    """

    root: Mapping[str, Any] | None
    version: object
    weights: Weights | None
    training: Mapping[str, Any] | None


def is_tfjs(text: bytes) -> bool:
    """Whether JSON is what TF.js saves, by its keys."""
    return b'"modelTopology"' in text or b'"weightsManifest"' in text


def tfjs_model(path: Path) -> TfjsModel:
    """Open a ``model.json``; its arrays are not read yet.

    Raises:
        ValueError: when it is a graph model, which has no layers, or broken.
        OSError: when it cannot be opened.
    """
    table = parse_object(decode(path.read_bytes(), "The file"), "The file")
    topology = _object(table.get("modelTopology"), "`modelTopology`")
    if table.get("format") == "graph-model" or (topology is not None and "node" in topology):
        raise ValueError(
            "This is a graph model of TF.js, which holds operations of TensorFlow and no layers. Convert the Keras "
            "model that it was made from."
        )
    root, version, training = None, None, table.get("trainingConfig")
    if topology is not None:
        inner = _object(topology.get("model_config"), "`model_config`")
        root, version = topology if inner is None else inner, topology.get("keras_version")
        training = topology.get("training_config", root.get("compile_config")) if training is None else training
    if training is not None and not isinstance(training, dict):
        raise ValueError(f"`trainingConfig` must be an object, got {training!r}.")
    if table.get("weightsManifest") is None:
        return TfjsModel(root, version, None, training or None)
    arrays = manifest_arrays(table["weightsManifest"], path.parent)
    if is_of_tfjs(version) and training:
        training, arrays = _in_keras_words(training, arrays)
    return TfjsModel(root, version, _weights(arrays, root, is_of_tfjs(version)), training or None)


def _object(value: object, what: str) -> Mapping[str, Any] | None:
    if isinstance(value, str):
        return parse_object(value, what)
    if value is not None and not isinstance(value, dict):
        raise ValueError(f"{what} must be an object, got {type(value).__name__}.")
    return value


def _in_keras_words(
    training: Mapping[str, Any], arrays: Sequence[ManifestArray]
) -> tuple[Mapping[str, Any], list[ManifestArray]]:
    """What TF.js was compiled with, as Keras writes it, and the optimizer's arrays as Keras' optimizer keeps them."""
    told, factor = training_in_keras_words(training)
    kept = [
        one
        if one.group != OPTIMIZER or factor is None or one.array.dtype != "float32"
        else ManifestArray(one.name, one.group, scaled(one.array, factor))
        for one in arrays
    ]
    return told, kept


def _weights(arrays: Sequence[ManifestArray], root: Mapping[str, Any] | None, in_model_order: bool) -> Weights:
    named = names_of(arrays)
    if any(map(_BY_PATH.search, named)):
        return weights_by_path([named], root_among(named), _WEIGHTS)
    optimizer = [one.array for one in arrays if one.group == OPTIMIZER]
    left = {OPTIMIZER: len(optimizer)} if optimizer else {}
    return Weights(_WEIGHTS, _by_layer(named, root, in_model_order), left, optimizer=optimizer)


def _by_layer(named: Mapping[str, SavedArray], root: Mapping[str, Any] | None, in_model_order: bool) -> Arrays:
    """The arrays by the layers that their names mean, if all of them mean one, else by the beginnings of their names.

    Those are not the layers' names where Keras numbered its variables anew; the converter sorted them by those names.
    """
    layers, unknown = by_layer_names(named, root or {})
    if unknown:
        layers = {}
        for name, array in named.items():
            layers.setdefault(name.split("/")[0], {})[name] = array
    numbered = {layer: {_numbered(name): array for name, array in arrays.items()} for layer, arrays in layers.items()}
    return ArraysByLayer(numbered, (), order=LayerOrder.NAMES if unknown and not in_model_order else LayerOrder.MODEL)


def _numbered(name: str) -> str:
    """The name of a weight of stacked cells, ``rnn/RNNCell_1/kernel``, with its number where Keras 2 has it."""
    return re.sub(r"RNNCell_(\d+)/(\w+)$", r"\2_\1", name)
