"""Models in words that every Keras 3 knows: what it saves is read by its rules, trained as it trains, and given back.

Of all parity tests these alone hold for any release; ``python tests/keras_versions.py`` runs them with each.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import torch
from keras import layers

from tests.tolerances import assert_close
from torch_keras_lstm import layers as our_layers
from torch_keras_lstm import losses, ops
from torch_keras_lstm.models import load_model

pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file:UserWarning"),
    pytest.mark.filterwarnings("ignore:Layer '.* was passed an input with a mask:UserWarning"),  # from 3.16 on
]
TIME, FEATURES = 7, 3


def masked(*rest: Any) -> Any:
    """A row of layers behind the mask of an embedding."""
    return keras.Sequential([layers.Input((TIME,)), layers.Embedding(9, FEATURES, mask_zero=True), *rest])


def plain(*rest: Any) -> Any:
    return keras.Sequential([layers.Input((TIME, FEATURES)), *rest])


def both_ways(mode: str) -> Any:
    return masked(layers.Bidirectional(layers.LSTM(3, return_sequences=True), merge_mode=mode), layers.LSTM(2))


def encoder_decoder() -> Any:
    source, target = layers.Input((TIME, FEATURES)), layers.Input((5, FEATURES))
    _, *states = layers.LSTM(4, return_state=True)(layers.Masking()(source))
    steps = layers.LSTM(4, return_sequences=True)(target, initial_state=states)
    return keras.Model([source, target], layers.TimeDistributed(layers.Dense(2))(steps))


def attention() -> Any:
    source = layers.Input((TIME, FEATURES))
    steps = layers.Bidirectional(layers.GRU(2, return_sequences=True))(layers.Masking()(source))
    seen = layers.Attention()([steps, layers.Dense(4)(source)])
    return keras.Model(source, layers.GlobalAveragePooling1D()(layers.Add()([steps, seen])))


def graph() -> Any:
    source, shared = layers.Input((TIME, FEATURES)), layers.Dense(3, activation="tanh")
    first, second = shared(source), shared(source[:, ::-1] * 2.0)
    inner = keras.Sequential([layers.Input((TIME, 6)), layers.LSTM(3), layers.Dense(2)], name="inner")
    return keras.Model(source, inner(layers.Concatenate()([first, second])))


NEW = {"ternary"}
MODELS: dict[str, Callable[[], Any]] = {
    "lstm": lambda: masked(layers.LSTM(4, return_sequences=True), layers.LSTM(3)),
    "gru": lambda: masked(layers.GRU(4, return_sequences=True), layers.GRU(3, reset_after=False)),
    "simple_rnn": lambda: masked(layers.SimpleRNN(4, return_sequences=True), layers.SimpleRNN(3)),
    "steps": lambda: masked(layers.LSTM(4, return_sequences=True), layers.TimeDistributed(layers.Dense(2))),
    "mean": lambda: masked(layers.LSTM(4, return_sequences=True), layers.GlobalAveragePooling1D()),
    "backwards": lambda: masked(layers.LSTM(4, go_backwards=True, return_sequences=True), layers.GRU(2)),
    "zeroed": lambda: masked(layers.LSTM(4, return_sequences=True, zero_output_for_mask=True), layers.Dense(2)),
    "cells": lambda: masked(layers.RNN([layers.LSTMCell(4), layers.GRUCell(3)], return_sequences=True), layers.LSTM(2)),
    **{f"both_ways_{mode}": partial(both_ways, mode) for mode in ("concat", "sum", "mul", "ave")},
    "distributed": lambda: masked(layers.TimeDistributed(layers.Dense(4)), layers.Bidirectional(layers.GRU(2))),
    "hard_sigmoid": lambda: plain(layers.LSTM(4, recurrent_activation="hard_sigmoid", use_bias=False)),
    "normalized": lambda: plain(
        layers.Conv1D(4, 3, padding="causal"), layers.BatchNormalization(), layers.LayerNormalization(), layers.LSTM(2)
    ),
    "images": lambda: keras.Sequential(
        [layers.Input((4, 6, 2)), layers.ConvLSTM1D(3, 2, return_sequences=True), layers.Flatten(), layers.Dense(2)]
    ),
    "heads": lambda: plain(layers.EinsumDense("abc,cd->abd", (None, 4)), layers.LSTM(3), layers.Dense(2)),
    "encoder_decoder": encoder_decoder,
    "attention": attention,
    "graph": graph,
}
if hasattr(layers, "TernaryDense"):  # from 3.16 on
    MODELS["ternary"] = lambda: plain(layers.TernaryDense(4, activation="tanh"), layers.TernaryDense(2, 0.5))


def made(name: str) -> tuple[Any, list[np.ndarray]]:
    """The model with weights drawn at random, and inputs."""
    model, rng = MODELS[name](), np.random.default_rng(3)
    model.set_weights([rng.uniform(0.1, 0.9, value.shape) * rng.choice([-0.7, 1]) for value in model.get_weights()])
    if name == "normalized":  # a variance is positive
        model.set_weights([np.abs(value) for value in model.get_weights()])
    inputs = []
    for tensor in model.inputs:
        shape = (4, *tensor.shape[1:])
        x = rng.integers(1, 9, shape) if len(shape) == 2 else rng.standard_normal(shape).astype("float32")
        x[0, :2] = x[1, 2:4] = x[2, 4:] = 0
        inputs.append(x)
    return model, inputs


def predicted(model: Any, inputs: list[np.ndarray]) -> np.ndarray:
    given = inputs if len(inputs) > 1 else inputs[0]
    if isinstance(model, keras.Model):  # called, for `predict` would make a function of each first
        return np.asarray(keras.ops.convert_to_numpy(model(given)))
    return np.asarray(model.predict(given, verbose=0))


@pytest.mark.parametrize("name", MODELS)
def test_what_it_saves_is_read(name: str, tmp_path: Path) -> None:
    model, inputs = made(name)
    expected = predicted(model, inputs)
    for file in ("model.keras", "model.h5"):
        try:
            model.save(tmp_path / file)
        except ValueError as error:  # of Keras 3.0 to 3.3, whose weights in an `.h5` file have each other's names
            if "name already exists" not in str(error):
                raise
            continue
        assert_close(predicted(load_model(tmp_path / file), inputs), expected, "float32 model", file)


@pytest.mark.parametrize("name", MODELS)
def test_what_is_read_is_given_back(name: str, tmp_path: Path) -> None:
    model, inputs = made(name)
    expected = predicted(model, inputs)
    model.save(tmp_path / "model.keras")
    load_model(tmp_path / "model.keras").save(tmp_path / "again.keras")
    assert_close(predicted(load_model(tmp_path / "again.keras"), inputs), expected, "float32 model", "ours")
    again = keras.models.load_model(tmp_path / "again.keras")
    assert_close(predicted(again, inputs), expected, "float32 model", "in Keras")


@pytest.mark.parametrize(
    "name", [*("lstm", "mean", "both_ways_concat", "encoder_decoder"), *sorted(NEW & MODELS.keys())]
)
def test_what_it_saves_goes_on_as_there(name: str, tmp_path: Path) -> None:
    model, inputs = made(name)
    model.compile(keras.optimizers.Adam(0.02), "mse")
    x = inputs if len(inputs) > 1 else inputs[0]
    y = np.random.default_rng(5).standard_normal(predicted(model, inputs).shape)
    model.fit(x, y, batch_size=2, epochs=2, shuffle=False, verbose=0)
    model.save(tmp_path / "model.keras")
    ours = load_model(tmp_path / "model.keras")
    curves = [one.fit(x, y, batch_size=2, epochs=4, shuffle=False, verbose=0).history["loss"] for one in (model, ours)]
    assert_close(curves[1], curves[0], "float32 curve", "losses")
    assert_close(predicted(ours, inputs), predicted(model, inputs), "float32 curve", "outputs after it")


if hasattr(layers, "Mosaic"):

    @pytest.mark.parametrize("form", ["channels_last", "channels_first"])
    def test_mosaics_of_the_same_images(form: str) -> None:
        theirs: Any = layers.Mosaic(data_format=form, dtype="float64")
        ours = our_layers.Mosaic(data_format=form, dtype="float64")
        rng = np.random.default_rng(2)
        images, labels = rng.standard_normal((5, 6, 7, 3)), rng.uniform(0, 1, (5, 4))
        images = images.transpose(0, 3, 1, 2) if form == "channels_first" else images
        drawn = theirs.get_random_transformation(images, training=True)
        mine = {name: torch.tensor(np.asarray(drawn[name])) for name in ("permutation_order", "mosaic_centers")}
        got = ours.transform_images(torch.tensor(images), mine)
        assert_close(got, np.asarray(theirs.transform_images(images, drawn)), "float32 model")
        expected = theirs.transform_labels(keras.ops.convert_to_tensor(labels), drawn)
        assert_close(ours.transform_labels(torch.tensor(labels), mine), np.asarray(expected), "float32 model")


FOCAL: list[dict[str, Any]] = [{}, {"ignore_class": 2, "gamma": 1.5}, {"alpha": [0.2, 0.5, 0.7], "from_logits": True}]


if hasattr(keras.losses, "SparseCategoricalFocalCrossentropy"):

    @pytest.mark.parametrize("arguments", FOCAL)
    def test_focal_losses_of_class_numbers(arguments: dict[str, Any]) -> None:
        rng = np.random.default_rng(2)
        y_true, y_pred = rng.integers(0, 3, (4, 5)), rng.uniform(0.1, 0.9, (4, 5, 3)).astype("float32")
        theirs, ours = (one.SparseCategoricalFocalCrossentropy(**arguments) for one in (keras.losses, losses))
        assert_close(
            ours(torch.tensor(y_true), torch.tensor(y_pred)), np.asarray(theirs(y_true, y_pred)), "float32 model"
        )
        written = {name: value for name, value in theirs.get_config().items() if name != "dtype"}
        assert written.items() <= ours.get_config().items()


NEWER_OPERATIONS: dict[str, tuple[tuple[int, ...], dict[str, Any]]] = {
    "column_stack": ((5,), {}),
    "copysign": ((3, 4), {}),
    "cov": ((3, 5), {}),
    "float_power": ((3, 4), {}),
    "gammainc": ((3, 4), {}),
    "lgamma": ((3, 4), {}),
    "matrix_power": ((2, 3, 3), {"n": 3}),
}


if all(hasattr(keras.ops, name) for name in NEWER_OPERATIONS):

    @pytest.mark.parametrize("name", NEWER_OPERATIONS)
    def test_operations_of_keras_3_16(name: str, tmp_path: Path) -> None:
        """Eagerly and in a graph that it saved."""
        shape, keywords = NEWER_OPERATIONS[name]
        rng = np.random.default_rng(3)
        count = {"cov": 1, "lgamma": 1, "matrix_power": 1}.get(name, 2)
        values = [rng.uniform(0.2, 2.0, shape).astype("float32") for _ in range(count)]
        values[-1] = values[-1] * (np.sign(rng.standard_normal(shape)).astype("float32") if name == "copysign" else 1)
        given = [values] if name == "column_stack" else values
        theirs, ours = getattr(keras.ops, name), getattr(ops, name)
        expected = np.asarray(keras.ops.convert_to_numpy(theirs(*given, **keywords)))
        tensors = [[*map(torch.tensor, values)]] if name == "column_stack" else [*map(torch.tensor, values)]
        assert_close(ours(*tensors, **keywords), expected, "float32 model", name)
        inputs = [layers.Input(batch_shape=shape) for _ in values]
        model = keras.Model(
            inputs if count > 1 else inputs[0], theirs(*([inputs] if name == "column_stack" else inputs), **keywords)
        )
        model.save(tmp_path / "model.keras")
        read = load_model(tmp_path / "model.keras")
        assert_close(predicted(read, values), expected, "float32 model", name)
        read.save(tmp_path / "again.keras")
        assert_close(
            predicted(keras.models.load_model(tmp_path / "again.keras"), values), expected, "float32 model", name
        )
