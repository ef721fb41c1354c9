"""How the layers of a functional model are joined: Keras 2's and Keras 3's spelling of the graph, as calls."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from torch_keras_lstm.layers.constant import Constant, read_constants
from torch_keras_lstm.models.graph import (
    Call,
    Graph,
    TensorSource,
    calls_from_config,
    is_source,
    map_sources,
    sources_in,
)
from torch_keras_lstm.structure import leaves

# In place of a tensor's layer, in tf.keras: a constant, which stands where the number of the output would.
_CONSTANT = "_CONSTANT_VALUE"


def calls(entry: Mapping[str, Any], names: frozenset[str], place: str, own: bool = False) -> tuple[Call, ...]:
    """The calls of a layer, from the ``inbound_nodes`` of its entry in ``config.layers``.

    Args:
        entry: the layer's.
        names: of all layers, which tell a tensor in Keras 2's keyword arguments from a list that is a constant.
        place: the layer as an error names it.
        own: whether this package wrote them, so that every argument was meant.

    Raises:
        ValueError: when they are spelled neither as in Keras 1 and 2 nor as in Keras 3.
    """
    nodes = entry.get("inbound_nodes", [])
    if isinstance(nodes, list) and not any(isinstance(node, dict) and "args" in node for node in nodes):
        return tuple(_call_keras_2(node, names, place) for node in nodes)
    read = calls_from_config(nodes, place)
    return read if own else tuple(map(_as_made, read))


def counted_from_zero(graph: Graph, models: frozenset[str]) -> Graph:
    """The graph with the calls of nested models counted from 0.

    Keras 2 counts them from 1 when the nested model was made from an input of its own, which is its call 0. Each call
    that a file lists is somebody's source, so the smallest number that is named is the first call's.

    Args:
        models: the names of the layers that are models.
    """
    named = [source for calls in graph.calls.values() for call in calls for source in call.sources()]
    named += sources_in(graph.outputs)
    first = {name: min((source.call for source in named if source.layer == name), default=0) for name in models}

    def renumbered(source: TensorSource) -> TensorSource:
        return source._replace(call=source.call - first.get(source.layer, 0))

    return replace(
        _mapped(graph, renumbered),
        outputs=map_sources(renumbered, graph.outputs),
    )


def _mapped(graph: Graph, function: Callable[[TensorSource], Any]) -> Graph:
    calls_of = {
        name: tuple(
            Call(tuple(map_sources(function, call.args)), map_sources(function, call.kwargs)) for call in layer_calls
        )
        for name, layer_calls in graph.calls.items()
    }
    return replace(graph, calls=calls_of)


def _only(value: Any) -> Any:
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def _as_made(call: Call) -> Call:
    """A call of Keras 3's without what Keras wrote into it on its own.

    ``training`` is false wherever it was not asked for, and gives way to the model's. A mask that came with a tensor
    is handed only to a layer that gets that tensor alone: a recurrent layer with an ``initial_state`` gets none
    (``keras/src/layers/layer.py``, ``Layer.__call__``).
    """
    kwargs = {name: value for name, value in call.kwargs.items() if value is not None}
    if kwargs.get("training") is False:
        del kwargs["training"]
    tensors = [value for value in (*call.args, *kwargs.values()) if _holds_tensors(value)]
    if len(tensors) > 1 and "initial_state" in kwargs:
        kwargs.setdefault("mask", None)
    return Call(call.args, kwargs)


def _holds_tensors(value: Any) -> bool:
    """Whether there are outputs of other calls in an argument, or fixed tensors, which count as well."""
    return any(True for _ in sources_in(value)) or any(True for _ in leaves(Constant, read_constants(value)))


def _call_keras_2(node: object, names: frozenset[str], place: str) -> Call:
    """A call from its tensors, each with the keyword arguments of the call behind it."""
    kwargs: dict[str, Any] = {}
    for tensor in _tensors(node, place):
        keywords = tensor[3] if len(tensor) == 4 else {}
        if not isinstance(keywords, dict):
            raise ValueError(f"{place}: keyword arguments in `inbound_nodes` must be an object, got {keywords!r}.")
        kwargs |= {name: _keyword(value, names) for name, value in keywords.items() if value is not None}
    return Call((_only(_first_argument(node)),), kwargs)


def _tensors(node: object, place: str) -> Iterator[list[Any]]:
    if is_source(node) or _is_constant(node):
        yield node  # type: ignore[misc]  # both are lists
    elif isinstance(node, list | dict) and node:
        for item in node.values() if isinstance(node, dict) else node:
            yield from _tensors(item, place)
    else:
        raise ValueError(
            f"{place}: a call in `inbound_nodes` must be a list of [name, call, output, {{}}], got {node!r}."
        )


def _first_argument(node: Any) -> Any:
    if _is_constant(node):
        return node[2]
    if is_source(node):
        return TensorSource(*node[:3])
    if isinstance(node, dict):
        return {name: _first_argument(item) for name, item in node.items()}
    return [_first_argument(item) for item in node]


def _is_constant(node: object) -> bool:
    return isinstance(node, list) and len(node) in (3, 4) and node[0] == _CONSTANT


def _keyword(value: Any, names: frozenset[str]) -> Any:
    if is_source(value) and len(value) == 3 and value[0] in names:
        return TensorSource(*value)
    if isinstance(value, list):
        return [_keyword(item, names) for item in value]
    if isinstance(value, dict):
        return {name: _keyword(item, names) for name, item in value.items()}
    return value
