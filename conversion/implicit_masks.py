"""Keras 3 writes masks into the graph of a functional model, as operations that compute them. Here they go again.

``Masking`` leaves a ``NotEqual`` and an ``Any`` behind, ``Embedding(mask_zero=True)`` a ``NotEqual``, and every layer
that takes a mask is called with their result. The same mask comes with the tensors themselves: a call that gets the one
that it would get anyway needs no telling, and a model without these nodes reads as it was written.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from torch_keras_lstm.conversion.argument_kinds import is_layer
from torch_keras_lstm.models.graph import Call, Graph, TensorSource

# Layers whose (first) output has the mask of their input; the recurrent ones when they return sequences.
_PASS_ON = frozenset(["Activation", "Dense", "Dropout", "LayerNormalization", "SpatialDropout1D", "TimeDistributed"])
_RECURRENT = frozenset(["GRU", "LSTM", "RNN", "SimpleRNN"])
_OVER_TIME = _RECURRENT | {"Bidirectional", "TimeDistributed"}


class Mask(NamedTuple):
    """Which steps of a tensor differ from a value, in any feature or, for indices, themselves."""

    tensor: TensorSource
    value: float
    of_features: bool


def without_implicit_masks(graph: Graph, entries: Mapping[str, Mapping[str, Any]], end_over_time: bool) -> Graph:
    """The graph without masks that come with the tensors, and without the operations that nothing needs then.

    Args:
        graph: of a Keras 3 model.
        entries: the entry of each layer, by name, in the file's terms.
        end_over_time: whether masks end at layers over time, as from Keras 3.16 on.
    """
    masks = _Masks(graph, entries, end_over_time)
    calls = {name: tuple(map(masks.without_its_own, calls)) for name, calls in graph.calls.items()}
    needed = {name for name, _ in replace(graph, calls=calls).order()}
    # An operation that others need stays, and so does what is said of its mask: Keras would make it once more, under a
    # name that may be taken.
    calls = {
        name: tuple(
            before if _mask_from(before) in needed else after
            for before, after in zip(graph.calls[name], changed, strict=True)
        )
        for name, changed in calls.items()
    }
    changed = replace(graph, calls=calls)
    no_longer = {name for name, _ in graph.order()} - {name for name, _ in changed.order()}
    return replace(changed, calls={name: calls[name] for name in calls if name not in no_longer})


def _mask_from(call: Call) -> str | None:
    """The layer whose output a call is given as its mask."""
    mask = call.kwargs.get("mask")
    return mask.layer if isinstance(mask, TensorSource) else None


class _Masks:
    """What the tensors of a graph are as masks, and which mask comes with each."""

    def __init__(self, graph: Graph, entries: Mapping[str, Mapping[str, Any]], end_over_time: bool) -> None:
        self._entries = entries
        self._end_over_time = end_over_time
        self._values: dict[TensorSource, Mask] = {}
        self._unequal: dict[TensorSource, Mask] = {}
        self._implicit: dict[TensorSource, Mask] = {}
        for name, number in graph.order():
            self._follow(TensorSource(name, number, 0), graph.calls[name][number])

    def without_its_own(self, call: Call) -> Call:
        """The call, without its mask if that is the one that its first argument brings."""
        given, first = call.kwargs.get("mask"), call.args[0] if call.args else None
        # With an initial state the layer is handed no mask on its own.
        if not isinstance(given, TensorSource) or not isinstance(first, TensorSource) or "initial_state" in call.kwargs:
            return call
        if given not in self._values or self._values[given] != self._implicit.get(first):
            return call
        return replace(call, kwargs={name: value for name, value in call.kwargs.items() if name != "mask"})

    def _follow(self, output: TensorSource, call: Call) -> None:
        first = call.args[0] if call.args else None
        if not isinstance(first, TensorSource):
            return
        class_name, config = self._entries[output.layer]["class_name"], self._entries[output.layer]["config"]
        if class_name == "NotEqual" and len(call.args) == 2 and isinstance(call.args[1], int | float):
            self._unequal[output] = Mask(first, call.args[1], of_features=True)
            self._values[output] = self._unequal[output]._replace(of_features=False)
        elif class_name == "Any" and first in self._unequal and config.get("axis") == -1 and not config.get("keepdims"):
            self._values[output] = self._unequal[first]
        elif class_name == "Masking":
            self._implicit[output] = Mask(first, config.get("mask_value", 0.0), of_features=True)
        elif class_name == "Embedding" and config.get("mask_zero") is True:
            self._implicit[output] = Mask(first, 0.0, of_features=False)
        elif first in self._implicit and self._passes_on(class_name, config):
            self._implicit[output] = self._implicit[first]

    def _passes_on(self, class_name: str, config: Mapping[str, Any]) -> bool:
        if config.get("ends_mask") or (self._end_over_time and class_name in _OVER_TIME):
            return False
        if class_name == "Bidirectional":
            inner = config.get("layer")
            return is_layer(inner) and self._passes_on(inner["class_name"], inner["config"])
        if class_name in _RECURRENT:
            return config.get("return_sequences") is True
        return class_name in _PASS_ON
