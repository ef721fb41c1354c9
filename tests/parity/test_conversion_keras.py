"""Files that Keras 3 writes here and now, against what the model that wrote them predicts."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import torch

from tests.parity.conversion_models import BATCH, FEATURES, TIME, our_answer, random_layers, randomize
from tests.parity.precision import float64
from tests.tolerances import FLOAT32_ERROR_RATIO, TOLERANCES, assert_close
from torch_keras_lstm.conversion import inspect, load_model, save_record, verify
from torch_keras_lstm.layers import Bidirectional

CONTAINERS = ("keras", "h5", "json")

# Keras' own variables, when Keras writes them
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")


@pytest.fixture(autouse=True)
def _float64() -> Iterator[None]:
    with float64(keras):
        yield


def _save(model: Any, folder: Path, container: str) -> tuple[Path, Path | None]:
    if container == "json":
        (folder / "m.json").write_text(model.to_json())
        model.save_weights(folder / "m.weights.h5")
        return folder / "m.json", folder / "m.weights.h5"
    model.save(folder / f"m.{container}")
    return folder / f"m.{container}", None


@cache
def _random_model(seed: int) -> tuple[Any, Any, Any]:
    """A model, inputs, and what it says of them: made once for all containers."""
    random = np.random.default_rng(seed)
    start, layers, x = random_layers(keras, random)
    model = keras.Sequential([start, *layers])
    randomize(model, random)
    return model, x, np.asarray(model(x))


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("seed", range(10))
def test_random_sequential_models(tmp_path: Path, seed: int, container: str) -> None:
    model, x, expected = _random_model(seed)
    assert_close(our_answer(x, *_save(model, tmp_path, container)), expected, "float64")


@pytest.mark.parametrize("container", CONTAINERS)
def test_functional_chains(tmp_path: Path, container: str) -> None:
    random = np.random.default_rng(3)
    start = keras.layers.Input((TIME, FEATURES), name="z_in")
    outputs = keras.layers.LSTM(4, name="b")(keras.layers.LSTM(5, return_sequences=True, name="c")(start))
    model = keras.Model(start, keras.layers.Dense(2, name="a")(outputs))
    randomize(model, random)
    x = random.normal(size=(BATCH, TIME, FEATURES))
    assert_close(our_answer(x, *_save(model, tmp_path, container)), np.asarray(model(x)), "float64")


@pytest.mark.parametrize("container", CONTAINERS)
def test_a_frozen_half_does_not_swap_the_directions(tmp_path: Path, container: str) -> None:
    random = np.random.default_rng(4)
    model = keras.Sequential([keras.Input((TIME, FEATURES)), keras.layers.Bidirectional(keras.layers.LSTM(4))])
    model.layers[0].forward_layer.trainable = False
    randomize(model, random)
    x = random.normal(size=(BATCH, TIME, FEATURES))
    paths = _save(model, tmp_path, container)
    assert_close(our_answer(x, *paths), np.asarray(model(x)), "float64")
    converted = load_model(*paths).get_layer(index=0)
    assert isinstance(converted, Bidirectional)
    assert converted.backward_layer.trainable


@pytest.mark.parametrize("container", ["keras", "h5"])
def test_a_trained_model_leaves_its_optimizer(tmp_path: Path, container: str) -> None:
    random = np.random.default_rng(5)
    model = keras.Sequential([keras.Input((TIME, FEATURES)), keras.layers.LSTM(4), keras.layers.Dense(1)])
    model.compile("adam", "mse", metrics=["mae"])
    x = random.normal(size=(BATCH, TIME, FEATURES))
    model.fit(x, random.normal(size=(BATCH, 1)), epochs=2, verbose=0)
    path, _ = _save(model, tmp_path, container)
    assert_close(our_answer(x, path), np.asarray(model(x)), "float64")
    report = inspect(path)
    assert (report.written_by, report.problem) == (f"Keras 3 ({keras.__version__})", None)
    assert report.parameters == model.count_params()
    assert report.left["optimizer"] == len(model.optimizer.variables)


def test_more_than_ten_siblings(tmp_path: Path) -> None:
    random = np.random.default_rng(6)
    lstms = [keras.layers.LSTM(3, return_sequences=True) for _ in range(12)]
    model = keras.Sequential([keras.Input((TIME, 3)), *lstms])
    randomize(model, random)
    x = random.normal(size=(BATCH, TIME, 3))
    for container in CONTAINERS:
        assert_close(our_answer(x, *_save(model, tmp_path, container)), np.asarray(model(x)), "float64")


def test_long_lists_of_names_are_chunked(tmp_path: Path) -> None:
    names = [f"{'long' * 50}_{index}" for index in range(330)]
    model = keras.Sequential([keras.Input((2,)), *(keras.layers.Activation("tanh", name=name) for name in names)])
    model.save(tmp_path / "m.h5")
    x = np.random.default_rng(7).normal(size=(3, 2))
    assert_close(our_answer(x, tmp_path / "m.h5"), np.asarray(model(x)), "float64")


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "mixed_bfloat16"])
@pytest.mark.parametrize("container", CONTAINERS)
def test_weights_of_low_precision_are_read_exactly(tmp_path: Path, dtype: str, container: str) -> None:
    keras.config.set_dtype_policy(dtype)
    random = np.random.default_rng(8)
    lstm = keras.layers.LSTM(4, recurrent_initializer="glorot_uniform")  # TensorFlow has no QR of bfloat16
    model = keras.Sequential([keras.Input((TIME, FEATURES)), lstm])
    model.set_weights([random.normal(size=weight.shape) for weight in model.get_weights()])
    converted = load_model(*_save(model, tmp_path, container))
    for ours, theirs in zip(converted.get_weights(), model.get_weights(), strict=True):
        assert np.array_equal(ours.astype("f4"), np.asarray(theirs, "f4"))
    notes = inspect(*_save(model, tmp_path, container)).notes
    assert [dtype in note for note in notes] == ([True] if dtype.startswith("mixed") else [])


def test_float32_files_err_no_more_than_keras(tmp_path: Path) -> None:
    random = np.random.default_rng(9)
    exact = keras.Sequential(
        [keras.Input((40, 8)), keras.layers.LSTM(16, return_sequences=True), keras.layers.LSTM(12)]
    )
    keras.config.set_dtype_policy("float32")
    single = keras.Sequential(
        [keras.Input((40, 8)), keras.layers.LSTM(16, return_sequences=True), keras.layers.LSTM(12)]
    )
    weights = [random.normal(0.0, 0.4, weight.shape).astype("f4") for weight in exact.get_weights()]
    exact.set_weights(weights)
    single.set_weights(weights)
    single.save(tmp_path / "m.keras")
    x = random.normal(size=(16, 40, 8)).astype("f4")
    truth = np.asarray(exact(x.astype("f8")))
    keras_error = np.abs(np.asarray(single(x)) - truth).max()
    assert np.abs(our_answer(x, tmp_path / "m.keras") - truth).max() <= FLOAT32_ERROR_RATIO * keras_error


def test_stateful_models(tmp_path: Path) -> None:
    random = np.random.default_rng(10)
    model = keras.Sequential([keras.Input(batch_shape=(BATCH, TIME, FEATURES)), keras.layers.LSTM(4, stateful=True)])
    randomize(model, random)
    model.save(tmp_path / "m.keras")
    converted = load_model(tmp_path / "m.keras")
    for _ in range(3):
        x = random.normal(size=(BATCH, TIME, FEATURES))
        assert_close(converted(torch.from_numpy(x)).detach(), np.asarray(model(x)), "float64")


@pytest.mark.slow
def test_verify_runs_keras_and_keeps_its_answers(tmp_path: Path) -> None:
    keras.config.set_dtype_policy("float32")
    keras.config.set_floatx("float32")
    random = np.random.default_rng(11)
    model = keras.Sequential(
        [keras.Input((None, FEATURES)), keras.layers.Masking(0.5), keras.layers.LSTM(4, return_sequences=True)]
    )
    randomize(model, random)
    for container in CONTAINERS:
        path, weights = _save(model, tmp_path, container)
        live = verify(path, weights=weights)
        assert live.agrees(TOLERANCES["float32 model"])
        save_record(path, tmp_path / "record.npz", weights=weights)
        recorded = verify(path, record=tmp_path / "record.npz", weights=weights)
        assert recorded == live


def test_layers_that_are_not_supported_are_all_named(tmp_path: Path) -> None:
    model = keras.Sequential(
        [
            keras.Input((TIME, FEATURES)),
            keras.layers.TorchModuleWrapper(torch.nn.Identity(), name="first"),
            keras.layers.Dense(2),
            keras.layers.TorchModuleWrapper(torch.nn.Identity(), name="second"),
        ]
    )
    for container in CONTAINERS:
        with pytest.raises(
            ValueError,
            match=r"not supported: TorchModuleWrapper \(layer `first`\).*TorchModuleWrapper \(layer `second`",
        ):
            load_model(*_save(model, tmp_path, container))
