from collections.abc import Mapping
from typing import Any

import pytest

from tests.conversion.handmade import entry
from torch_keras_lstm.conversion.implicit_masks import without_implicit_masks
from torch_keras_lstm.models.graph import Call, Graph, TensorSource

X, MASK = TensorSource("x", 0, 0), TensorSource("any", 0, 0)
LSTM = {"units": 2, "return_sequences": True}


def of(layer: str) -> TensorSource:
    return TensorSource(layer, 0, 0)


def model(*layers: Mapping[str, Any], mask: TensorSource | None = MASK, **kwargs: Any) -> tuple[Graph, dict[str, Any]]:
    """x -> Masking -> the layers in turn, the last of them called with the mask."""
    entries: list[Mapping[str, Any]] = [entry("InputLayer", "x"), entry("NotEqual", "not_equal")]
    entries += [entry("Any", "any", axis=-1, keepdims=False), entry("Masking", "masking", mask_value=-1.0), *layers]
    calls = {"x": (), "not_equal": (Call((X, -1.0), {}),), "any": (Call((of("not_equal"),), {}),)}
    calls["masking"] = (Call((X,), {}),)
    before = "masking"
    for layer in layers:
        name = layer["config"]["name"]
        calls[name] = (Call((of(before),), {}),)
        before = name
    (last,) = calls[before]
    calls[before] = (Call(last.args, {**kwargs, "mask": mask}),)
    return Graph(calls, X, of(before)), {layer["config"]["name"]: layer for layer in entries}


@pytest.mark.parametrize(
    "between",
    [
        [],
        [entry("LSTM", "a", **LSTM), entry("Dropout", "b", rate=0.5)],
        [entry("Bidirectional", "a", layer=entry("LSTM", "i", **LSTM))],
        [entry("TimeDistributed", "a", layer=entry("Dense", "i", units=2))],
    ],
)
def test_a_mask_that_comes_with_the_tensor_goes_and_its_operations_with_it(between: list[dict[str, Any]]) -> None:
    graph, entries = model(*between, entry("LSTM", "last", units=3))
    without = without_implicit_masks(graph, entries, False)
    assert without.calls.keys() == graph.calls.keys() - {"not_equal", "any"}
    assert without.calls["last"] == (Call(graph.calls["last"][0].args, {}),)


def test_the_mask_of_an_embedding_is_that_of_its_indices() -> None:
    vectors = entry("Embedding", "e", input_dim=5, output_dim=2, mask_zero=True)
    entries = {
        layer["config"]["name"]: layer for layer in (entry("InputLayer", "x"), vectors, entry("LSTM", "l", units=2))
    }
    entries["unequal"] = entry("NotEqual", "unequal")
    calls = {
        "x": (),
        "e": (Call((X,), {}),),
        "unequal": (Call((X, 0), {}),),
        "l": (Call((of("e"),), {"mask": of("unequal")}),),
    }
    graph = Graph(calls, X, of("l"))
    assert [*without_implicit_masks(graph, entries, False).calls] == ["x", "e", "l"]
    vectors["config"]["mask_zero"] = False
    assert without_implicit_masks(graph, entries, False) == graph


@pytest.mark.parametrize(
    "kept",
    [
        model(entry("LSTM", "a", units=2), entry("LSTM", "last", units=3)),
        model(entry("Flatten", "a"), entry("LSTM", "last", units=3)),
        model(entry("LSTM", "last", units=3), mask=of("not_equal")),
        model(entry("LSTM", "last", units=3), initial_state=[X, X]),
    ],
    ids=["ended", "unknown", "another", "states"],
)
def test_any_other_mask_stays(kept: tuple[Graph, dict[str, Any]]) -> None:
    graph, entries = kept
    assert without_implicit_masks(graph, entries, False).calls["last"] == graph.calls["last"]


def test_a_mask_of_another_value_or_axis_stays() -> None:
    for name, changed in (("masking", {"mask_value": 2.0}), ("any", {"axis": 1}), ("any", {"keepdims": True})):
        graph, entries = model(entry("LSTM", "last", units=3))
        entries[name]["config"].update(changed)
        assert without_implicit_masks(graph, entries, False) == graph


def test_an_operation_that_something_else_needs_stays_and_the_mask_that_it_gives() -> None:
    graph, entries = model(entry("LSTM", "last", units=3))
    both = Graph(graph.calls, X, [of("last"), MASK])
    assert without_implicit_masks(both, entries, False) == both


@pytest.mark.parametrize("class_name", ["LSTM", "Bidirectional", "TimeDistributed", "RNN"])
def test_a_mask_that_ended_at_a_layer_over_time_stays(class_name: str) -> None:
    """As from Keras 3.16 on, where the next layer gets the mask that it is handed, and none otherwise."""
    inner = entry("LSTM" if class_name == "Bidirectional" else "Dense", "i", **LSTM)
    graph, entries = model(entry(class_name, "a", layer=inner, **LSTM), entry("LSTM", "last", units=3))
    assert without_implicit_masks(graph, entries, True).calls["last"] == graph.calls["last"]
    assert without_implicit_masks(graph, entries, False).calls["last"] != graph.calls["last"]
    entries["a"]["config"]["ends_mask"] = True  # as a model of ours says it, whose file has no version
    assert without_implicit_masks(graph, entries, False).calls["last"] == graph.calls["last"]
