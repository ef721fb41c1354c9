"""What models take for their inputs: axes of size 1 that lack or are too many, lists and dictionaries."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import torch

import torch_keras_lstm
from tests.parity.precision import float64
from tests.tolerances import assert_close

X, Y = np.random.default_rng(0).normal(size=(2, 5, 4))
Make = Callable[[Any], Any]


def _graph_of_series(k: Any) -> Any:
    x = k.Input((4, 1))
    return k.Model(x, k.layers.LSTM(3, name="lstm")(x))


def _stack_of_series(k: Any) -> Any:
    return k.Sequential([k.Input((4, 1)), k.layers.LSTM(3, name="lstm")])


def _stack_of_features(k: Any) -> Any:
    return k.Sequential([k.Input((4,)), k.layers.Dense(3, name="dense")])


def _one_number(k: Any) -> Any:
    x = k.Input((1,))
    return k.Model(x, k.layers.Dense(3, name="dense")(x))


def _two(k: Any, arrange: Callable[[Any, Any], Any]) -> Any:
    a, b = k.Input((4,), name="a"), k.Input((4,), name="b")
    return k.Model(arrange(a, b), k.layers.Dense(3, name="dense")(a) * b[:, :1])


def _list(k: Any) -> Any:
    return _two(k, lambda a, b: [a, b])


def _dictionary(k: Any) -> Any:
    return _two(k, lambda a, b: {"a": a, "b": b})


def _nested(k: Any) -> Any:
    return _two(k, lambda a, b: {"a": a, "others": {"b": b}})


CASES = [
    *((make, data) for make in (_graph_of_series, _stack_of_series) for data in (X, X[..., None])),
    (_stack_of_features, X[..., None]),
    (_one_number, X[:, 0]),
    *((make, data) for make in (_list, _dictionary) for data in ([X, Y], (X, Y), {"b": Y, "a": X})),
    *((make, {"a": X, "b": Y, "c": X}) for make in (_list, _dictionary)),
    (_nested, {"others": {"b": Y}, "a": X}),
]


@pytest.mark.filterwarnings("ignore:The structure of `inputs` doesn't match")
@pytest.mark.parametrize(("make", "data"), CASES)
def test_call_predict_and_fit_take_what_keras_takes(make: Make, data: Any) -> None:
    keras.backend.clear_session(free_memory=False)
    with float64(keras):
        theirs = make(keras)
        ours = make(torch_keras_lstm).double()
        ours.set_weights(theirs.get_weights())
        assert_close(ours(data).detach(), theirs(data), "float64", "the call")
        assert_close(ours.predict(data, verbose=0), theirs.predict(data, verbose=0), "float64", "predict")
        for model in (theirs, ours):
            model.compile("sgd", "mse")
            model.fit(data, X[:, :3], shuffle=False, verbose=0)
        assert_close(ours(data).detach(), theirs(data), "float64 curve", "the call after fit")


def test_a_list_for_a_dictionary_and_more_than_is_needed_warn_as_in_keras() -> None:
    ours = _dictionary(torch_keras_lstm)
    for data in ([X, Y], {"a": X, "b": Y, "c": X}):
        with pytest.warns(UserWarning, match="The structure of `inputs` doesn't match the expected structure"):
            ours(data)


def test_what_lacks_an_input_is_refused() -> None:
    for make, data, message in (
        (_list, {"a": X}, "takes inputs by the names a, b, got a"),
        (_list, [X], r"takes 2 inputs in a list \(a, b\), got 1"),
        (_dictionary, {"a": X}, "takes inputs by the names a, b, got a"),
        (_dictionary, [X], "takes inputs by the names a, b, got a list of 1"),
        (_nested, {"a": X, "others": Y}, "takes inputs by the names b, got none"),
        (_graph_of_series, np.ones((2, 4, 3)), r"has shape \(None, 4, 1\), got an input of shape \(2, 4, 3\)"),
        (_one_number, [None], "is not optional, but `None` was given"),
    ):
        with pytest.raises(ValueError, match=message):
            make(torch_keras_lstm)(data)


def test_an_optional_input_may_be_none() -> None:
    class AddIfThere(torch_keras_lstm.layers.Layer):
        def call(self, x: Any, y: Any = None) -> Any:
            return x if y is None else x + y

    a, b = torch_keras_lstm.Input((4,), name="a"), torch_keras_lstm.Input((4,), name="b", optional=True)
    model = torch_keras_lstm.Model([a, b], AddIfThere()(a, b))
    one = torch.ones(2, 4)
    assert torch.equal(model([one, None]), one)
    assert torch.equal(model({"a": one, "b": one}), 2 * one)
    layer: Any = b.node.layer
    assert type(layer).from_config(layer.get_config()).optional
