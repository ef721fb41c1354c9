"""A model trained here and saved goes on, in Keras 3 and when it is loaded here, on the curve that it would follow."""

import io
import zipfile
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest

from tests.parity.precision import float64
from tests.tolerances import assert_close
from torch_keras_lstm import losses, metrics, optimizers
from torch_keras_lstm.layers import GRU, LSTM, Bidirectional, Dense, Input, Masking
from torch_keras_lstm.models import Functional, Model, Sequential, load_model
from torch_keras_lstm.optimizers import schedules

BATCH, TIME, FEATURES, STEPS = 6, 2, 3, 3

# Keras' own variables, when Keras writes or reads them; what it says of HDF5 and of metrics that are not built yet
pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file:UserWarning"),
]

OPTIMIZERS: dict[str, dict[str, Any]] = {
    "sgd": {"class_name": "SGD", "config": {"learning_rate": 0.125}},
    "momentum": {"class_name": "SGD", "config": {"learning_rate": 0.125, "momentum": 0.5, "nesterov": True}},
    "adam": {"class_name": "Adam", "config": {"learning_rate": 0.0625}},
    "amsgrad": {"class_name": "Adam", "config": {"learning_rate": 0.0625, "amsgrad": True, "clipnorm": 0.5}},
    "adamw": {"class_name": "AdamW", "config": {"learning_rate": 0.0625, "weight_decay": 0.125}},
    "adamax": {"class_name": "Adamax", "config": {"learning_rate": 0.0625}},
    "nadam": {"class_name": "Nadam", "config": {"learning_rate": 0.0625}},
    "rmsprop": {"class_name": "RMSprop", "config": {"learning_rate": 0.0625, "momentum": 0.5, "centered": True}},
    "adagrad": {"class_name": "Adagrad", "config": {"learning_rate": 0.125}},
    "adadelta": {"class_name": "Adadelta", "config": {"learning_rate": 1.0}},
    "ftrl": {"class_name": "Ftrl", "config": {"learning_rate": 0.125, "l1_regularization_strength": 0.001}},
    "lion": {"class_name": "Lion", "config": {"learning_rate": 0.0625}},
    "adafactor": {"class_name": "Adafactor", "config": {"learning_rate": 0.125}},
    "lamb": {"class_name": "Lamb", "config": {"learning_rate": 0.125}},
    "muon": {"class_name": "Muon", "config": {"learning_rate": 0.125, "exclude_layers": ["gru"]}},
    "schedule-free": {"class_name": "ScheduleFreeAdamW", "config": {"learning_rate": 0.125, "warmup_steps": 5}},
    "loss scale": {
        "class_name": "LossScaleOptimizer",
        "config": {
            "inner_optimizer": {"class_name": "Adam", "config": {"learning_rate": 0.125}},
            "initial_scale": 4.0,
            "dynamic_growth_steps": 5,
        },
    },
    "several": {
        "class_name": "MultiOptimizer",
        "config": {
            "optimizer_map": {
                "class_name": "OptimizerMap",
                "config": {
                    "default_optimizer": {"class_name": "Adam", "config": {"learning_rate": 0.125}},
                    "optimizer_map": {
                        ".*gru.*": {"class_name": "SGD", "config": {"learning_rate": 0.125, "momentum": 0.5}},
                        ".*nothing.*": {"class_name": "SGD", "config": {"learning_rate": 0.25}},
                    },
                },
            }
        },
    },
    "averages": {"class_name": "Adam", "config": {"learning_rate": 0.0625, "use_ema": True}},
    "sums": {"class_name": "SGD", "config": {"learning_rate": 0.125, "gradient_accumulation_steps": 2}},
}
SCHEDULES = [
    schedules.ExponentialDecay(0.125, 2, 0.5),
    schedules.InverseTimeDecay(0.125, 2, 0.5),
    schedules.PolynomialDecay(0.125, 6, power=2.0),
    schedules.PiecewiseConstantDecay([2, 5], [0.125, 0.0625, 0.25]),
    schedules.CosineDecay(0.125, 7, warmup_target=0.25, warmup_steps=2),
    schedules.CosineDecayRestarts(0.125, 4),
]
CASES = OPTIMIZERS | {
    type(rate).__name__: {"class_name": "Adam", "config": {"learning_rate": schedules.serialize(rate)}}
    for rate in SCHEDULES
}


def stack() -> Model:
    """Weights that are frozen, weights that are two parameters here, and both halves of a Bidirectional."""
    dtype: dict[str, Any] = {"dtype": "float64"}
    return Sequential(
        [
            Input((TIME, FEATURES), **dtype),
            Masking(**dtype),
            Bidirectional(LSTM(2, return_sequences=True, **dtype), **dtype),
            Dense(5, activation="tanh", trainable=False, **dtype),
            GRU(3, **dtype),
            Dense(1, **dtype),
        ]
    )


