"""How the layers of a functional model are joined: Keras 2's and Keras 3's spelling of the graph, as calls.

Only graphs that are a plain chain can be built so far; :func:`chain` puts them in order and says of the others what
they have that a chain has not.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple


class TensorSource(NamedTuple):
    """An output of a layer: which call of the layer, and which of that call's outputs."""

    layer: str
    call: int
    output: int


@dataclass(frozen=True)
class Call:
    """One call of a layer in the graph.

    Attributes:
        inputs: where its tensors come from, those in keyword arguments included.
        arguments: other keyword arguments that are not null, such as ``{"training": True}``.
    """

    inputs: tuple[TensorSource, ...]
    arguments: Mapping[str, Any]


def calls(entry: Mapping[str, Any], place: str) -> tuple[Call, ...]:
    """The calls of a layer, from the ``inbound_nodes`` of its entry in ``config.layers``.

    Raises:
        ValueError: when they are spelled neither as in Keras 1 and 2 nor as in Keras 3.
    """
    nodes = entry.get("inbound_nodes", [])
    if not isinstance(nodes, list):
        raise ValueError(f"{place}: `inbound_nodes` must be a list, got {nodes!r}.")
    return tuple(_call_keras_3(node, place) if isinstance(node, dict) else _call_keras_2(node, place) for node in nodes)


def sources(value: object, place: str) -> tuple[TensorSource, ...]:
    """The tensors that ``input_layers`` or ``output_layers`` name: one, a list or a dictionary of ``[name, 0, 0]``."""
    if _is_source(value):
        return (_source(value),)
    if isinstance(value, dict):
        value = list(value.values())
    if not isinstance(value, list):
        raise ValueError(f"{place} must name layers as [name, call, output], got {value!r}.")
    return tuple(source for item in value for source in sources(item, place))


def chain(
    graph: Mapping[str, Sequence[Call]], inputs: Sequence[TensorSource], outputs: Sequence[TensorSource]
) -> list[str] | str:
    """The layers from input to output when each feeds exactly the next one, or what stands in the way of that.

    Args:
        graph: the calls of each layer, input layers included.
        inputs: the model's inputs.
        outputs: the model's outputs.

    Returns:
        The names in order, the input layer first; or, as a sentence part, the reason why there is no such order.
    """
    if len(inputs) != 1 or len(outputs) != 1:
        return f"it has {len(inputs)} inputs and {len(outputs)} outputs"
    following: dict[str, str] = {}
    for name, layer_calls in graph.items():
        if name == inputs[0].layer and not layer_calls:
            continue
        if len(layer_calls) != 1:
            return f"layer `{name}` is called {len(layer_calls)} times"
        call = layer_calls[0]
        if call.arguments:
            return f"layer `{name}` is called with " + ", ".join(f"`{k}={v!r}`" for k, v in call.arguments.items())
        if len(call.inputs) != 1:
            return f"layer `{name}` takes {len(call.inputs)} tensors"
        source = call.inputs[0]
        if source.output != 0:
            return f"layer `{name}` takes output {source.output} of layer `{source.layer}`"
        if source.layer in following:
            return f"layer `{source.layer}` feeds both `{following[source.layer]}` and `{name}`"
        following[source.layer] = name
    order = [inputs[0].layer]
    while order[-1] in following and len(order) <= len(graph):
        order.append(following[order[-1]])
    if len(order) != len(graph) or order[-1] != outputs[0].layer or outputs[0].output != 0:
        return f"its layers are not all on the way from `{inputs[0].layer}` to `{outputs[0].layer}`"
    return order


def _is_source(value: object) -> bool:
    return (
        isinstance(value, list)
        and len(value) in (3, 4)
        and isinstance(value[0], str)
        and all(isinstance(index, int) and index >= 0 for index in value[1:3])
    )


def _source(value: Any) -> TensorSource:
    return TensorSource(*value[:3])


def _call_keras_2(node: object, place: str) -> Call:
    tensors = [node] if _is_source(node) else node
    if not isinstance(tensors, list) or not all(_is_source(tensor) for tensor in tensors):
        raise ValueError(
            f"{place}: a call in `inbound_nodes` must be a list of [name, call, output, {{}}], got {node!r}."
        )
    arguments: dict[str, Any] = {}
    for tensor in tensors:
        keywords = tensor[3] if len(tensor) == 4 else {}
        if not isinstance(keywords, dict):
            raise ValueError(f"{place}: keyword arguments in `inbound_nodes` must be an object, got {keywords!r}.")
        arguments |= {name: value for name, value in keywords.items() if value is not None}
    return Call(tuple(map(_source, tensors)), arguments)


def _call_keras_3(node: Mapping[str, Any], place: str) -> Call:
    args, keywords = node.get("args"), node.get("kwargs")
    if not isinstance(args, list) or not isinstance(keywords, dict):
        raise ValueError(f"{place}: a call in `inbound_nodes` must have `args` and `kwargs`, got {dict(node)!r}.")
    found = [*_keras_tensors(args, place)]
    arguments = {}
    for name, value in keywords.items():
        tensors = [*_keras_tensors(value, place)]
        found += tensors
        # Keras 3 writes `training=False` for every layer that takes it, and lets the model's own call decide.
        if not tensors and value is not None and (name, value) != ("training", False):
            arguments[name] = value
    return Call(tuple(found), arguments)


def _keras_tensors(value: object, place: str) -> Iterator[TensorSource]:
    if isinstance(value, dict) and value.get("class_name") == "__keras_tensor__":
        config = value.get("config")
        history = config.get("keras_history") if isinstance(config, dict) else None
        if not _is_source(history):
            raise ValueError(f"{place}: a tensor in `inbound_nodes` lacks its `keras_history`, got {value!r}.")
        yield _source(history)
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _keras_tensors(item, place)
