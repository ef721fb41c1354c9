"""Callbacks against Keras 3 on TensorFlow, run live: which are called when, with which logs, and what they do."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import torch_keras_lstm.callbacks
import torch_keras_lstm.layers
from tests.parity.precision import float64
from tests.tolerances import assert_close
from torch_keras_lstm.models import Sequential

# What Keras asks NumPy for when it reads its learning rate.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

RNG = np.random.default_rng(7)
X, Y = RNG.normal(size=(14, 3)), RNG.integers(0, 2, (14, 1)).astype(float)
# With targets of another rule than those of training, validation gets worse as training goes on.
VALIDATION = (RNG.normal(size=(9, 3)), RNG.integers(0, 2, (9, 1)).astype(float))
WEIGHTS = [RNG.normal(size=(3, 1)), RNG.normal(size=1)]


@pytest.fixture(autouse=True)
def _double_precision() -> Iterator[None]:
    with float64(keras):
        yield


def models(**settings: Any) -> tuple[Any, Sequential]:
    """A logistic regression in both libraries."""
    theirs = keras.Sequential([keras.layers.Input((3,)), keras.layers.Dense(1, activation="sigmoid")])
    ours = Sequential(
        [torch_keras_lstm.layers.Dense(1, activation="sigmoid", input_shape=(3,), dtype="float64", name="dense")]
    )
    for model in (theirs, ours):
        model.set_weights(WEIGHTS)
        model.compile(optimizer="sgd", loss="binary_crossentropy", metrics=["accuracy"], **settings)
    return theirs, ours


def recorder(base: type, record: list[Any]) -> Any:
    """A callback that notes every call: its name, number and logs."""

    def note(name: str) -> Callable[..., None]:
        def method(self: Any, *args: Any, **kwargs: Any) -> None:
            *number, logs = [*args, *kwargs.values()]
            record.append((name, tuple(number), dict(logs or {})))

        return method

    hooks = [f"{step}_{end}" for step in ("train", "test", "predict") for end in ("begin", "end")]
    hooks += [f"{step}_batch_{end}" for step in ("train", "test", "predict") for end in ("begin", "end")]
    hooks += ["epoch_begin", "epoch_end"]
    return type("Recorder", (base,), {f"on_{hook}": note(f"on_{hook}") for hook in hooks})()


def assert_same_records(got: list[Any], expected: list[Any]) -> None:
    assert [entry[:2] for entry in got] == [entry[:2] for entry in expected]
    for (name, _, logs), (_, _, their_logs) in zip(got, expected, strict=True):
        assert list(logs) == list(their_logs), name
        for key, value in their_logs.items():
            assert_close(np.asarray(logs[key]), np.asarray(value), "float64 curve", f"{key} at {name}")


@pytest.mark.parametrize("together", [1, 2])
def test_calls_and_logs(together: int) -> None:
    theirs, ours = models(steps_per_execution=together)
    records: list[list[Any]] = [[], []]
    for model, callbacks, record in (
        (theirs, keras.callbacks, records[0]),
        (ours, torch_keras_lstm.callbacks, records[1]),
    ):
        callback = recorder(callbacks.Callback, record)
        fit: dict[str, Any] = {"batch_size": 5, "epochs": 3, "shuffle": False, "verbose": 0, "callbacks": [callback]}
        model.fit(X, Y, validation_data=VALIDATION, validation_freq=2, initial_epoch=1, **fit)
        model.evaluate(X, Y, batch_size=5, verbose=0, callbacks=[callback])
        if together == 1:  # Keras then joins the outputs of several batches
            model.predict(X, batch_size=5, verbose=0, callbacks=[callback])
    assert_same_records(records[1], records[0])


def fit_both(make: Callable[[Any, str], Any], epochs: int = 12) -> tuple[Any, Any, list[Any]]:
    """Both histories and the callbacks after a training in which validation gets worse."""
    theirs, ours = models()
    theirs.optimizer.learning_rate = ours.optimizer.learning_rate = 0.5
    histories, made = [], []
    for model, callbacks, side in ((theirs, keras.callbacks, "theirs"), (ours, torch_keras_lstm.callbacks, "ours")):
        callback = make(callbacks, side)
        history = model.fit(
            X, Y, batch_size=5, epochs=epochs, shuffle=False, verbose=0, validation_data=VALIDATION,
            callbacks=[callback],
        )  # fmt: skip
        histories.append(history)
        made.append(callback)
    expected, got = histories
    assert list(got.history) == list(expected.history)
    assert got.epoch == expected.epoch
    for name, values in expected.history.items():
        assert_close(got.history[name], values, "float64 curve", name)
    for mine, weight in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        assert_close(mine, weight, "float64 curve", "weights")
    return expected, got, made


@pytest.mark.parametrize(
    "arguments",
    [
        {"patience": 2},
        {"patience": 1, "restore_best_weights": True, "verbose": 1},
        {"patience": 1, "start_from_epoch": 4, "restore_best_weights": True},
        {"monitor": "val_accuracy", "patience": 3, "min_delta": 0.01},
        {"baseline": 0.1, "patience": 3, "restore_best_weights": True},
    ],
    ids=str,
)
def test_early_stopping(arguments: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    expected, _, made = fit_both(lambda callbacks, _: callbacks.EarlyStopping(**arguments))
    assert len(expected.epoch) < 12, "it must stop, or the test proves nothing"
    assert made[0].stopped_epoch == made[1].stopped_epoch
    assert made[0].best_epoch == made[1].best_epoch
    printed = capsys.readouterr().out
    assert printed[: len(printed) // 2] == printed[len(printed) // 2 :]


def test_reduce_lr_on_plateau() -> None:
    arguments = {"factor": 0.3, "patience": 1, "cooldown": 1, "min_lr": 0.02, "min_delta": 1e-3}
    expected, _, _ = fit_both(lambda callbacks, _: callbacks.ReduceLROnPlateau(**arguments))
    rates = expected.history["learning_rate"]
    assert rates[-1] < rates[0] / 3, "the rate must fall twice, or the test proves nothing"


def test_learning_rate_scheduler() -> None:
    _, got, _ = fit_both(
        lambda callbacks, _: callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.9 if epoch else 0.3), epochs=3
    )
    assert len(got.history["learning_rate"]) == 3


def test_csv_logger(tmp_path: Path) -> None:
    """The same bytes, but for the digits after those that both agree on."""
    fit_both(lambda callbacks, side: callbacks.CSVLogger(str(tmp_path / side), separator=";"), epochs=2)
    fit_both(lambda callbacks, side: callbacks.CSVLogger(str(tmp_path / side), separator=";", append=True), epochs=2)
    mine, keras_file = ((tmp_path / side).read_bytes().decode() for side in ("ours", "theirs"))
    number = re.compile(r"\d\.\d+(e-\d+)?")
    assert number.sub("#", mine) == number.sub("#", keras_file)
    assert mine.count("\r\n") == 5
    values = [[float(match.group()) for match in number.finditer(text)] for text in (mine, keras_file)]
    assert_close(values[0], values[1], "float64 curve")


def test_terminate_on_nan(capsys: pytest.CaptureFixture[str]) -> None:
    theirs, ours = models()
    for model, callbacks in ((theirs, keras.callbacks), (ours, torch_keras_lstm.callbacks)):
        model.set_weights([np.full((3, 1), np.nan), np.zeros(1)])
        history = model.fit(X, Y, epochs=3, verbose=0, batch_size=5, callbacks=[callbacks.TerminateOnNaN()])
        assert len(history.epoch) == 1
        with pytest.raises(RuntimeError, match="batch 0"):
            model.fit(X, Y, verbose=0, batch_size=5, callbacks=[callbacks.TerminateOnNaN(raise_error=True)])
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == printed[1] == "Batch 0: Invalid loss, terminating training"


@pytest.mark.parametrize("on_epoch", [False, True])
@pytest.mark.parametrize("scaled", [False, True])
def test_averages_in_the_place_of_weights(on_epoch: bool, scaled: bool) -> None:
    """What is measured, what a callback behind it sees after each epoch, and what is left."""
    theirs, ours = models()
    histories, seen = [], []
    for model, library in ((theirs, keras), (ours, torch_keras_lstm)):
        optimizer = library.optimizers.SGD(0.25, use_ema=True, ema_momentum=0.75)
        if scaled:
            optimizer = library.optimizers.LossScaleOptimizer(optimizer, 4.0)
        model.compile(optimizer, "mean_squared_error", metrics=["mae"])
        weights: list[Any] = []
        look = library.callbacks.LambdaCallback(
            on_epoch_end=lambda epoch, logs, model=model, weights=weights: weights.extend(model.get_weights())
        )
        callbacks = [library.callbacks.SwapEMAWeights(swap_on_epoch=on_epoch), look]
        fit: dict[str, Any] = {"batch_size": 5, "epochs": 3, "shuffle": False, "verbose": 0}
        histories.append(model.fit(X, Y, validation_data=VALIDATION, callbacks=callbacks, **fit).history)
        seen.append([*weights, *model.get_weights()])
    for name, values in histories[0].items():
        assert_close(histories[1][name], values, "float64 curve", name)
    for mine, wanted in zip(seen[1], seen[0], strict=True):
        assert_close(mine, wanted, "float64 curve")


def test_averages_that_are_not_there() -> None:
    _, ours = models()
    with pytest.raises(ValueError, match="SwapEMAWeights must be used when `use_ema=True` is set"):
        ours.evaluate(X, Y, verbose=0, callbacks=[torch_keras_lstm.callbacks.SwapEMAWeights()])


def test_a_value_that_nobody_knows() -> None:
    for model, library in zip(models(), (keras, torch_keras_lstm), strict=True):
        with pytest.raises(ValueError, match=r"(?i)unheard"):
            model.fit(X, Y, verbose=0, callbacks=[library.callbacks.EarlyStopping(monitor="unheard")])
