"""Masks that travel with tensors: layers called one after another by hand, and in models of one's own.

The same text runs on live Keras and here: ``library`` is the one or the other.
"""

import re
import warnings
from collections.abc import Callable
from types import ModuleType
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
import torch

import torch_keras_lstm
from tests.parity.precision import float64
from tests.tolerances import assert_close
from torch_keras_lstm.layers.keras_mask import mask_of

IDS = np.array([[3, 1, 4, 0, 0, 5], [2, 0, 0, 0, 0, 0], [0, 0, 1, 2, 0, 3]])
VECTORS = np.random.default_rng(3).standard_normal((3, 6, 4)) * np.array([1, 1, 0, 1, 0, 1])[None, :, None]


@pytest.fixture(autouse=True)
def _double_precision() -> Any:
    with float64(keras, torch_keras_lstm):
        yield


def own_layer(library: ModuleType, **attributes: Any) -> Any:
    class Doubled(library.layers.Layer):  # type: ignore[name-defined, misc]
        def call(self, inputs: Any) -> Any:
            return inputs * 2

    layer = Doubled(name="doubled")
    for name, value in attributes.items():
        setattr(layer, name, value)
    return layer


def own_mask(library: ModuleType) -> Any:
    class Shortened(library.layers.Layer):  # type: ignore[name-defined, misc]
        def call(self, inputs: Any) -> Any:
            return inputs[:, 1:]

        def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
            return None if mask is None else mask[:, 1:]

    return Shortened(name="shortened")


def masked_inside(library: ModuleType) -> Any:
    class Gated(library.layers.Layer):  # type: ignore[name-defined, misc]
        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.inner = library.layers.LSTM(5, return_sequences=True, name="inner")
            self.supports_masking = True

        def call(self, inputs: Any) -> Any:
            return self.inner(inputs)

    return Gated(name="gated")


LAYERS: dict[str, Callable[[ModuleType], list[Any]]] = {
    "embedding": lambda k: [k.layers.Embedding(6, 4, mask_zero=True), k.layers.LSTM(5)],
    "masking": lambda k: [k.layers.Masking(), k.layers.GRU(5)],
    "sequences": lambda k: [
        k.layers.Embedding(6, 4, mask_zero=True),
        k.layers.LSTM(5, return_sequences=True),
        k.layers.Dropout(0.5),
        k.layers.Dense(3, "tanh"),
        k.layers.SimpleRNN(2),
    ],
    "both ways": lambda k: [
        k.layers.Embedding(6, 4, mask_zero=True),
        k.layers.Bidirectional(k.layers.LSTM(5, return_sequences=True)),
        k.layers.GlobalAveragePooling1D(),
    ],
    "own cells": lambda k: [
        k.layers.Embedding(6, 4, mask_zero=True),
        k.layers.RNN([k.layers.LSTMCell(5), k.layers.GRUCell(3)]),
    ],
    "ended by a layer of one's own": lambda k: [k.layers.Masking(), own_layer(k), k.layers.LSTM(5)],
    "handed on by one that supports masks": lambda k: [
        k.layers.Masking(), own_layer(k, supports_masking=True), k.layers.LSTM(5)
    ],
    "a mask of one's own": lambda k: [k.layers.Masking(), own_mask(k), k.layers.LSTM(5)],
    "read inside a layer of one's own": lambda k: [k.layers.Masking(), masked_inside(k), k.layers.LSTM(3)],
    "ended by a built-in layer": lambda k: [
        k.layers.Masking(), k.layers.Conv1D(5, 3, padding="causal"), k.layers.LSTM(5)
    ],
    "a nested model": lambda k: [
        k.layers.Masking(), k.Sequential([k.layers.LSTM(5, return_sequences=True), k.layers.Dense(3)]), k.layers.LSTM(2)
    ],
}  # fmt: skip
WIDTHS = {"sequences": 2, "both ways": 10, "own cells": 3, "read inside a layer of one's own": 3, "a nested model": 2}
every_case = pytest.mark.parametrize("case", LAYERS)


def by_hand(layers: list[Any], inputs: Any) -> Any:
    values = inputs
    for layer in layers:
        values = layer(values)
    return values


def in_a_class(library: ModuleType, layers: list[Any]) -> Any:
    class Stack(library.Model):  # type: ignore[name-defined, misc]
        def __init__(self) -> None:
            super().__init__()
            self.parts = [*layers]
            for index, layer in enumerate(layers):
                setattr(self, f"part_{index}", layer)

        def call(self, inputs: Any) -> Any:
            return by_hand([getattr(self, f"part_{index}") for index in range(len(layers))], inputs)

    return Stack()


def inputs_of(case: str) -> Any:
    return IDS if "embedding" in str(LAYERS[case](torch_keras_lstm)[0]).lower() else VECTORS


def pair(case: str) -> tuple[list[Any], list[Any]]:
    """The layers here and in Keras, with the same random weights."""
    ours, theirs = LAYERS[case](torch_keras_lstm), LAYERS[case](keras)
    for layer in ours:
        layer.eval()  # a bare layer follows torch's habits: training until somebody says otherwise
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Layer .* was passed an input with a mask")
        by_hand(ours, torch.tensor(inputs_of(case)))
        by_hand(theirs, tf.constant(inputs_of(case)))
    rng = np.random.default_rng(11)
    for mine, other in zip(ours, theirs, strict=True):
        weights = [rng.standard_normal(weight.shape) * 0.5 for weight in other.weights]
        other.set_weights(weights)
        mine.set_weights(weights)
        mine._warned_of_mask = False
    return ours, theirs


