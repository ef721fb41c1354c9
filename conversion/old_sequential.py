"""``Sequential`` models of Keras 1 and the first of Keras 2, as those of later versions are.

Their configuration is a bare list, so that one inside of another model may have no name. One whose first layer is a
``Merge`` is a functional model: ``Sequential.add(Merge([left, right], mode="concat"))`` has the branches, models or
layers themselves, as ``layers`` of the ``Merge``. In the file of weights every layer of a branch stands beside the
model's own.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from torch_keras_lstm.conversion.argument_kinds import is_layer
from torch_keras_lstm.models.graph import is_source

_Entry = Mapping[str, Any]
_End = list[Any]  # [name, call, output]


def with_name(entry: _Entry) -> _Entry:
    """The entry of a layer; a ``Sequential`` that is a list, and not named otherwise, with a name.

    Its weights are then found by the order of the layers: the name is none that Keras gives, lest it be another's.
    """
    config = entry["config"]
    if entry["class_name"] != "Sequential" or not isinstance(config, list):
        return entry
    first = with_name(config[0])["config"] if config and is_layer(config[0]) else None
    inner = first.get("name") if isinstance(first, Mapping) else None
    return {**entry, "config": {"name": entry.get("name", f"sequential_of_{inner}"), "layers": config}}


def first_layer(entries: Sequence[_Entry]) -> _Entry:
    """The first entry; when that is a model, the first of its layers."""
    entry = with_name(entries[0])
    layers = entry["config"].get("layers") if isinstance(entry["config"], Mapping) else None
    if entry["class_name"] == "Merge" or not isinstance(layers, list) or not layers or not is_layer(layers[0]):
        return entry
    return first_layer(layers)


def has_branches(entries: Sequence[_Entry]) -> bool:
    """Whether the entries of a ``Sequential`` begin with a ``Merge`` that holds its branches."""
    if not entries or entries[0]["class_name"] != "Merge":
        return False
    layers = entries[0]["config"].get("layers")
    return isinstance(layers, list) and bool(layers) and all(map(is_layer, layers))


def as_functional(entries: Sequence[_Entry]) -> dict[str, Any]:
    """The configuration of a functional model of Keras 2 that computes what the ``Sequential`` of ``entries`` does.

    Raises:
        ValueError: when a branch is neither a layer nor a model of one output.
    """
    branches = _Branches()
    output = branches.join(entries)
    return {"layers": branches.entries, "input_layers": branches.inputs, "output_layers": [output]}


class _Branches:
    """The walk over the branches: the layers of a functional model, and its inputs, in order."""

    def __init__(self) -> None:
        self.entries: list[dict[str, Any]] = []
        self.inputs: list[_End] = []

    def join(self, entries: Sequence[_Entry]) -> _End:
        """Add a ``Sequential``; its output."""
        if not has_branches(entries):
            return self._chain(entries, self._input(entries))
        merge, *rest = entries
        outputs = [self._branch(branch) for branch in merge["config"]["layers"]]
        config = {name: value for name, value in merge["config"].items() if name != "layers"}
        return self._chain(rest, self._add({**merge, "config": config}, outputs))

    def _branch(self, branch: _Entry) -> _End:
        config = with_name(branch)["config"]
        if branch["class_name"] not in ("Sequential", "Model"):
            return self.join([branch])
        layers = config.get("layers")
        if isinstance(layers, list) and layers and all(map(is_layer, layers)):
            if branch["class_name"] == "Sequential":
                return self.join(layers)
            inputs, outputs = config.get("input_layers"), config.get("output_layers")
            if isinstance(inputs, list) and isinstance(outputs, list) and len(outputs) == 1 and is_source(outputs[0]):
                self.entries += layers
                self.inputs += inputs
                return [*outputs[0][:3]]
        raise ValueError(f"A branch of a `Merge` must be a layer or a model of one output, got {branch!r:.200}.")

    def _input(self, entries: Sequence[_Entry]) -> _End | None:
        """An input for a row, from what the first layer's configuration says of it; none for an input layer."""
        if entries[0]["class_name"] == "InputLayer":
            return None
        first = first_layer(entries)
        config = first["config"]
        dtype = "int32" if first["class_name"] == "Embedding" else config.get("input_dtype", config.get("dtype"))
        shape = config.get("batch_input_shape")
        entry = {"name": f"{config.get('name')}_input", "batch_input_shape": shape, "dtype": dtype}
        return self._add({"class_name": "InputLayer", "config": entry}, [])

    def _chain(self, entries: Sequence[_Entry], source: _End | None) -> _End:
        for entry in map(with_name, entries):
            source = self._add(entry, [] if source is None else [source])
        assert source is not None  # rows have at least one entry
        return source

    def _add(self, entry: _Entry, sources: Sequence[_End]) -> _End:
        name = entry["config"].get("name") if isinstance(entry["config"], Mapping) else None
        call = [[*source, {}] for source in sources]
        self.entries.append({**entry, "name": name, "inbound_nodes": [call] if call else []})
        if not call:
            self.inputs.append([name, 0, 0])
        return [name, 0, 0]