def data() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(21)
    x = rng.normal(size=(2 * BATCH, TIME, FEATURES))
    x[1, 1:] = 0
    return x, rng.normal(size=(2 * BATCH, 1))


def further(model: Any) -> list[float]:
    """The losses of further epochs."""
    history = model.fit(*data(), batch_size=BATCH, epochs=STEPS, shuffle=False, verbose=0).history
    return [*history["loss"]]


def trained(optimizer: Any) -> Model:
    model = stack()
    model.compile(optimizer, "mean_squared_error", metrics=["mae"], run_eagerly=True)
    model.fit(*data(), batch_size=BATCH, epochs=3, shuffle=False, verbose=0)
    return model


def assert_same(curves: list[list[float]]) -> None:
    expected, *others = curves
    for got in others:
        for step, (mine, wanted) in enumerate(zip(got, expected, strict=True)):
            assert_close([mine], [wanted], "float64 curve", f"loss of step {step}")


@pytest.mark.parametrize("name", CASES)
def test_keras(tmp_path: Path, name: str) -> None:
    with float64(keras):
        ours = trained(CASES[name])
        ours.save(tmp_path / "m.keras")
        theirs = keras.models.load_model(tmp_path / "m.keras")
        assert theirs.optimizer.iterations.numpy() == ours.optimizer.iterations > 0
        again = load_model(tmp_path / "m.keras")
        curves = [further(model) for model in (ours, theirs, again)]
    assert_same(curves)
    for mine, weight in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        assert_close(mine, weight, "float64 curve")


@pytest.mark.parametrize("name", ["momentum", "nadam", "averages", "ExponentialDecay"])
def test_h5(tmp_path: Path, name: str) -> None:
    """Keras 3.15 builds the optimizer of an ``.h5`` file without the model's weights, and then cannot use it.

    So it is made from the file's configuration here, and given the file's arrays in the file's order.
    """
    with float64(keras):
        ours = trained(CASES[name])
        ours.save(tmp_path / "m.h5")
        theirs = keras.models.load_model(tmp_path / "m.h5")
        assert theirs.compiled
        optimizer = type(theirs.optimizer).from_config(theirs.optimizer.get_config())
        optimizer.build(theirs.trainable_variables)
        with h5py.File(tmp_path / "m.h5") as file:
            group = file["optimizer_weights"]
            arrays = [group[stored][()] for stored in group.attrs["weight_names"]]
        for variable, array in zip(optimizer.variables, arrays, strict=True):
            variable.assign(array)
        theirs.compile(optimizer, "mean_squared_error", run_eagerly=True)
        again = load_model(tmp_path / "m.h5")
        curves = [further(model) for model in (ours, theirs, again)]
    assert_same(curves)


@pytest.mark.parametrize("name", ["amsgrad", "nadam", "averages", "CosineDecay"])
def test_a_folder(tmp_path: Path, name: str) -> None:
    ours = trained(CASES[name])
    ours.save(tmp_path / "m")
    again = load_model(tmp_path / "m")
    assert further(again) == further(ours)


@pytest.mark.parametrize("ending", [".keras", ".h5"])
def test_the_arrays_are_those_that_keras_writes(tmp_path: Path, ending: str) -> None:
    """The same training in Keras: the same groups, attributes and arrays, apart from the order of summation."""
    with float64(keras):
        ours = trained(CASES["amsgrad"])
        theirs = keras.Sequential.from_config(ours.get_config())
        theirs.build((None, TIME, FEATURES))
        theirs.set_weights(ours.get_weights())
        both = []
        for model, package in ((ours, optimizers), (theirs, keras.optimizers)):
            model.compile(package.get(CASES["amsgrad"]), "mean_squared_error", metrics=["mae"], run_eagerly=True)
            further(model)
            model.save(tmp_path / f"m{ending}")
            both.append(optimizer_arrays(tmp_path / f"m{ending}"))
    ours_saved, theirs_saved = both
    assert len(ours_saved) == len(theirs_saved) > 2
    for place, (mine, wanted) in enumerate(zip(ours_saved, theirs_saved, strict=True)):
        assert mine.dtype == wanted.dtype
        assert_close(mine, wanted, "float64 curve", f"array {place}")