@every_case
def test_layers_called_by_hand(case: str) -> None:
    ours, theirs = pair(case)
    with warnings.catch_warnings(record=True) as here:
        warnings.simplefilter("always")
        got = by_hand(ours, torch.tensor(inputs_of(case)))
    with warnings.catch_warnings(record=True) as there, tf.GradientTape() as tape:
        warnings.simplefilter("always")
        expected = by_hand(theirs, tf.constant(inputs_of(case)))
        loss = tf.reduce_sum(expected**2)
    lost = "destroy the mask information"
    # By their classes: the numbers in automatic names depend on what was made before.
    named = [
        [re.findall(r"of type (\w+)", str(w.message)) for w in found if lost in str(w.message)]
        for found in (here, there)
    ]
    # A nested model of Keras' warns too, although the masks inside it go on.
    assert named[0] == [kind for kind in named[1] if kind != ["Sequential"]]
    assert_close(got.detach(), expected, "float64")
    variables = [weight for layer in theirs for weight in layer.trainable_variables]
    gradients = tape.gradient(loss, [variable.value for variable in variables])
    got.square().sum().backward()
    found = [
        row.to_keras(*(getattr(owner, name).grad for name in row.parameters))
        for layer in ours
        for owner in layer.weighted_layers()
        for row in owner._rows
        if row.trainable
    ]
    assert len(found) == len(gradients)
    for mine, wanted, variable in zip(found, gradients, variables, strict=True):
        assert_close(mine, tf.convert_to_tensor(wanted), "float64", variable.path)


@every_case
def test_a_model_of_ones_own_in_fit_evaluate_and_predict(case: str) -> None:
    ours, theirs = pair(case)
    models = [in_a_class(torch_keras_lstm, ours), in_a_class(keras, theirs)]
    inputs = inputs_of(case)
    targets = np.random.default_rng(5).standard_normal((3, WIDTHS.get(case, 5)))
    curves = []
    for model in models:
        model.compile(optimizer="sgd", loss="mse")
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Layer .* was passed an input with a mask")
            first = model.predict(inputs, verbose=0)
            if case == "sequences":  # whose dropout draws other numbers on each side
                curve = [model.evaluate(inputs, targets, verbose=0)]
            else:
                curve = model.fit(inputs, targets, epochs=3, batch_size=2, shuffle=False, verbose=0).history["loss"]
            curves.append([first, curve, model.predict(inputs, verbose=0)])
    for mine, wanted, what in zip(*curves, ("before", "curve", "after"), strict=True):
        assert_close(mine, wanted, "float64 curve", what)


def test_an_operation_of_torch_and_detach_give_tensors_without_masks() -> None:
    vectors = torch_keras_lstm.layers.Embedding(6, 4, mask_zero=True)(torch.tensor(IDS))
    assert mask_of(vectors) is not None
    assert [mask_of(other) for other in (vectors * 1, vectors.detach(), vectors.view_as(vectors))] == [None] * 3
    plain = keras.layers.Embedding(6, 4, mask_zero=True)(tf.constant(IDS)) * 1
    assert getattr(plain, "_keras_mask", None) is None


def test_a_mask_of_the_caller_is_not_left_on_the_callers_tensor() -> None:
    model = torch_keras_lstm.Sequential([torch_keras_lstm.layers.LSTM(3, return_sequences=True)])
    inputs, mask = torch.tensor(VECTORS), torch.tensor(IDS != 0)
    outputs = model(inputs, mask=mask)
    assert mask_of(inputs) is None
    assert torch.equal(mask_of(outputs), mask)


def test_a_mask_of_another_shape_that_travels_is_named() -> None:
    inputs = torch.tensor(VECTORS)
    inputs._keras_mask = torch.ones(3, 5, dtype=torch.bool)  # type: ignore[attr-defined]  # Keras' own attribute
    with pytest.raises(ValueError, match="`mask` of layer `l` must have shape"):
        torch_keras_lstm.layers.LSTM(2, name="l")(inputs)


@pytest.mark.parametrize("kind", ["Sequential", "Functional", "class"])
def test_a_compiled_model_is_one_graph(kind: str) -> None:
    k = torch_keras_lstm
    layers = [k.layers.Embedding(6, 4, mask_zero=True), own_layer(k, supports_masking=True), k.layers.LSTM(5)]
    if kind == "class":
        model = in_a_class(k, layers)
    elif kind == "Sequential":
        model = k.Sequential([k.Input((6,), dtype="int64"), *layers])
    else:
        entry = k.Input((6,), dtype="int64")
        model = k.Model(entry, by_hand(layers, entry))
    ids = torch.tensor(IDS)
    expected = model(ids)
    assert not torch.equal(expected, layers[2](layers[1](layers[0](ids)).detach()))
    compiled: Any = torch.compile(model, fullgraph=True, backend="eager")
    assert_close(compiled(ids).detach(), expected.detach(), "float64")
