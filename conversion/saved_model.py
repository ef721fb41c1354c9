"""TensorFlow's SavedModel folders: the architecture from Keras' metadata. The graph of operations is not looked at."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch_keras_lstm.conversion.protobuf import Message
from torch_keras_lstm.conversion.strict_json import parse_object

MAX_BYTES = 512 * 2**20

GRAPH = "saved_model.pb"
METADATA = "keras_metadata.pb"
_MODELS = ("_tf_keras_sequential", "_tf_keras_network", "_tf_keras_model")


def checkpoint_prefix(folder: Path) -> Path:
    """Where the weights of a SavedModel stand."""
    return folder / "variables" / "variables"


def architecture(folder: Path) -> tuple[Mapping[str, Any], object] | None:
    """The configuration of the model in a SavedModel and its ``keras_version``; ``None`` when it holds none.

    Raises:
        ValueError: when it is damaged.
    """
    text = _metadata(folder)
    if not text:
        return None
    metadata = parse_object(text, "Keras' metadata of the SavedModel")
    config = metadata.get("model_config")
    root = config if isinstance(config, dict) else metadata
    return _without_tuples(root), metadata.get("keras_version")


def _metadata(folder: Path) -> str:
    """The JSON that describes the root object: in a file of its own since TensorFlow 2.5, before in the graph's."""
    path = folder / METADATA
    if path.exists():
        for node in _read(path).messages(1):
            if node.text(3) == "root" and node.text(4) in _MODELS:
                return node.text(5)
        return ""
    for graph in _read(folder / GRAPH).messages(2):
        for node in graph.message(7).messages(1)[:1]:
            if node.message(4).text(1) in _MODELS:
                return node.message(4).text(3)
    return ""


def _read(path: Path) -> Message:
    if path.stat().st_size > MAX_BYTES:
        raise ValueError(f"`{path.name}` has more than {MAX_BYTES} bytes; at most that many are read.")
    return Message(path.read_bytes(), f"`{path.name}`")


def _without_tuples(value: Any) -> Any:
    """The configuration with lists where the metadata marks tuples."""
    if isinstance(value, list):
        return [_without_tuples(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get("class_name") == "__tuple__" and isinstance(value.get("items"), list):
        return [_without_tuples(item) for item in value["items"]]
    return {name: _without_tuples(item) for name, item in value.items()}
