"""From the symbolic tensors at both ends of a functional model to its layers and their graph."""

from collections.abc import Collection, Iterator
from typing import Any, NamedTuple, cast

from torch_keras_lstm.layers.base_layer import BaseLayer
from torch_keras_lstm.layers.input import InputLayer
from torch_keras_lstm.layers.keras_tensor import KerasTensor, Node
from torch_keras_lstm.layers.layer import Layer
from torch_keras_lstm.models.graph import Call, Graph, TensorSource
from torch_keras_lstm.structure import flatten, map_leaves


class Trace(NamedTuple):
    """A functional model as it was put together.

    Attributes:
        layers: in Keras 3's order of ``model.layers``.
        graph: their calls.
        tensors: the symbolic tensors of the graph; ``None`` when some were replaced by new inputs.
    """

    layers: list[Layer]
    graph: Graph
    tensors: dict[TensorSource, KerasTensor] | None


def trace(inputs: Any, outputs: Any) -> Trace:
    """All that lies between ``inputs`` and ``outputs``: symbolic tensors, or lists or dictionaries of them.

    Raises:
        TypeError: when one is no symbolic tensor.
        ValueError: when there are none, or an output needs an input that is not among ``inputs``.
    """
    starts = _tensors(inputs, "inputs")
    _tensors(outputs, "outputs")
    entries = {tensor: _entry(tensor) for tensor in starts}
    walk = _Walk(entries)
    for tensor in flatten(outputs):
        walk.visit(tensor)
    layers = walk.layers([entry.node for entry in entries.values()])
    numbers = _numbers(layers, walk.nodes)

    def source(tensor: KerasTensor) -> TensorSource:
        tensor = entries.get(tensor, tensor)
        return TensorSource(tensor.node.layer.name, numbers[tensor.node], tensor.index)

    calls: dict[str, tuple[Call, ...]] = {layer.name: () for layer in layers}
    for node in numbers:
        if node.args:
            args, kwargs = map_leaves(KerasTensor, source, [node.args, node.kwargs])
            calls[node.layer.name] += (Call(tuple(args), kwargs),)
    graph = Graph(calls, map_leaves(KerasTensor, source, inputs), map_leaves(KerasTensor, source, outputs))
    own = all(tensor is entry for tensor, entry in entries.items())
    return Trace(layers, graph, {source(one): one for node in numbers for one in node.outputs} if own else None)


def layers_with_masks(inputs: Collection[KerasTensor], outputs: Collection[KerasTensor]) -> list[Layer]:
    """The layers between them, and the operations that give the masks that these are handed, in Keras 3's order."""
    walk = _Walk({tensor: tensor for tensor in inputs}, with_masks=True)
    for tensor in outputs:
        walk.visit(tensor)
    return walk.layers([tensor.node for tensor in inputs])


def calls_in_order(inputs: Collection[KerasTensor], outputs: Collection[KerasTensor]) -> list[Node]:
    """The calls between them in the order in which Keras 3 runs them, on which stateful layers and drawn numbers hang.

    The operations that give masks count, for they are calls of Keras' graph.
    """
    walk = _Walk({tensor: tensor for tensor in inputs}, with_masks=True)
    for tensor in outputs:
        walk.visit(tensor)
    return walk.calls()


def _tensors(value: Any, what: str) -> list[KerasTensor]:
    found = flatten(value)
    for tensor in found:
        if not isinstance(tensor, KerasTensor):
            raise TypeError(
                f"`{what}` of a model must be symbolic tensors, which `Input` and layers called on them give, got "
                f"{type(tensor).__name__}: {tensor!r:.100}."
            )
    if not found:
        raise ValueError(f"`{what}` of a model must hold at least one symbolic tensor.")
    return found


def _entry(tensor: KerasTensor) -> KerasTensor:
    """The tensor itself if it is an ``Input``, else a new input for a model that starts from it."""
    if isinstance(tensor.node.layer, InputLayer):
        return tensor
    layer = InputLayer(batch_shape=tensor.shape, dtype=tensor.dtype, name=f"{tensor.name}CLONE")
    entry: KerasTensor = layer.output
    return entry


def _numbers(layers: list[Layer], nodes: list[Node]) -> dict[Node, int]:
    """The number of each call among its layer's in the model."""
    within = set(nodes)
    kept = [[node for node in layer._inbound_nodes if node in within or not node.args] for layer in layers]
    return {node: number for own in kept for number, node in enumerate(own)}


class _Walk:
    """The calls that the outputs need, found as Keras 3 finds them, on which the order of its layers hangs.

    Attributes:
        nodes: each after those whose results it takes.
    """

    def __init__(self, entries: dict[KerasTensor, KerasTensor], with_masks: bool = False) -> None:
        self._entries = entries
        self._with_masks = with_masks
        self._starts = {entry.node for entry in entries.values()}
        self._reached: dict[BaseLayer, int] = {}
        self._done: set[Node] = set()
        self.nodes: list[Node] = []

    def visit(self, tensor: KerasTensor) -> None:
        """Add what ``tensor`` needs; no recursion, because a model may be deep."""
        pending: list[tuple[Node, Iterator[Node]]] = []
        self._enter(self._node(tensor), pending)
        while pending:
            node, parents = pending[-1]
            parent = next(parents, None)
            if parent is None:
                pending.pop()
                self.nodes.append(node)
            else:
                self._enter(parent, pending)

    def _enter(self, node: Node, pending: list[tuple[Node, Iterator[Node]]]) -> None:
        if node in self._done:
            return
        if not node.args and node not in self._starts:
            raise ValueError(
                f"The graph is disconnected: its outputs need the input `{node.layer.name}`, which is not in `inputs`."
            )
        self._done.add(node)
        self._reached.setdefault(node.layer, len(self._reached))
        pending.append((node, self._parents(node)))

    def _node(self, tensor: KerasTensor) -> Node:
        return self._entries.get(tensor, tensor).node

    def _parents(self, node: Node) -> Iterator[Node]:
        masks = node.masks if self._with_masks else ()
        taken = flatten([*node.args, *node.kwargs.values(), *masks])
        return (self._node(tensor) for tensor in taken if isinstance(tensor, KerasTensor))

    def layers(self, starts: list[Node]) -> list[Layer]:
        """The layers by their distance from the outputs, the farthest first, then as they were reached."""
        _, depths = self._depths()
        unused = {node.layer: -1 for node in starts if node.layer not in depths}
        reached = unused | self._reached
        found = sorted(reached, key=lambda layer: (-depths.get(layer, 0), reached[layer]))
        return cast("list[Layer]", found)

    def calls(self) -> list[Node]:
        """The calls, the farthest from the outputs first, equal ones as they were met from there."""
        depths, _ = self._depths()
        return sorted(depths, key=lambda node: -depths[node])

    def _depths(self) -> tuple[dict[Node, int], dict[BaseLayer, int]]:
        """The distance of each call from the outputs, and of each layer, which is that of its farthest call.

        A call of a layer that was met farther away counts as being there too.
        """
        of_calls: dict[Node, int] = {}
        of_layers: dict[BaseLayer, int] = {}
        for node in reversed(self.nodes):
            of_calls[node] = of_layers[node.layer] = max(of_calls.get(node, 0), of_layers.get(node.layer, 0))
            for parent in self._parents(node):
                of_calls[parent] = max(of_calls[node] + 1, of_calls.get(parent, 0))
        return of_calls, of_layers
