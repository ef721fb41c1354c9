"""How the layers of a functional model are joined: calls, and the tensors that go from one to the next.

The configuration is Keras 3's: ``inbound_nodes`` of a layer are its calls, ``{"args": [...], "kwargs": {...}}``, in
which an output of another call stands as a ``__keras_tensor__`` with its ``keras_history``.
"""

from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from torch_keras_lstm.layers.constant import Constant, written_constants
from torch_keras_lstm.structure import flatten, leaves, map_leaves

__all__ = [
    "Call",
    "Graph",
    "TensorSource",
    "calls_from_config",
    "ends_from_config",
    "flatten",
    "is_source",
    "map_sources",
    "sources_in",
]


class TensorSource(NamedTuple):
    """An output of a layer: which call of the layer, and which of that call's outputs."""

    layer: str
    call: int
    output: int


@dataclass(frozen=True)
class Call:
    """One call of a layer.

    Attributes:
        args: positional arguments: constants, :class:`TensorSource`, and lists and dictionaries of them. Constants that
            are tensors are :class:`torch_keras_lstm.layers.constant.Constant`, or for operations as files have them.
        kwargs: keyword arguments, of the same kinds. A ``mask`` among them is the one that the layer gets, ``None`` for
            none; without it the layer gets the mask of its first argument.
        has_constants: whether there are such tensors.
    """

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]

    has_constants: bool = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        found = any(True for _ in leaves(Constant, [*self.args, *self.kwargs.values()]))
        object.__setattr__(self, "has_constants", found)

    def sources(self) -> Iterator[TensorSource]:
        """The tensors among the arguments."""
        yield from sources_in([*self.args, *self.kwargs.values()])


@dataclass(frozen=True)
class Graph:
    """The calls of a model.

    Attributes:
        calls: by the layer's name, in the order in which they count. Input layers have none.
        inputs: the model's inputs: one :class:`TensorSource`, a list, or a dictionary of them.
        outputs: the model's outputs, in the same forms.
    """

    calls: Mapping[str, tuple[Call, ...]]
    inputs: Any
    outputs: Any

    def order(self) -> list[tuple[str, int]]:
        """The calls that the outputs need, each after those that it takes tensors from: layer and number.

        Raises:
            ValueError: when one takes a tensor of a call that there is not, or its own output.
        """
        done = {(source.layer, source.call) for source in sources_in(self.inputs)}
        order: list[tuple[str, int]] = []
        # A stack of its own: a file decides how deep the graph is.
        pending = [((source.layer, source.call), False) for source in reversed([*sources_in(self.outputs)])]
        waiting: set[tuple[str, int]] = set()
        while pending:
            key, needs_are_met = pending.pop()
            if key in done:
                continue
            if needs_are_met:
                done.add(key)
                order.append(key)
                continue
            if key in waiting:
                raise ValueError(f"Layer `{key[0]}` takes its own output, through others or at once.")
            waiting.add(key)
            pending.append((key, True))
            pending += [((source.layer, source.call), False) for source in reversed([*self._call(*key).sources()])]
        return order

    def chain(self) -> list[str] | None:
        """The layers from input to output, the input layer first, when each feeds just the next one; else ``None``."""
        if not isinstance(first := _only(self.inputs), TensorSource):
            return None
        if not isinstance(last := _only(self.outputs), TensorSource) or last.output != 0:
            return None
        following: dict[str, str] = {}
        for name, calls in self.calls.items():
            if name == first.layer and not calls:
                continue
            source = _only([*calls[0].args]) if len(calls) == 1 and not calls[0].kwargs else None
            if not isinstance(source, TensorSource) or source.output != 0 or source.layer in following:
                return None
            following[source.layer] = name
        order = [first.layer]
        while order[-1] in following and len(order) <= len(self.calls):
            order.append(following[order[-1]])
        return order if len(order) == len(self.calls) and order[-1] == last.layer else None

    def _call(self, layer: str, number: int) -> Call:
        calls = self.calls.get(layer, ())
        if not 0 <= number < len(calls):
            raise ValueError(f"A tensor comes from call {number} of layer `{layer}`, which has {len(calls)} calls.")
        return calls[number]

    def to_config(
        self, models: Container[str] = (), tensor: Callable[[TensorSource], Mapping[str, Any]] | None = None
    ) -> dict[str, Any]:
        """``inbound_nodes`` by layer, ``input_layers`` and ``output_layers``, as Keras 3 writes them.

        Args:
            models: the names of the layers that are functional models. At the model's ends, and there alone, Keras
                counts their calls from 1.
            tensor: what is to be said of a tensor beside where it comes from; nothing by default.
        """

        def end(source: TensorSource) -> list[Any]:
            return [source.layer, source.call + (source.layer in models), source.output]

        def told(source: TensorSource) -> dict[str, Any]:
            more = {} if tensor is None else tensor(source)
            return {"class_name": "__keras_tensor__", "config": {**more, "keras_history": [*source]}}

        def node(call: Call) -> dict[str, Any]:
            args, kwargs = map_sources(told, written_constants([[*call.args], call.kwargs]))
            return {"args": args, "kwargs": kwargs}

        return {
            "inbound_nodes": {name: [*map(node, calls)] for name, calls in self.calls.items()},
            "input_layers": map_sources(end, self.inputs),
            "output_layers": map_sources(end, self.outputs),
        }

    def ends_counted_from_zero(self, models: Container[str]) -> "Graph":
        """The graph with calls of ``models`` at its outputs counted as all others, from 0, if they are not already."""
        from_one = {source.layer for source in sources_in(self.outputs) if source.layer in models}
        from_one -= {source.layer for source in sources_in(self.outputs) if source.call == 0}

        def renumbered(source: TensorSource) -> TensorSource:
            return source._replace(call=source.call - (source.layer in from_one))

        return replace(self, outputs=map_sources(renumbered, self.outputs))


