from typing import Any

import pytest

from torch_keras_lstm.conversion.topology import calls, counted_from_zero
from torch_keras_lstm.models.graph import Call, Graph, TensorSource

NAMES = frozenset("abcex")


def _tensor(name: str, call: int = 0, output: int = 0) -> dict[str, Any]:
    config = {"shape": [None, 4], "dtype": "float32", "keras_history": [name, call, output]}
    return {"class_name": "__keras_tensor__", "config": config}


def _after(name: str, output: int = 0, **arguments: object) -> tuple[Call, ...]:
    return (Call((TensorSource(name, 0, output),), arguments),)


def _read(*nodes: object) -> tuple[Call, ...]:
    return calls({"inbound_nodes": [*nodes]}, NAMES, "x")


@pytest.mark.parametrize(
    "node",
    [
        [["a", 0, 1, {}]],
        [["a", 0, 1, {"training": None}]],
        [["a", 0, 1]],
        ["a", 0, 1, {}],
        {"args": [_tensor("a", 0, 1)], "kwargs": {"mask": None}},
    ],
)
def test_both_spellings_of_a_call_are_read(node: Any) -> None:
    assert _read(node) == (Call((TensorSource("a", 0, 1),), {}),)


def test_keras_2_lists_the_tensors_of_a_call_with_its_arguments_behind_each() -> None:
    node = [["b", 0, 0, {"training": True, "constants": None}], ["e", 1, 2, {"training": True, "constants": None}]]
    assert _read(node, [["c", 0, 0, {}]], {"left": ["a", 0, 0, {}], "right": ["b", 0, 0, {}]}) == (
        Call(([TensorSource("b", 0, 0), TensorSource("e", 1, 2)],), {"training": True}),
        Call((TensorSource("c", 0, 0),), {}),
        Call(({"left": TensorSource("a", 0, 0), "right": TensorSource("b", 0, 0)},), {}),
    )


def test_keras_2_names_tensors_among_the_arguments_and_constants_among_the_tensors() -> None:
    constant = ["_CONSTANT_VALUE", -1, 2.5, {"y": ["a", 0, 1], "shape": ["none", 0, 1], "of": [["b", 1, 0]]}]
    assert _read(constant) == (
        Call((2.5,), {"y": TensorSource("a", 0, 1), "shape": ["none", 0, 1], "of": [TensorSource("b", 1, 0)]}),
    )


def test_keras_3_has_tensors_wherever_they_were_given() -> None:
    states = {"class_name": "__tuple__", "items": [_tensor("e", 1, 2), _tensor("e", 1, 3)]}
    (call,) = _read({"args": [_tensor("b")], "kwargs": {"initial_state": states, "training": True}})
    assert call.args == (TensorSource("b", 0, 0),)
    assert call.kwargs["initial_state"] == [TensorSource("e", 1, 2), TensorSource("e", 1, 3)]
    assert call.kwargs["training"] is True


def test_keras_3_writes_training_false_and_means_the_models() -> None:
    assert _read({"args": [_tensor("a")], "kwargs": {"training": False}}) == (Call((TensorSource("a", 0, 0),), {}),)
    (call,) = _read([["a", 0, 0, {"training": False}]])
    assert call.kwargs == {"training": False}


def test_keras_3_hands_no_mask_of_its_own_to_a_call_with_an_initial_state() -> None:
    states: dict[str, Any] = {"initial_state": [_tensor("e")]}
    (call,) = _read({"args": [_tensor("b")], "kwargs": states})
    assert call.kwargs["mask"] is None
    states["mask"] = _tensor("a")
    (given,) = _read({"args": [_tensor("b")], "kwargs": states})
    assert given.kwargs["mask"] == TensorSource("a", 0, 0)


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        ("a", "x: `inbound_nodes` must be a list"),
        ([3], "x: a call in `inbound_nodes` must be a list"),
        ([[]], "x: a call in `inbound_nodes` must be a list"),
        ([[["a", 0, {}]]], "x: a call in `inbound_nodes` must be a list"),
        ([[["a", 0, -1, {}]]], "x: a call in `inbound_nodes` must be a list"),
        ([[["a", 0, 0, 3]]], "x: keyword arguments in `inbound_nodes` must be an object, got 3"),
        ([{"args": []}], "x: a call in `inbound_nodes` must have `args` and `kwargs`"),
        ([{"args": [{"class_name": "__keras_tensor__", "config": {}}], "kwargs": {}}], "lacks its `keras_history`"),
    ],
)
def test_broken_calls_are_refused(nodes: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        calls({"inbound_nodes": nodes}, NAMES, "x")


@pytest.mark.parametrize("first", [0, 1])
def test_the_calls_of_nested_models_count_from_zero(first: int) -> None:
    def graph(first: int) -> Graph:
        once, twice = TensorSource("model", first, 0), TensorSource("model", first + 1, 1)
        return Graph(
            {"in": (), "model": (*_after("in"), Call((once,), {})), "out": (Call(([once, twice],), {"y": twice}),)},
            TensorSource("in", 0, 0),
            [TensorSource("out", 0, 0), twice],
        )

    assert counted_from_zero(graph(first), frozenset(["model"])) == graph(0)
    assert counted_from_zero(graph(1), frozenset()) == graph(1)
