"""Files that tf_keras writes here and now, against what the model that wrote them predicts."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tf_keras

from tests.parity.conversion_models import BATCH, FEATURES, TIME, our_answer, random_layers, randomize
from tests.parity.precision import float64
from tests.tolerances import TOLERANCES, assert_close
from torch_keras_lstm.conversion import inspect, save_record, verify

CONTAINERS = ("keras", "h5", "json", "json and .weights.h5")


@pytest.fixture(autouse=True)
def _float64() -> Iterator[None]:
    with float64(tf_keras):
        yield


def _save(model: Any, folder: Path, container: str) -> tuple[Path, Path | None]:
    if container.startswith("json"):
        weights = folder / ("m.weights.h5" if "and" in container else "w.h5")
        (folder / "m.json").write_text(model.to_json())
        model.save_weights(weights)
        return folder / "m.json", weights
    model.save(folder / f"m.{container}")
    return folder / f"m.{container}", None


pytestmark = pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")


@cache
def _random_model(seed: int) -> tuple[Any, Any, Any]:
    """A model, inputs, and what it says of them: made once for all containers."""
    random = np.random.default_rng(seed)
    start, layers, x = random_layers(tf_keras, random)
    model = tf_keras.Sequential([start, *layers])
    randomize(model, random)
    return model, x, np.asarray(model(x))


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("seed", range(100, 108))
def test_random_sequential_models(tmp_path: Path, seed: int, container: str) -> None:
    model, x, expected = _random_model(seed)
    assert_close(our_answer(x, *_save(model, tmp_path, container)), expected, "float64")


@pytest.mark.parametrize("container", CONTAINERS)
def test_functional_chains_with_a_mask(tmp_path: Path, container: str) -> None:
    random = np.random.default_rng(3)
    start = tf_keras.layers.Input((TIME, FEATURES), name="z_in")
    masked = tf_keras.layers.Masking(0.5, name="d")(start)
    outputs = tf_keras.layers.LSTM(4, name="b")(tf_keras.layers.LSTM(5, return_sequences=True, name="c")(masked))
    model = tf_keras.Model(start, tf_keras.layers.Dense(2, name="a")(outputs))
    randomize(model, random)
    x = random.normal(size=(BATCH, TIME, FEATURES))
    x[1, 3:] = 0.5
    assert_close(our_answer(x, *_save(model, tmp_path, container)), np.asarray(model(x)), "float64")


@pytest.mark.parametrize("container", CONTAINERS)
def test_a_frozen_half_does_not_swap_the_directions(tmp_path: Path, container: str) -> None:
    random = np.random.default_rng(4)
    layers = tf_keras.layers
    model = tf_keras.Sequential([layers.Input((TIME, FEATURES)), layers.Bidirectional(layers.LSTM(4))])
    model.layers[0].forward_layer.trainable = False
    randomize(model, random)
    x = random.normal(size=(BATCH, TIME, FEATURES))
    assert_close(our_answer(x, *_save(model, tmp_path, container)), np.asarray(model(x)), "float64")


@pytest.mark.parametrize("container", ["keras", "h5"])
def test_a_trained_model_leaves_its_optimizer(tmp_path: Path, container: str) -> None:
    random = np.random.default_rng(5)
    layers = tf_keras.layers
    model = tf_keras.Sequential([layers.Input((TIME, FEATURES)), layers.LSTM(4), layers.Dense(1)])
    model.compile("adam", "mse", metrics=["mae"])
    x = random.normal(size=(BATCH, TIME, FEATURES))
    model.fit(x, random.normal(size=(BATCH, 1)), epochs=2, verbose=0)
    path, _ = _save(model, tmp_path, container)
    assert_close(our_answer(x, path), np.asarray(model(x)), "float64")
    report = inspect(path)
    assert report.written_by == f"tf.keras ({tf_keras.__version__})"
    assert report.parameters == model.count_params()
    assert report.left["optimizer"] > 0


@pytest.mark.slow
def test_verify_runs_tf_keras_and_keeps_its_answers(tmp_path: Path) -> None:
    tf_keras.backend.set_floatx("float32")
    random = np.random.default_rng(11)
    layers = tf_keras.layers
    model = tf_keras.Sequential(
        [layers.Input((None,), dtype="int32"), layers.Embedding(9, 5, mask_zero=True), layers.LSTM(4)]
    )
    randomize(model, random)
    for container in CONTAINERS:
        path, weights = _save(model, tmp_path, container)
        live = verify(path, weights=weights)
        assert live.agrees(TOLERANCES["float32 model"])
        save_record(path, tmp_path / "record.npz", weights=weights)
        recorded = verify(path, record=tmp_path / "record.npz", weights=weights)
        assert recorded == live
