"""The object graph of a TensorFlow checkpoint: which tensor is which weight of which Keras layer.

A tensor's own name is the first path on which TensorFlow reached it (``variables/3``) and tells nothing. The graph, a
``TrackableObjectGraph`` in the checkpoint, has the objects with their attributes. Keras 2 lists a model's layers there
as ``layer_with_weights-0``, ``layer_with_weights-1``, in the model's order.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from torch_keras_lstm.conversion.arrays import ArraysByLayer, SavedArray, Weights
from torch_keras_lstm.conversion.protobuf import Message
from torch_keras_lstm.conversion.tensor_bundle import TensorBundle

_GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"
_WHAT = "The checkpoint's object graph"
WITH_WEIGHTS = "layer_with_weights-"
_LAYER = re.compile(rf"{WITH_WEIGHTS}(\d+)")
# What a training run or an export keeps beside the layers; `_all_variables` is a second copy of everything.
_NOT_LAYERS = ("optimizer", "keras_api", "_all_variables")
_OTHER = "other state"
_MAX_CHILDREN = 1_000_000


@dataclass(frozen=True)
class _Node:
    """A ``TrackableObject``: the objects in its attributes, and its tensors as (full name, name in the checkpoint)."""

    children: tuple[tuple[str, int], ...]
    tensors: tuple[tuple[str, str], ...]


def checkpoint_weights(bundle: TensorBundle, container: str) -> Weights:
    """The arrays of a checkpoint under the names of their layers.

    Args:
        bundle: the checkpoint.
        container: the kind of file, for the report.

    Raises:
        ValueError: when its object graph is damaged.
    """
    arrays = bundle.arrays()
    graph = bundle.text(_GRAPH)
    if graph is None:  # before TensorFlow 2: tensors have the names of their variables
        return Weights(container, ArraysByLayer(_by_scope(((name, name) for name in arrays), arrays), ()), {})
    nodes = _nodes(graph)
    model = _model(nodes)
    layers = _by_scope(_tensors(nodes, 0, set()), arrays) if model is None else _by_layer(nodes, model, arrays)
    used = {array.path for variables in layers.values() for array in variables.values()}
    left = Counter(_kind(name) for name in arrays if name not in used)
    return Weights(container, ArraysByLayer(layers, ()), dict(left))


def _nodes(graph: bytes) -> list[_Node]:
    nodes = []
    total = 0
    for message in Message(graph, _WHAT).messages(1):
        children = tuple((child.text(2), child.integer(1)) for child in message.messages(1))
        tensors = tuple((tensor.text(2), tensor.text(3)) for tensor in message.messages(2))
        nodes.append(_Node(children, tensors))
        total += len(children)
    if not nodes or total > _MAX_CHILDREN or any(not child < len(nodes) for n in nodes for _, child in n.children):
        raise ValueError(f"{_WHAT} is damaged: it is empty or too large, or refers to an object that it does not hold.")
    return nodes


def _model(nodes: Sequence[_Node]) -> int | None:
    """The outermost object with layers: the root of a SavedModel, ``model`` in ``Checkpoint(model=model)``."""
    seen, pending = {0}, [0]
    for number in pending:
        if any(_LAYER.fullmatch(name) for name, _ in nodes[number].children):
            return number
        fresh = [child for _, child in nodes[number].children if child not in seen]
        seen.update(fresh)
        pending += dict.fromkeys(fresh)
    return None


def _tensors(nodes: Sequence[_Node], start: int, seen: set[int]) -> Iterator[tuple[str, str]]:
    """The full name and the checkpoint's name of every tensor below an object that was not seen before, in order."""
    pending = [start]
    while pending:
        number = pending.pop()
        if number in seen:
            continue
        seen.add(number)
        yield from ((full_name or key, key) for full_name, key in nodes[number].tensors)
        children = [child for name, child in nodes[number].children if name not in _NOT_LAYERS]
        pending += reversed(children)


def _by_layer(nodes: Sequence[_Node], model: int, arrays: Mapping[str, SavedArray]) -> dict[str, dict[str, SavedArray]]:
    listed = sorted(
        (int(found[1]), child) for name, child in nodes[model].children if (found := _LAYER.fullmatch(name))
    )
    layers: dict[str, dict[str, SavedArray]] = {}
    seen: set[int] = set()  # a layer that stands in two places is the first one's
    for number, child in listed:
        variables: dict[str, SavedArray] = {}
        for full_name, key in _tensors(nodes, child, seen):
            if key in arrays:
                _add(variables, full_name, arrays[key])
        scope = _scope(variables)
        layers[f"{WITH_WEIGHTS}{number}" if scope is None or scope in layers else scope] = variables
    return layers


def _scope(names: Iterable[str]) -> str | None:
    """The name that stands in front of all of them, which is the layer's."""
    scopes = {name.split("/")[0] for name in names}
    return scopes.pop() if len(scopes) == 1 else None


def _by_scope(tensors: Iterable[tuple[str, str]], arrays: Mapping[str, SavedArray]) -> dict[str, dict[str, SavedArray]]:
    """Tensors under the first part of their full names, where there are no layers in the graph."""
    layers: dict[str, dict[str, SavedArray]] = {}
    for full_name, key in tensors:
        scope, _, rest = full_name.partition("/")
        if key in arrays and rest and _kind(full_name) == _OTHER:
            _add(layers.setdefault(scope, {}), full_name, arrays[key])
    return layers


def _add(variables: dict[str, SavedArray], full_name: str, array: SavedArray) -> None:
    """Full names may stand twice; then the checkpoint's own name, which cannot, keeps the second from being lost."""
    variables[array.path if full_name in variables else full_name] = array


def _kind(name: str) -> str:
    if "optimizer" in name.lower():
        return "optimizer"
    if "keras_api/metrics" in name:
        return "metrics"
    return "random state" if "seed_generator" in name else _OTHER