def calls_from_config(nodes: object, place: str) -> tuple[Call, ...]:
    """A layer's calls from its ``inbound_nodes``; ``place`` is the layer as an error names it.

    Raises:
        ValueError: when they are not spelled as in Keras 3.
    """
    if not isinstance(nodes, list):
        raise ValueError(f"{place}: `inbound_nodes` must be a list, got {nodes!r:.200}.")
    return tuple(_call_from_config(node, place) for node in nodes)


def ends_from_config(value: object, place: str) -> Any:
    """The tensors that ``input_layers`` or ``output_layers`` name: one, a list or a dictionary of ``[name, 0, 0]``."""
    if is_source(value):
        return _source(value)
    if isinstance(value, dict) and value:
        return {name: ends_from_config(item, place) for name, item in value.items()}
    if isinstance(value, list | tuple) and value:
        return type(value)(ends_from_config(item, place) for item in value)
    raise ValueError(f"{place} must name layers as [name, call, output], got {value!r:.200}.")


def is_source(value: object) -> bool:
    """Whether ``value`` has the form ``[name, call, output]``, keyword arguments behind it in Keras 2."""
    return (
        isinstance(value, list)
        and len(value) in (3, 4)
        and isinstance(value[0], str)
        and all(type(index) is int and index >= 0 for index in value[1:3])
    )


def _only(value: Any) -> Any:
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def _source(value: Any) -> TensorSource:
    return TensorSource(*value[:3])


def map_sources(function: Callable[[TensorSource], Any], value: Any) -> Any:
    """``value`` with each :class:`TensorSource` in it, through lists and dictionaries, replaced."""
    return map_leaves(TensorSource, function, value)


def sources_in(value: Any) -> Iterator[TensorSource]:
    """Each :class:`TensorSource` in ``value``, through lists and dictionaries."""
    return leaves(TensorSource, value)


def _call_from_config(node: object, place: str) -> Call:
    args, kwargs = (node.get("args"), node.get("kwargs")) if isinstance(node, dict) else (None, None)
    if not isinstance(args, list | tuple) or not isinstance(kwargs, dict):
        raise ValueError(f"{place}: a call in `inbound_nodes` must have `args` and `kwargs`, got {node!r:.200}.")
    return Call(
        tuple(_value_from_config(value, place) for value in args),
        {name: _value_from_config(value, place) for name, value in kwargs.items()},
    )


def _value_from_config(value: Any, place: str) -> Any:
    if isinstance(value, list):
        return [_value_from_config(item, place) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get("class_name") == "__tuple__" and isinstance(value.get("items"), list):
        return _value_from_config(value["items"], place)
    if value.get("class_name") != "__keras_tensor__":
        return {name: _value_from_config(item, place) for name, item in value.items()}
    config = value.get("config")
    history = config.get("keras_history") if isinstance(config, dict) else None
    if not is_source(history):
        raise ValueError(f"{place}: a tensor in `inbound_nodes` lacks its `keras_history`, got {value!r:.200}.")
    return _source(history)