def optimizer_arrays(path: Path) -> list[np.ndarray]:
    if path.suffix == ".h5":
        with h5py.File(path) as file:
            group = file["optimizer_weights"]
            return [group[name][()] for name in group.attrs["weight_names"]]
    with zipfile.ZipFile(path) as archive, h5py.File(io.BytesIO(archive.read("model.weights.h5"))) as file:
        group = file["optimizer/vars"]
        return [group[str(number)][()] for number in range(len(group))]


def own(y_true: Any, y_pred: Any) -> Any:
    return ((y_true - y_pred) ** 2).mean(-1)


def own_in_keras(y_true: Any, y_pred: Any) -> Any:
    return keras.ops.mean((y_true - y_pred) ** 2, -1)


def test_objects_and_functions_of_ones_own(tmp_path: Path) -> None:
    with float64(keras):
        ours = stack()
        ours.compile(
            optimizers.Adam(0.0625),
            own,
            metrics=[own, metrics.AUC(num_thresholds=5, name="auc")],
            weighted_metrics=[metrics.MeanSquaredError],
            run_eagerly=True,
        )
        ours.fit(*data(), batch_size=BATCH, epochs=1, shuffle=False, verbose=0)
        ours.save(tmp_path / "m.keras")
        theirs = keras.models.load_model(tmp_path / "m.keras", custom_objects={"own": own_in_keras})
        again = load_model(tmp_path / "m.keras", custom_objects={"own": own})
        curves = [further(model) for model in (ours, theirs, again)]
    assert_same(curves)
    assert {"auc", "own", "mean_squared_error"} <= again.history.history.keys()  # type: ignore[union-attr]
    with pytest.raises(ValueError, match=r"`loss`.*'own'.*One of your own goes into `custom_objects`"):
        load_model(tmp_path / "m.keras").fit(*data(), verbose=0)


def test_several_outputs(tmp_path: Path) -> None:
    with float64(keras):
        start = Input((TIME, FEATURES), dtype="float64")
        hidden = LSTM(3, dtype="float64")(start)
        outputs = [Dense(2, name="wide", dtype="float64")(hidden), Dense(1, name="thin", dtype="float64")(hidden)]
        ours = Functional(start, outputs)
        x, y = data()
        targets = {"wide": np.concatenate([y, -y], 1), "thin": y}
        ours.compile(
            optimizers.Adam(0.0625),
            {"wide": losses.Huber(0.5), "thin": "mean_absolute_error"},
            run_eagerly=True,
            loss_weights={"wide": 2.0, "thin": 0.5},
            metrics={"thin": ["mean_squared_error"], "wide": []},
        )
        ours.fit(x, targets, epochs=2, shuffle=False, verbose=0)
        ours.save(tmp_path / "m.keras")
        models = (ours, keras.models.load_model(tmp_path / "m.keras"), load_model(tmp_path / "m.keras"))
        histories = [model.fit(x, targets, epochs=4, shuffle=False, verbose=0).history for model in models]
    for name, expected in histories[1].items():
        for got in (histories[0], histories[2]):
            assert_close(got[name], expected, "float64 curve", name)


def test_a_model_that_was_compiled_and_not_trained(tmp_path: Path) -> None:
    with float64(keras):
        ours = stack()
        ours.compile(optimizers.Adam(0.0625), "mean_squared_error")
        ours.save(tmp_path / "m.keras")
        # Keras says so of its own files, too
        with pytest.warns(UserWarning, match="Skipping variable loading for optimizer"):
            theirs = keras.models.load_model(tmp_path / "m.keras")
        again = load_model(tmp_path / "m.keras")
        curves = [further(model) for model in (ours, theirs, again)]
    assert_same(curves)


def test_weights_bring_the_state_of_an_optimizer_that_has_begun(tmp_path: Path) -> None:
    """Here and in Keras the same; one that has not begun is left as it is."""
    with float64(keras):
        ours = trained(CASES["adam"])
        ours.save(tmp_path / "m.keras")
        ours.save_weights(tmp_path / "m.weights.h5")
        theirs = keras.models.load_model(tmp_path / "m.keras")
        for model in (ours, theirs):
            further(model)
            model.load_weights(tmp_path / "m.weights.h5")
        assert theirs.optimizer.iterations.numpy() == ours.optimizer.iterations == 6
        curves = [further(model) for model in (ours, theirs)]
    assert_same(curves)
    fresh = stack()
    fresh.compile("adam", "mean_squared_error")
    fresh.load_weights(tmp_path / "m.weights.h5")
    assert not fresh.optimizer.built
    other = stack()
    other.compile("sgd", "mean_squared_error")
    further(other)
    with pytest.warns(UserWarning, match=r"2 arrays are expected .* has \d+\..*The optimizer stays as it is"):
        other.load_weights(tmp_path / "m.weights.h5")
