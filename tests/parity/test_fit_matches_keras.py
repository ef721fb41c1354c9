"""``fit`` against Keras 3 on TensorFlow, run live: the same weights, data and order give the same curves."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

import torch_keras_lstm.layers
import torch_keras_lstm.optimizers
from tests.parity.precision import float64
from tests.tolerances import assert_all_close, assert_close
from torch_keras_lstm.models import Functional, Sequential, load_model

# Keras' optimizers read their learning rate from a float32 variable, so the rate is one that float32 holds exactly.
RATE = 0.125


@pytest.fixture
def double_precision() -> Iterator[None]:
    with float64(keras):
        yield


def sequential(make: Callable[[Any], list[Any]]) -> tuple[Any, Sequential]:
    """The same model in both libraries, with the same weights."""
    theirs, ours = keras.Sequential(make(keras.layers)), Sequential(make(torch_keras_lstm.layers))
    return theirs, with_weights_of(theirs, ours)


def with_weights_of(theirs: Any, ours: Any) -> Any:
    rng = np.random.default_rng(3)
    theirs.set_weights([weight + rng.normal(scale=0.1, size=weight.shape) for weight in theirs.get_weights()])
    ours.set_weights(theirs.get_weights())
    return ours


def assert_same_curves(theirs: Any, ours: Any, tolerance: str, *args: Any, **kwargs: Any) -> dict[str, list[float]]:
    """Fit both and compare every value of every epoch, and the weights at the end."""
    expected = theirs.fit(*args, shuffle=False, verbose=0, **kwargs).history
    got: dict[str, list[float]] = ours.fit(*args, shuffle=False, verbose=0, **kwargs).history
    assert list(got) == list(expected)
    for name, values in expected.items():
        for epoch, (mine, theirs_value) in enumerate(zip(got[name], values, strict=True)):
            assert_close([mine], [theirs_value], tolerance, f"{name} of epoch {epoch}")
    names = [f"{index} {weight.path}" for index, weight in enumerate(theirs.weights)]
    assert_all_close(
        dict(zip(names, ours.get_weights(), strict=True)),
        dict(zip(names, theirs.get_weights(), strict=True)),
        tolerance,
    )
    return got


def test_first_script_in_single_precision() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.random((100, 10, 5)), rng.integers(0, 2, (100, 1))
    theirs, ours = sequential(
        lambda layers: [
            layers.Input((10, 5)),
            layers.LSTM(50, activation="tanh", return_sequences=True),
            layers.LSTM(30, activation="tanh"),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    for model in (theirs, ours):
        model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
    assert_same_curves(theirs, ours, "float32 curve", x, y, epochs=10, batch_size=16)
    assert_close(ours.evaluate(x, y, verbose=0), theirs.evaluate(x, y, verbose=0), "float32 curve")
    assert_close(ours.predict(x, verbose=0), theirs.predict(x, verbose=0), "float32 curve")


@pytest.mark.usefixtures("double_precision")
def test_masks_and_weights_of_steps() -> None:
    """A hundred steps on padded sequences: the mask of the output weighs loss and metrics, with and without weights."""
    rng = np.random.default_rng(1)
    x, y = rng.integers(0, 9, (20, 7)), rng.normal(size=(20, 7, 2))
    x[:, 0] = 3  # an empty row has no mean
    weights = rng.random((20, 7))
    theirs, ours = sequential(
        lambda layers: [
            layers.Input((7,), dtype="int32"),
            layers.Embedding(9, 4, mask_zero=True, dtype="float64"),
            layers.Bidirectional(layers.LSTM(3, return_sequences=True, dtype="float64"), dtype="float64"),
            layers.LSTM(5, return_sequences=True, dtype="float64"),
            layers.TimeDistributed(layers.Dense(2, dtype="float64"), dtype="float64"),
        ]
    )
    theirs.compile(keras.optimizers.SGD(RATE), "mse", metrics=["mse"], weighted_metrics=["mse"])
    ours.compile(our_sgd(), "mse", metrics=["mse"], weighted_metrics=["mse"])
    validation = (x[:8], y[:8], weights[:8])
    got = assert_same_curves(
        theirs, ours, "float64 curve", x, y, batch_size=5, epochs=20, sample_weight=weights, validation_data=validation
    )
    assert set(got) == {"loss", "mse", "weighted_mse", "val_loss", "val_mse", "val_weighted_mse"}
    assert_same_curves(theirs, ours, "float64 curve", x, y, batch_size=4, epochs=1)


@pytest.mark.usefixtures("double_precision")
def test_class_weights_regularizers_and_constraints() -> None:
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(25, 6, 3)), rng.integers(0, 2, 25)
    penalties = {
        "kernel_constraint": "max_norm",
        "recurrent_constraint": "unit_norm",
        "bias_constraint": "non_neg",
        "kernel_regularizer": "l2",
        "recurrent_regularizer": "l1",
        "bias_regularizer": "L1L2",
        "activity_regularizer": "l2",
        "dtype": "float64",
    }
    theirs, ours = sequential(
        lambda layers: [
            layers.Input((6, 3), dtype="float64"),
            layers.LSTM(4, **penalties),
            layers.Dense(1, activation="sigmoid", dtype="float64"),
        ]
    )
    theirs.compile(keras.optimizers.SGD(RATE), "binary_crossentropy", metrics=["accuracy"])
    ours.compile(our_sgd(), "binary_crossentropy", metrics=["accuracy"])
    # 20 samples in batches of 6, the last of 2: the loss of the epoch counts samples, not batches
    got = assert_same_curves(
        theirs, ours, "float64 curve", x, y, batch_size=6, epochs=25, class_weight={0: 0.5, 1: 2.0},
        validation_split=0.2, validation_batch_size=3, validation_freq=5,
    )  # fmt: skip
    assert len(got["loss"]) == 25
    assert len(got["val_loss"]) == 5


def our_sgd() -> Any:
    from torch_keras_lstm.optimizers import SGD

    return SGD(RATE)


def two_outputs() -> tuple[Any, Functional]:
    dtype = {"dtype": "float64"}
    steps = keras.Input((5, 3), name="steps", **dtype)
    extra = keras.Input((2,), name="extra", **dtype)
    hidden = keras.layers.LSTM(4, **dtype)(steps)
    joined = keras.layers.Concatenate(**dtype)([hidden, extra])
    wide = keras.layers.Dense(3, name="wide", **dtype)(joined)
    yes = keras.layers.Dense(1, activation="sigmoid", name="yes", **dtype)(joined)
    theirs = keras.Model([steps, extra], [wide, yes])
    ours = Functional.from_config(theirs.get_config())
    ours.build()
    return theirs, with_weights_of(theirs, ours)


@pytest.mark.usefixtures("double_precision")
def test_several_outputs() -> None:
    rng = np.random.default_rng(4)
    x = {"steps": rng.normal(size=(16, 5, 3)), "extra": rng.normal(size=(16, 2))}
    y = [rng.normal(size=(16, 3)), rng.integers(0, 2, (16, 1)).astype(float)]
    weights = [rng.random(16), rng.random(16)]
    theirs, ours = two_outputs()
    settings: dict[str, Any] = {
        "loss": {"wide": "mse", "yes": "binary_crossentropy"},
        "loss_weights": {"wide": 0.5, "yes": 2.0},
        "metrics": {"yes": ["accuracy", "mse"]},
        "weighted_metrics": {"wide": ["mse"], "yes": ["mse"]},
    }
    theirs.compile(keras.optimizers.SGD(RATE), **settings)
    ours.compile(our_sgd(), **settings)
    got = assert_same_curves(
        theirs, ours, "float64 curve", x, y, batch_size=6, epochs=10, sample_weight=weights, validation_data=(x, y)
    )
    assert "wide_loss" in got
    assert "val_yes_weighted_mse" in got
    expected = theirs.evaluate(x, y, verbose=0)
    assert_close(ours.evaluate(x, y, verbose=0), expected, "float64 curve")
    for mine, keras_prediction in zip(ours.predict(x, verbose=0), theirs.predict(x, verbose=0), strict=True):
        assert_close(mine, keras_prediction, "float64")


@pytest.mark.usefixtures("double_precision")
def test_tokens_that_a_batch_repeats() -> None:
    """Keras on TensorFlow squares the gradient of each lookup by itself."""
    rng = np.random.default_rng(8)
    x, y = rng.integers(0, 5, (20, 7)), rng.normal(size=(20, 2))
    theirs, ours = sequential(
        lambda layers: [
            layers.Input((7,), dtype="int32"),
            layers.Embedding(5, 4, mask_zero=True, dtype="float64"),
            layers.LSTM(3, dtype="float64"),
            layers.Dense(2, dtype="float64"),
        ]
    )
    theirs.compile(keras.optimizers.Adam(RATE), "mse")
    ours.compile(torch_keras_lstm.optimizers.Adam(RATE), "mse")
    assert_same_curves(theirs, ours, "float64 curve", x, y, batch_size=5, epochs=5)


@pytest.mark.filterwarnings("ignore:__array__ implementation doesn:DeprecationWarning")  # Keras with NumPy 2
@pytest.mark.parametrize("name", ["m.keras", "m.h5"])
def test_a_model_of_keras_goes_on_where_it_was(tmp_path: Path, double_precision: None, name: str) -> None:
    rng = np.random.default_rng(9)
    x, y = rng.normal(size=(20, 6, 3)), rng.normal(size=(20, 2))
    make = [keras.Input((6, 3)), keras.layers.LSTM(4, dtype="float64"), keras.layers.Dense(2, dtype="float64")]
    theirs = keras.Sequential(make)
    theirs.compile(keras.optimizers.Adam(RATE), "mse", metrics=["mae"])
    theirs.fit(x, y, batch_size=5, epochs=3, shuffle=False, verbose=0)
    theirs.save(tmp_path / name)
    ours = load_model(tmp_path / name)
    assert_same_curves(theirs, ours, "float64 curve", x, y, batch_size=5, epochs=5)


def small() -> tuple[Any, Sequential]:
    dtype = {"dtype": "float64"}
    theirs, ours = sequential(
        lambda layers: [layers.Input((3, 2), **dtype), layers.LSTM(3, **dtype), layers.Dense(1, **dtype)]
    )
    theirs.compile(keras.optimizers.SGD(RATE), "mse", metrics=["mae"])
    ours.compile(our_sgd(), "mse", metrics=["mae"])
    return theirs, ours


@pytest.mark.usefixtures("double_precision")
@pytest.mark.parametrize("source", ["arrays", "loader"])
def test_each_validation_of_some_steps_begins_anew(source: str) -> None:
    rng = np.random.default_rng(6)
    x, y = rng.normal(size=(10, 3, 2)), rng.normal(size=(10, 1))
    histories = []
    for model in small():
        validation: Any = (x, y)
        if source == "loader":
            validation = DataLoader(TensorDataset(torch.tensor(x), torch.tensor(y)), batch_size=3)
        fitted = model.fit(
            x,
            y,
            epochs=3,
            validation_data=validation,
            validation_steps=2,
            validation_batch_size=3,
            shuffle=False,
            verbose=0,
        )
        histories.append(fitted.history)
    assert_all_close(histories[1], histories[0], "float64 curve")


@pytest.mark.usefixtures("double_precision")
def test_inputs_by_name_that_the_model_does_not_take() -> None:
    rng = np.random.default_rng(4)
    x = {"steps": rng.normal(size=(8, 5, 3)), "extra": rng.normal(size=(8, 2)), "more": rng.normal(size=(8, 7))}
    y = [rng.normal(size=(8, 3)), rng.integers(0, 2, (8, 1)).astype(float)]
    theirs, ours = two_outputs()
    theirs.compile(keras.optimizers.SGD(RATE), "mse")
    ours.compile(our_sgd(), "mse")
    assert_same_curves(theirs, ours, "float64 curve", x, y, epochs=2)
