from typing import Any

import pytest

from torch_keras_lstm.conversion.topology import Call, TensorSource, calls, chain, sources


def _tensor(name: str, call: int = 0, output: int = 0) -> dict[str, Any]:
    config = {"shape": [None, 4], "dtype": "float32", "keras_history": [name, call, output]}
    return {"class_name": "__keras_tensor__", "config": config}


def _after(name: str, output: int = 0, **arguments: object) -> tuple[Call, ...]:
    return (Call((TensorSource(name, 0, output),), arguments),)


@pytest.mark.parametrize(
    "nodes",
    [
        [[["a", 0, 1, {}]]],
        [[["a", 0, 1, {"training": None}]]],
        [["a", 0, 1, {}]],
        [{"args": [_tensor("a", 0, 1)], "kwargs": {"mask": None, "training": False}}],
    ],
)
def test_both_spellings_of_a_call_are_read(nodes: list[Any]) -> None:
    assert calls({"inbound_nodes": nodes}, "x") == (Call((TensorSource("a", 0, 1),), {}),)


def test_several_tensors_calls_and_arguments() -> None:
    keras_2 = {"inbound_nodes": [[["b", 0, 0, {}], ["e", 1, 2, {"training": True}]], [["c", 0, 0, {}]]]}
    states = [_tensor("e", 1, 2), _tensor("e", 1, 3)]
    keras_3 = {"inbound_nodes": [{"args": [_tensor("b")], "kwargs": {"initial_state": states, "training": True}}]}
    assert calls(keras_2, "x") == (
        Call((TensorSource("b", 0, 0), TensorSource("e", 1, 2)), {"training": True}),
        Call((TensorSource("c", 0, 0),), {}),
    )
    assert calls(keras_3, "x") == (
        Call((TensorSource("b", 0, 0), TensorSource("e", 1, 2), TensorSource("e", 1, 3)), {"training": True}),
    )
    assert calls({}, "x") == ()


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        ("a", "x: `inbound_nodes` must be a list"),
        ([3], "x: a call in `inbound_nodes` must be a list"),
        ([[["a", 0, {}]]], "x: a call in `inbound_nodes` must be a list"),
        ([[["a", 0, -1, {}]]], "x: a call in `inbound_nodes` must be a list"),
        ([[["a", 0, 0, 3]]], "x: keyword arguments in `inbound_nodes` must be an object, got 3"),
        ([{"args": []}], "x: a call in `inbound_nodes` must have `args` and `kwargs`"),
        ([{"args": [{"class_name": "__keras_tensor__", "config": {}}], "kwargs": {}}], "lacks its `keras_history`"),
    ],
)
def test_broken_calls_are_refused(nodes: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        calls({"inbound_nodes": nodes}, "x")


@pytest.mark.parametrize("value", [["a", 0, 1], [["a", 0, 1]], {"out": ["a", 0, 1]}])
def test_inputs_and_outputs_come_alone_in_lists_and_in_dictionaries(value: object) -> None:
    assert sources(value, "`output_layers`") == (TensorSource("a", 0, 1),)


def test_inputs_that_name_no_layer_are_refused() -> None:
    with pytest.raises(ValueError, match=r"`input_layers` must name layers as \[name, call, output\], got None"):
        sources(None, "`input_layers`")


def test_a_chain_is_put_in_order() -> None:
    graph = {"out": _after("lstm"), "in": (), "lstm": _after("in")}
    assert chain(graph, [TensorSource("in", 0, 0)], [TensorSource("out", 0, 0)]) == ["in", "lstm", "out"]


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"lstm": _after("in", training=True)}, "layer `lstm` is called with `training=True`"),
        ({"lstm": _after("in") + _after("out")}, "layer `lstm` is called 2 times"),
        ({"lstm": ()}, "layer `lstm` is called 0 times"),
        ({"out": (Call((TensorSource("in", 0, 0), TensorSource("lstm", 0, 0)), {}),)}, "layer `out` takes 2 tensors"),
        ({"out": _after("lstm", output=1)}, "layer `out` takes output 1 of layer `lstm`"),
        ({"side": _after("lstm")}, "layer `lstm` feeds both `out` and `side`"),
        ({"side": _after("out")}, "its layers are not all on the way from `in` to `out`"),
        ({"lstm": _after("out")}, "its layers are not all on the way from `in` to `out`"),
    ],
)
def test_what_is_no_chain_says_why(changed: dict[str, tuple[Call, ...]], reason: str) -> None:
    graph = {"in": (), "lstm": _after("in"), "out": _after("lstm"), **changed}
    assert chain(graph, [TensorSource("in", 0, 0)], [TensorSource("out", 0, 0)]) == reason


def test_several_inputs_are_no_chain() -> None:
    ends = [TensorSource("in", 0, 0)]
    assert chain({"in": ()}, 2 * ends, ends) == "it has 2 inputs and 1 outputs"
