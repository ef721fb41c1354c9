from typing import Any

import pytest

from torch_keras_lstm.models.graph import (
    Call,
    Graph,
    TensorSource,
    calls_from_config,
    ends_from_config,
    flatten,
    map_sources,
    sources_in,
)

A, B, C = (TensorSource(name, 0, 0) for name in "abc")


def test_the_order_puts_each_call_after_its_sources_and_leaves_out_what_nothing_needs() -> None:
    calls = {
        "c": (Call((A,), {}), Call(([B, TensorSource("c", 0, 0)],), {"state": TensorSource("d", 0, 1)})),
        "b": (Call((A,), {}),),
        "d": (Call((B,), {}),),
        "unused": (Call((A,), {}),),
    }
    order = Graph(calls, {"x": A}, [TensorSource("c", 1, 0), B]).order()
    assert sorted(order) == [("b", 0), ("c", 0), ("c", 1), ("d", 0)]
    assert order.index(("b", 0)) < order.index(("d", 0)) < order.index(("c", 1))
    assert order.index(("c", 0)) < order.index(("c", 1))


def test_a_graph_may_be_deep() -> None:
    calls = {str(n + 1): (Call((TensorSource(str(n), 0, 0),), {}),) for n in range(5000)}
    assert len(Graph(calls, TensorSource("0", 0, 0), TensorSource("5000", 0, 0)).order()) == 5000


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (TensorSource("a", 1, 0), "A tensor comes from call 1 of layer `a`, which has 0 calls"),
        (TensorSource("c", -1, 0), "A tensor comes from call -1 of layer `c`, which has 1 calls"),
        (C, "Layer `c` takes its own output, through others or at once"),
    ],
)
def test_calls_that_cannot_be_made_are_refused(source: TensorSource, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Graph({"a": (), "c": (Call((source,), {}),)}, A, C).order()


def test_a_graph_is_written_as_it_is_read() -> None:
    graph = Graph(
        {"a": (), "b": (Call(([A, 2.5],), {"training": True, "of": {"x": A}}),), "c": (Call((B, None), {}),)},
        {"x": A},
        [C, TensorSource("b", 0, 1)],
    )
    config = graph.to_config()
    again = Graph(
        {name: calls_from_config(nodes, name) for name, nodes in config["inbound_nodes"].items()},
        ends_from_config(config["input_layers"], "`input_layers`"),
        ends_from_config(config["output_layers"], "`output_layers`"),
    )
    assert again == graph


@pytest.mark.parametrize(
    ("value", "ends"),
    [(["a", 0, 1], [A._replace(output=1)]), ([["a", 0, 0], ["b", 0, 0]], [A, B]), ({"out": ["c", 0, 0]}, [C])],
)
def test_ends_come_alone_in_lists_and_in_dictionaries(value: Any, ends: list[TensorSource]) -> None:
    assert [*sources_in(ends_from_config(value, "`output_layers`"))] == ends


@pytest.mark.parametrize("value", [None, [], {}, ["a", 0], [3], ["a", -1, 0]])
def test_ends_that_name_no_layer_are_refused(value: Any) -> None:
    with pytest.raises(ValueError, match=r"`input_layers` must name layers as \[name, call, output\], got"):
        ends_from_config(value, "`input_layers`")


def test_sources_are_found_and_replaced_through_lists_and_dictionaries() -> None:
    value = [A, {"x": B, "y": "b"}, (C, 4)]
    assert [*sources_in(value)] == [A, B, C]
    assert map_sources(lambda source: source.layer.upper(), value) == ["A", {"x": "B", "y": "b"}, ("C", 4)]


def test_outputs_are_numbered_as_keras_numbers_them() -> None:
    assert flatten((1, [2, None], {"b": 4, "a": 3})) == [1, 2, None, 3, 4]


def _after(name: str, output: int = 0, **arguments: object) -> tuple[Call, ...]:
    return (Call((TensorSource(name, 0, output),), arguments),)


def _chain(graph: dict[str, tuple[Call, ...]], outputs: Any) -> list[str] | None:
    return Graph(graph, [TensorSource("in", 0, 0)], outputs).chain()


def test_a_chain_is_put_in_order() -> None:
    graph = {"out": _after("lstm"), "in": (), "lstm": _after("in")}
    assert _chain(graph, [TensorSource("out", 0, 0)]) == ["in", "lstm", "out"]
    assert _chain(graph, TensorSource("out", 0, 0)) == ["in", "lstm", "out"]


@pytest.mark.parametrize(
    "changed",
    [
        {"lstm": _after("in", training=True)},
        {"lstm": _after("in") + _after("out")},
        {"lstm": ()},
        {"out": (Call(([TensorSource("in", 0, 0), TensorSource("lstm", 0, 0)],), {}),)},
        {"out": (Call((TensorSource("lstm", 0, 0), 2.0), {}),)},
        {"out": _after("lstm", output=1)},
        {"side": _after("lstm")},
        {"side": _after("out")},
        {"lstm": _after("out")},
    ],
)
def test_what_is_no_chain(changed: dict[str, tuple[Call, ...]]) -> None:
    graph = {"in": (), "lstm": _after("in"), "out": _after("lstm"), **changed}
    assert _chain(graph, [TensorSource("out", 0, 0)]) is None


def test_several_or_other_outputs_are_no_chain() -> None:
    graph = {"in": (), "lstm": _after("in")}
    end = TensorSource("lstm", 0, 0)
    assert _chain(graph, [end, end]) is None
    assert _chain(graph, {"y": end}) is None
    assert _chain(graph, end._replace(output=1)) is None
