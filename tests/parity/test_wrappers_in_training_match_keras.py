"""Wrappers around layers with batch statistics or states of their own, in training: file and curve of each Keras.

Keras 3 calls what ``TimeDistributed`` wraps once a step, so that batch normalization has the statistics of one step and
its averages move once a step; tf.keras made one batch of all steps, and counted the inner activity regularizer.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tf_keras
import torch

from tests.tolerances import assert_close
from torch_keras_lstm.layers import BatchNormalization, Dense, Input, Lambda, Layer, TimeDistributed
from torch_keras_lstm.models import Sequential, load_model

pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"),
]
BATCH, TIME, ROWS, FEATURES = 4, 3, 5, 6

CASES: dict[str, Callable[[Any], Any]] = {
    "batch normalization": lambda k: td(k, k.layers.BatchNormalization(momentum=0.8)),
    "two of them": lambda k: td(k, td(k, k.layers.BatchNormalization(momentum=0.8))),
    "in a model": lambda k: td(
        k, k.Sequential([k.layers.Flatten(), k.layers.Dense(4, use_bias=False), k.layers.BatchNormalization()])
    ),
    "not wrapped": lambda k: k.Sequential([k.layers.Reshape((TIME, 30)), k.layers.BatchNormalization()]),
    "masked": lambda k: k.Sequential(
        [k.layers.Reshape((TIME, 30)), k.layers.Masking(), td(k, k.layers.BatchNormalization())]
    ),
    "layer normalization": lambda k: td(k, k.layers.LayerNormalization()),
    "group normalization": lambda k: td(k, k.layers.GroupNormalization(2)),
    "a recurrent layer": lambda k: td(k, k.layers.LSTM(3)),
    "both ways": lambda k: td(k, k.layers.Bidirectional(k.layers.GRU(3))),
    "inner activity regularizer": lambda k: td(k, k.layers.Dense(3, activity_regularizer="l2")),
    "activity regularizer": lambda k: td(k, k.layers.Dense(3), activity_regularizer="l2"),
    "its activity regularizer both ways": lambda k: k.Sequential(
        [k.layers.Reshape((TIME, 30)), k.layers.Bidirectional(k.layers.LSTM(2, activity_regularizer="l2"))]
    ),
}


def td(k: Any, layer: Any, **options: Any) -> Any:
    return k.layers.TimeDistributed(layer, **options)


@pytest.mark.parametrize("library", [keras, tf_keras])
@pytest.mark.parametrize("name", CASES)
def test_training_goes_on_as_in_the_keras_of_the_file(tmp_path: Path, library: Any, name: str) -> None:
    rng = np.random.default_rng(5)
    x = rng.normal(size=(BATCH, TIME, ROWS, FEATURES)).astype("float32") + 0.5
    x[1, 1:] = 0
    model = library.Sequential([library.layers.Input((TIME, ROWS, FEATURES)), CASES[name](library)])
    model.compile(library.optimizers.SGD(0.1), "mean_squared_error", run_eagerly=True)
    y = rng.normal(size=(BATCH, *model.output_shape[1:])).astype("float32")
    path = tmp_path / "m.keras"
    model.save(path)
    model, ours = library.models.load_model(path), load_model(path)
    with torch.no_grad():
        got = load_model(path)(torch.tensor(x), training=True)
    got_losses, losses = (
        one.fit(x, y, epochs=3, batch_size=BATCH, shuffle=False, verbose=0).history["loss"] for one in (ours, model)
    )
    assert_close(got_losses, losses, "float32 model")
    model.save(tmp_path / "trained.keras")
    for mine, weight in zip(ours.get_weights(), load_model(tmp_path / "trained.keras").get_weights(), strict=True):
        assert_close(mine, weight, "float32 model")
    fresh = library.models.load_model(path)
    assert_close(got, fresh(x, training=True), "float32 model")


def test_what_tf_keras_meant_is_not_saved_for_keras_3(tmp_path: Path) -> None:
    model = tf_keras.Sequential([tf_keras.layers.Input((TIME, 2)), td(tf_keras, tf_keras.layers.BatchNormalization())])
    model.save(tmp_path / "m.keras")
    ours = load_model(tmp_path / "m.keras")
    assert ours.layers[0].all_steps_at_once
    with pytest.raises(ValueError, match="`all_steps_at_once=True`, a rule of older Kerases"):
        ours.save(tmp_path / "again.keras")
    ours.save(tmp_path / "again")
    assert load_model(tmp_path / "again").layers[0].all_steps_at_once
    plain = tf_keras.Sequential([tf_keras.layers.Input((TIME, 2)), td(tf_keras, tf_keras.layers.Dense(3))])
    plain.save(tmp_path / "plain.keras")
    load_model(tmp_path / "plain.keras").save(tmp_path / "saved.keras")
    assert keras.models.load_model(tmp_path / "saved.keras").output_shape == (None, TIME, 3)


class Centred(Layer):
    """Takes the mean of the batch away, in training and otherwise."""

    def forward(self, inputs: Any) -> Any:
        return inputs - inputs.mean(0, keepdim=True)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape


@pytest.mark.parametrize("layer", [Centred(), Lambda(lambda x: x - x.mean(0, keepdim=True))], ids=["class", "lambda"])
def test_a_layer_of_ones_own_is_called_step_by_step_in_training(layer: Layer) -> None:
    x = torch.randn(BATCH, TIME, FEATURES)
    got = TimeDistributed(layer)(x, training=True)
    assert_close(got, x - x.mean(0, keepdim=True), "float32 elementwise")


def test_outside_of_training_all_steps_are_one_batch() -> None:
    calls = []
    inner = BatchNormalization()
    inner.register_forward_hook(lambda *_: calls.append(1))
    model = Sequential([Input((TIME, 2)), TimeDistributed(inner), Dense(1)])
    calls.clear()
    model.predict(np.ones((BATCH, TIME, 2)), verbose=0)
    assert len(calls) == 1
