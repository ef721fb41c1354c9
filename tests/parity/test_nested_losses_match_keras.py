"""Losses, weights and targets in lists, tuples and dictionaries, nested as the outputs are, or several for one."""

from typing import Any

import keras
import numpy as np
import pytest

import torch_keras_lstm
from tests.parity.precision import float64
from tests.tolerances import assert_close

_random = np.random.default_rng(0)
X = _random.normal(size=(6, 4))
A, B, C = (_random.normal(size=(6, size)) for size in (2, 3, 5))


def _both(k: Any) -> Any:
    """A loss of two outputs at once."""
    return lambda y_true, y_pred: k.ops.mean((y_true["a"] - y_pred["a"]) ** 2) + k.ops.mean(abs(y_pred["b"]))


def _model(k: Any, arrange: Any) -> Any:
    x = k.Input((4,))
    sizes = {"a": 2, "b": 3, "c": 5}
    outputs = {name: k.layers.Dense(size, name=name)(x) for name, size in sizes.items()}
    return k.Model(x, arrange(**outputs))


def _list(a: Any, b: Any, c: Any) -> Any:
    return [a, b, c]


def _tuple(a: Any, b: Any, c: Any) -> Any:
    return (a, b, c)


def _dictionary(a: Any, b: Any, c: Any) -> Any:
    return {"c": c, "b": b, "a": a}


def _nested(a: Any, b: Any, c: Any) -> Any:
    return {"first": a, "rest": [b, c]}


def _pair(a: Any, b: Any, c: Any) -> Any:
    return {"b": b, "a": a}


NESTED = {"first": A, "rest": [B, C]}
CASES: list[tuple[Any, Any, Any, Any]] = [
    (_list, ["mse", ["mae"], "mse"], [0.5, 2.0, 1.5], [A, B, C]),
    (_list, ["mse", ["mae", "mse"], "mse"], None, [A, B, C]),
    (_list, ["mse", None, "mae"], None, [A, B, C]),
    (_list, ["mse", None, "mae"], None, [A, C]),
    (_tuple, ("mse", "mae", "mse"), (1.0, 2.0, 3.0), (A, B, C)),
    (_dictionary, {"a": "mse", "b": ["mae"], "c": None}, None, {"a": A, "b": B, "c": C}),
    (_dictionary, ["mse", "mae", "mse"], [1.0, 2.0, 3.0], {"a": A, "b": B, "c": C}),
    (_nested, {"first": ["mse", "mae"], "rest": ["mae", "mse"]}, None, NESTED),
    (
        _nested,
        {"first": "mse", "rest": ["mae", "mse"]},
        {"first": 0.5, "rest": [2.0, 3.0]},
        {"first": A, "rest": [B, C]},
    ),
    (_pair, _both, None, {"a": A, "b": B}),
]


@pytest.mark.filterwarnings("ignore:Gradients do not exist for:UserWarning")
@pytest.mark.parametrize(("arrange", "loss", "weights", "y"), CASES)
def test_they_give_the_losses_and_logs_of_keras(arrange: Any, loss: Any, weights: Any, y: Any) -> None:
    keras.backend.clear_session(free_memory=False)
    with float64(keras):
        theirs, ours = _model(keras, arrange), _model(torch_keras_lstm, arrange).double()
        ours.set_weights(theirs.get_weights())
        logs = []
        for library, model in ((torch_keras_lstm, ours), (keras, theirs)):
            own = [loss(library)] if loss is _both else loss
            model.compile("sgd", own, loss_weights=weights)
            logs.append(model.fit(X, y, batch_size=3, epochs=2, shuffle=False, verbose=0).history)
            logs[-1] |= model.evaluate(X, y, verbose=0, return_dict=True)
    assert logs[0].keys() == logs[1].keys()
    for name in logs[1]:
        assert_close(logs[0][name], logs[1][name], "float64 curve", name)


@pytest.mark.parametrize("arrange", [_list, _tuple, _dictionary, _nested])
def test_predictions_have_the_structure_of_the_outputs(arrange: Any) -> None:
    predicted = _model(torch_keras_lstm, arrange).predict(X, verbose=0)
    assert type(predicted) is type(arrange(1, 2, 3))
    assert type(_model(torch_keras_lstm, arrange)(X)) is type(predicted)


@pytest.mark.parametrize(
    ("arrange", "loss", "weights", "message"),
    [
        (_list, ["mse", ["mae", "mse"]], None, "`loss` has 2 entries: give a list with one for each"),
        (_nested, {"first": "mse", "others": ["mae"]}, None, r"`loss\['others'\]` is for an output that there is not"),
        (_nested, {"first": "mse", "rest": ["mae", "mse"]}, [1.0], "`loss_weights` has 1 weights for 3 losses"),
    ],
)
def test_what_fits_no_output_is_refused(arrange: Any, loss: Any, weights: Any, message: str) -> None:
    model = _model(torch_keras_lstm, arrange)
    model.compile("sgd", loss, loss_weights=weights)
    with pytest.raises(ValueError, match=message):
        model.fit(X, arrange(A, B, C), verbose=0)
