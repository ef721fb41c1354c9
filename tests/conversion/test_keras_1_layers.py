"""Keras 1's recurrent layers, normalization, noise and activations: names, arrays and meanings, against NumPy."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.conversion.handmade import Array, entry, keras_1, write_legacy
from tests.tolerances import assert_close
from torch_keras_lstm.conversion import load_model
from torch_keras_lstm.conversion.dialects import translate
from torch_keras_lstm.conversion.producer import Generation, Producer

B, T, F, U = 3, 4, 5, 2
KERAS_1 = Producer(Generation.KERAS_1, "1.2.2")


def _sigmoid(x: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-x)))


def test_a_keras_1_model_of_recurrent_layers_and_batch_normalization(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    x = rng.normal(size=(B, T, F))
    gru = {
        f"gru_1_{letter}_{gate}": rng.normal(size=shape)
        for gate in "zrh"
        for letter, shape in (("W", (F, U)), ("U", (U, U)), ("b", (U,)))
    }
    norm = {f"bn_1_{name}": rng.uniform(0.5, 2, U) for name in ("gamma", "beta", "running_mean", "running_std")}
    simple = {"rnn_1_W": rng.normal(size=(U, 3)), "rnn_1_U": rng.normal(size=(3, 3)), "rnn_1_b": rng.normal(size=3)}
    slope = {"prelu_1_alphas": rng.uniform(0.1, 0.9, 3)}
    recurrent = {"init": "glorot_uniform", "inner_init": "orthogonal", "consume_less": "cpu", "U_regularizer": None}
    config = keras_1(
        entry(
            "GRU", "gru_1", output_dim=U, inner_activation="sigmoid", activation="tanh", return_sequences=True,
            dropout_U=0.25, batch_input_shape=[None, T, F], input_dtype="float64", **recurrent,
        ),
        entry("BatchNormalization", "bn_1", mode=0, axis=-1, epsilon=1e-5, momentum=0.9, gamma_init="one"),
        entry("SimpleRNN", "rnn_1", output_dim=3, activation="tanh", dropout_W=0.5, **recurrent),
        entry("PReLU", "prelu_1", init="zero"),
        entry("LeakyReLU", "leaky_1", alpha=0.25),
    )  # fmt: skip
    layers = {"gru_1": gru, "bn_1": norm, "rnn_1": simple, "prelu_1": slope, "leaky_1": {}}
    model = load_model(write_legacy(tmp_path / "k1.h5", layers, config=config, keras_version="1.2.2"))

    h, rows = np.zeros((B, U)), []
    for t in range(T):
        z, r = (_sigmoid(x[:, t] @ gru[f"gru_1_W_{g}"] + gru[f"gru_1_b_{g}"] + h @ gru[f"gru_1_U_{g}"]) for g in "zr")
        candidate = np.tanh(x[:, t] @ gru["gru_1_W_h"] + gru["gru_1_b_h"] + (r * h) @ gru["gru_1_U_h"])
        h = z * h + (1 - z) * candidate
        rows.append(h)
    gamma, beta, mean, variance = norm.values()
    normalized = (np.stack(rows, 1) - mean) / np.sqrt(variance + 1e-5) * gamma + beta
    state = np.zeros((B, 3))
    for t in range(T):
        state = np.tanh(normalized[:, t] @ simple["rnn_1_W"] + simple["rnn_1_b"] + state @ simple["rnn_1_U"])
    expected = np.where(state > 0, state, slope["prelu_1_alphas"] * state)
    expected = np.where(expected > 0, expected, 0.25 * expected)
    with torch.no_grad():
        assert_close(model(x), expected, "float64")


@pytest.mark.parametrize(("version", "is_deviation"), [("1.0.5", True), ("1.0.6", False), ("1.0.10", False)])
def test_what_running_std_holds(tmp_path: Path, version: str, is_deviation: bool) -> None:
    """``keras/layers/normalization.py`` of these releases; a model that 1.0.5 itself ran agreed to 3e-7."""
    rng = np.random.default_rng(6)
    x = rng.normal(size=(B, F))
    norm = {f"bn_{name}": rng.uniform(0.5, 2, F) for name in ("gamma", "beta", "running_mean", "running_std")}
    shape = {"batch_input_shape": [None, F], "input_dtype": "float64"}
    config = keras_1(entry("BatchNormalization", "bn", mode=0, axis=-1, epsilon=1e-2, momentum=0.9, **shape))
    model = load_model(write_legacy(tmp_path / "k1.h5", {"bn": norm}, config=config, keras_version=version))
    gamma, beta, mean, kept = norm.values()
    expected = (x - mean) / (kept + 1e-2 if is_deviation else np.sqrt(kept + 1e-2)) * gamma + beta
    with torch.no_grad():
        assert_close(model(x), expected, "float64")


@pytest.mark.parametrize(
    ("class_name", "config", "expected"),
    [
        ("GaussianNoise", {"sigma": 0.5}, {"stddev": 0.5}),
        ("GaussianDropout", {"p": 0.5}, {"rate": 0.5}),
        ("SpatialDropout1D", {"p": 0.5}, {"rate": 0.5}),
        ("SpatialDropout2D", {"p": 0.5, "dim_ordering": "th"}, {"rate": 0.5, "data_format": "channels_first"}),
        ("SpatialDropout3D", {"p": 0.5, "dim_ordering": "tf"}, {"rate": 0.5, "data_format": "channels_last"}),
        ("LeakyReLU", {"alpha": 0.5}, {"negative_slope": 0.5}),
        ("GRU", {"output_dim": 3}, {"units": 3, "reset_after": False, "hold_initial_state": True}),
        ("SimpleRNN", {"output_dim": 3, "consume_less": "gpu"}, {"units": 3, "hold_initial_state": True}),
    ],
)
def test_arguments_get_their_names_of_today(class_name: str, config: Any, expected: Any) -> None:
    assert translate(class_name, config, KERAS_1, "Layer `a`") == (class_name, expected, [])


def test_keras_1_batch_normalization_by_the_batch_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^Layer `a` \(BatchNormalization\): `mode` must be 0, by the moving"):
        translate("BatchNormalization", {"mode": 2}, KERAS_1, "Layer `a`")


def test_a_gru_says_its_convention_since_keras_2_1_3() -> None:
    for generation in (Generation.KERAS_2, Generation.TF_KERAS):
        producer = Producer(generation, None)
        assert translate("GRU", {"units": 3}, producer, "Layer `a`")[1]["reset_after"] is False
        assert translate("GRU", {"units": 3, "reset_after": True}, producer, "Layer `a`")[1]["reset_after"] is True
    assert "reset_after" not in translate("GRU", {"units": 3}, Producer(Generation.KERAS_3, None), "Layer `a`")[1]


def test_what_tf_keras_writes_and_nothing_needs_is_dropped() -> None:
    producer = Producer(Generation.TF_KERAS, "2.4.0")
    written = {"axis": [2], "fused": True, "renorm": False, "renorm_clipping": {}, "virtual_batch_size": None}
    arguments = translate("BatchNormalization", written, producer, "Layer `a`")[1]
    assert arguments == {"axis": 2, "renorm": False, "renorm_clipping": {}, "virtual_batch_size": None}
    assert translate("SpatialDropout1D", {"rate": 0.5, "noise_shape": None}, producer, "a")[1] == {"rate": 0.5}
