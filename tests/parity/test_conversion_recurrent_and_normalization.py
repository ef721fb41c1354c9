"""Recurrent cells, normalizations, activations and noise in files that Keras 3 and tf_keras write live, loaded here."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tf_keras
import torch

from tests.tolerances import assert_close
from torch_keras_lstm.conversion import load_model

# Keras 3 makes arrays of its own variables in a way that NumPy 2 has deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")

BATCH, TIME, FEATURES = 3, 6, 4
STACKS: dict[str, Callable[[Any], list[Any]]] = {
    "normalizations": lambda L: [
        L.Rescaling(0.5, 0.25),
        L.Normalization(axis=1),
        L.LSTM(5, return_sequences=True),
        L.BatchNormalization(epsilon=0.01),
        L.TimeDistributed(L.BatchNormalization(center=False)),
        L.LayerNormalization(),
        L.GroupNormalization(5),
        L.UnitNormalization(),
        L.BatchNormalization(axis=1, scale=False),
        L.Dense(2),
    ],
    "gru": lambda L: [
        L.Masking(),
        L.GRU(5, return_sequences=True),
        L.Bidirectional(L.GRU(3, reset_after=False, return_sequences=True, recurrent_activation="hard_sigmoid")),
        L.RNN(L.GRUCell(4), return_sequences=True),
        L.GRU(2, use_bias=False, go_backwards=True),
    ],
    "simple": lambda L: [
        L.Masking(),
        L.SimpleRNN(5, return_sequences=True),
        L.Bidirectional(L.SimpleRNN(3, activation="relu", return_sequences=True)),
        L.RNN(L.SimpleRNNCell(4, activation="softsign"), return_sequences=True),
        L.SimpleRNN(2, use_bias=False),
    ],
    "stacked": lambda L: [
        L.Masking(),
        L.RNN([L.LSTMCell(5), L.GRUCell(2), L.LSTMCell(3), L.SimpleRNNCell(4)], return_sequences=True),
        L.RNN([L.LSTMCell(4), L.LSTMCell(4)]),
    ],
    "activations": lambda L: [
        L.Dense(5),
        L.ReLU(max_value=2.0, negative_slope=0.25, threshold=0.125),
        L.LeakyReLU(),
        L.PReLU(shared_axes=[1]),
        L.ELU(0.75),
        L.GaussianNoise(0.5),
        L.GaussianDropout(0.25),
        L.AlphaDropout(0.25),
        L.SpatialDropout1D(0.25),
        L.ActivityRegularization(0.1),
        L.PReLU(),
        L.Softmax(),
    ],
}


def _random_weights(weights: list[Any], rng: np.random.Generator) -> list[Any]:
    return [rng.uniform(0.2, 1.2, weight.shape).astype(weight.dtype) for weight in weights]


def _check(path: Path, model: Any, inputs: Any) -> None:
    with torch.no_grad():
        got = load_model(path)(inputs)
    assert_close(got, np.asarray(model(inputs)), "float32 model")


@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
@pytest.mark.parametrize("suffix", [".h5", ".keras"])
@pytest.mark.parametrize("library", [keras, tf_keras], ids=["keras 3", "tf_keras"])
@pytest.mark.parametrize("stack", STACKS)
def test_models_predict_what_they_predicted(stack: str, library: Any, suffix: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    layers = library.layers
    model = library.Sequential([layers.Input((TIME, FEATURES)), *STACKS[stack](layers)])
    model.set_weights(_random_weights(model.get_weights(), rng))
    for layer in model.layers:
        if isinstance(layer, layers.Normalization):
            layer.finalize_state()
    inputs = rng.standard_normal((BATCH, TIME, FEATURES)).astype("float32")
    inputs[1, 4:] = 0
    model.save(tmp_path / f"model{suffix}")
    _check(tmp_path / f"model{suffix}", model, inputs)


@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
@pytest.mark.parametrize("suffix", [".h5", ".keras"])
def test_what_keras_3_has_no_more(suffix: str, tmp_path: Path) -> None:
    layers = tf_keras.layers
    model = tf_keras.Sequential([layers.Input((FEATURES,)), layers.Dense(5), layers.ThresholdedReLU(0.25)])
    model.save(tmp_path / f"model{suffix}")
    _check(tmp_path / f"model{suffix}", model, np.random.default_rng(4).standard_normal((BATCH, FEATURES)))
