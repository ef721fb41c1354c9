"""Weights whose names begin with those of layers, which may be inside of others, to the model's layers."""

from collections.abc import Mapping
from typing import Any

from torch_keras_lstm.conversion.arrays import SavedArray

# what Keras puts in front of the names of a `Bidirectional`'s layers
_HALVES = ("forward_", "backward_")
_DEEPEST = 100  # parts of a name


def by_layer_names(
    named: Mapping[str, SavedArray], root: Mapping[str, Any]
) -> tuple[dict[str, dict[str, SavedArray]], dict[str, SavedArray]]:
    """The arrays of each layer, the layers in the order of the model, and those whose names mean none.

    Args:
        named: by names such as ``model/lstm/lstm_cell/kernel``.
        root: the model's configuration.
    """
    owners = _owners_by_name(root)
    layers: dict[str, dict[str, SavedArray]] = {name: {} for name, owner in owners.items() if name == owner}
    unknown: dict[str, SavedArray] = {}
    for name, array in named.items():
        owner = _owner(name, owners)
        (unknown if owner is None else layers[owner])[name] = array
    return {layer: arrays for layer, arrays in layers.items() if arrays}, unknown


def _owners_by_name(root: Mapping[str, Any]) -> dict[str, str | None]:
    """The model's layers by their names, and by the names of what is inside of them; ``None`` where several have it."""
    config = root.get("config")
    entries = config.get("layers") if isinstance(config, dict) else config
    outer: dict[str, str | None] = {}
    inner: dict[str, str | None] = {}
    for entry in entries if isinstance(entries, list) else ():
        owner = _name_of(entry)
        if owner is not None:
            outer[owner] = owner
            for name in _names_inside(entry):
                inner[name] = owner if inner.get(name, owner) == owner else None
    return outer | inner | outer


def _name_of(entry: Any) -> str | None:
    if not isinstance(entry, dict):
        return None
    config = entry.get("config")
    name = entry.get("name", config.get("name") if isinstance(config, dict) else None)
    return name if isinstance(name, str) else None


def _names_inside(entry: Any) -> set[str]:
    """The names of all that is configured inside of a layer."""
    found: set[str] = set()
    level = [(entry, False)]
    while level:
        one, in_bidirectional = level.pop()
        if isinstance(one, dict):
            if "class_name" in one and (name := _name_of(one)) is not None:
                found |= {name, *(half + name for half in _HALVES if in_bidirectional)}
                in_bidirectional = in_bidirectional or one["class_name"] == "Bidirectional"
            level += [(value, in_bidirectional) for value in one.values()]
        elif isinstance(one, list):
            level += [(value, in_bidirectional) for value in one]
    return found


def _owner(name: str, owners: Mapping[str, str | None]) -> str | None:
    """The layer that the beginning of a weight's name means, or what follows the name of the model."""
    parts = name.split("/")
    if len(parts) > _DEEPEST:
        return None
    for start in range(len(parts) - 1):
        for end in range(len(parts) - 1, start, -1):
            owner = owners.get("/".join(parts[start:end]))
            if owner is not None:
                return owner
    return None
