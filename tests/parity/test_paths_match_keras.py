"""Where weights stand: their paths, and those of an optimizer's variables, in Keras and here."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest

import torch_keras_lstm

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def _embedding(k: Any) -> Any:
    return k.layers.Embedding(5, 3, name="words")


def _stack(k: Any, *first: Any, name: str = "stack") -> Any:
    return k.Sequential([*first, _embedding(k), k.layers.LSTM(2, name="lstm")], name=name)


def _with_an_input(k: Any) -> Any:
    return _stack(k, k.Input((4,)))


def _called(k: Any) -> Any:
    model = _stack(k)
    model(np.zeros((1, 4), int))
    return model


def _built(k: Any) -> Any:
    model = k.Sequential(
        [
            k.layers.Bidirectional(k.layers.LSTM(2, return_sequences=True, name="inner"), name="both"),
            k.layers.TimeDistributed(k.layers.Dense(2, name="dense"), name="steps"),
            k.layers.BatchNormalization(name="norm"),
            k.layers.RNN([k.layers.LSTMCell(2, name="lower"), k.layers.GRUCell(3, name="upper")], name="cells"),
        ],
        name="built",
    )
    model.build((None, 4, 3))
    return model


def _functional(k: Any) -> Any:
    inputs, steps = k.Input((4,)), k.Input((4, 3))
    attended = k.layers.MultiHeadAttention(2, 3, name="attention")(steps, steps)
    texts = _stack(k)(inputs)
    return k.Model([inputs, steps], k.layers.Dense(2, name="head")(texts + attended[:, 0, :2]), name="functional")


def _nested(k: Any) -> Any:
    return k.Sequential([k.Input((4,)), _stack(k, name="inner"), k.layers.Dense(1, name="head")], name="outer")


def _own(k: Any) -> Any:
    class Block(k.layers.Layer):  # type: ignore[misc]
        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.words = _embedding(k)
            self.part = k.Sequential([k.layers.LSTM(2, name="lstm")], name="part")
            self.listed = [k.layers.Dense(2, name="first"), k.layers.Dense(2, name="second")]

        def call(self, inputs: Any) -> Any:
            outputs = self.part(self.words(inputs))
            for layer in self.listed:
                outputs = layer(outputs)
            return outputs

    class Whole(k.Model):  # type: ignore[misc]
        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.block = Block(name="block")
            self.head = k.layers.Dense(1, name="head")
            self.own_words = _embedding(k)

        def call(self, inputs: Any) -> Any:
            return self.head(self.block(inputs)) + k.ops.sum(self.own_words(inputs))

    model = Whole(name="whole")
    model(np.zeros((1, 4), int))
    return model


@pytest.fixture(autouse=True)
def _same_names() -> None:
    keras.utils.clear_session()
    torch_keras_lstm.utils.clear_session()


@pytest.mark.parametrize("make", [_with_an_input, _called, _built, _functional, _nested, _own])
def test_paths_of_weights_and_of_an_optimizers_variables(make: Callable[[Any], Any]) -> None:
    paths = []
    for k in (keras, torch_keras_lstm):
        model = make(k)
        optimizer = k.optimizers.Adam(name="adam")
        optimizer.build(model.trainable_variables)
        paths.append([one.path for one in [*model.weights, *optimizer.variables]])
    assert paths[1] == paths[0]
    assert len(paths[0]) > 10
