"""Files of CuDNNLSTM, whose class no Keras of today can make: written by hand, against NumPy."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.conversion.handmade import Array, entry, keras_2_lstm, lstm, lstm_weights, sequential, sigmoid, write_legacy
from tests.tolerances import assert_close
from torch_keras_lstm.conversion import load_model
from torch_keras_lstm.conversion.cudnn import cudnn_layouts

B, T, F, U = 3, 7, 5, 4


def _as_cudnn(weights: list[Array], random: np.random.Generator) -> dict[str, Array]:
    """Number by number: row u of gate g in cuDNN's (units, features) matrix is column u of Keras' (features, units)."""
    kernel, recurrent, bias = weights
    features, units = kernel.shape[0], recurrent.shape[0]
    saved_kernel, saved_recurrent = np.empty_like(kernel), np.empty_like(recurrent)
    for gate in range(4):
        numbers = [kernel[f, gate * units + u] for u in range(units) for f in range(features)]
        for position, number in enumerate(numbers):
            saved_kernel[position // units, gate * units + position % units] = number
        for u in range(units):
            for v in range(units):
                saved_recurrent[u, gate * units + v] = recurrent[v, gate * units + u]
    half = random.normal(size=bias.shape)
    arrays = (saved_kernel, saved_recurrent, np.concatenate([half, bias - half]))
    return dict(zip(("kernel", "recurrent_kernel", "bias"), arrays, strict=True))


def _predict(path: Path, x: Array) -> Array:
    with torch.no_grad():
        return np.asarray(load_model(path)(torch.from_numpy(x)))


def _cudnn_lstm(name: str, **config: Any) -> dict[str, Any]:
    left_out = ("activation", "recurrent_activation", "use_bias", "unroll", "dropout", "recurrent_dropout")
    layer = keras_2_lstm(name, U, **config)
    kept = {key: value for key, value in layer["config"].items() if key not in (*left_out, "implementation")}
    return {"class_name": "CuDNNLSTM", "config": kept}


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(11)


def test_a_model_of_cudnn_layers_has_sigmoid_gates(tmp_path: Path, random: np.random.Generator) -> None:
    first, second = lstm_weights(random, F, U), lstm_weights(random, U, U)
    layers = (
        _cudnn_lstm("a", return_sequences=True, batch_input_shape=[None, T, F], dtype="float64"),
        _cudnn_lstm("b", go_backwards=True),
    )
    arrays = {
        name: {f"{name}/{weight}:0": array for weight, array in _as_cudnn(weights, random).items()}
        for name, weights in (("a", first), ("b", second))
    }
    path = write_legacy(tmp_path / "m.h5", arrays, config=sequential(*layers), keras_version="2.2.4")
    x = random.normal(size=(B, T, F))
    expected = lstm(lstm(x, first, sigmoid), second, sigmoid, backwards=True)[:, -1]
    assert_close(_predict(path, x), expected, "float64")


def test_the_bias_tells_the_layout_and_not_the_class(tmp_path: Path, random: np.random.Generator) -> None:
    forward, backward = lstm_weights(random, F, U), lstm_weights(random, F, U)
    inner = keras_2_lstm("l", U, dtype="float64", recurrent_activation="sigmoid")
    wrapper = entry("Bidirectional", "bi", layer=inner, merge_mode="concat", batch_input_shape=[None, T, F])
    arrays = {
        f"bi/backward_l/{name}:0": array
        for name, array in zip(("kernel", "recurrent_kernel", "bias"), backward, strict=True)
    }
    arrays |= {f"bi/forward_l/{name}:0": array for name, array in _as_cudnn(forward, random).items()}
    wrapper["config"]["dtype"] = "float64"
    path = write_legacy(tmp_path / "m.h5", {"bi": arrays}, config=sequential(wrapper), keras_version="2.2.4")
    x = random.normal(size=(B, T, F))
    expected = [lstm(x, forward, sigmoid)[:, -1], lstm(x, backward, sigmoid, backwards=True)[:, -1]]
    assert_close(_predict(path, x.astype("f4")), np.concatenate(expected, -1), "float32 model")


def test_a_gru_keeps_its_two_biases(random: np.random.Generator) -> None:
    wanted = {"kernel": (F, 3 * U), "recurrent_kernel": (U, 3 * U), "bias": (2, 3 * U)}
    layouts = cudnn_layouts(wanted, {**wanted, "bias": (6 * U,)})
    bias = random.normal(size=6 * U)
    assert np.array_equal(layouts["bias"].to_keras(bias), [bias[: 3 * U], bias[3 * U :]])
    recurrent = random.normal(size=(U, 3 * U))
    turned = layouts["recurrent_kernel"].to_keras(recurrent)
    assert turned[1, 2 * U + 3] == recurrent[3, 2 * U + 1]
    assert cudnn_layouts({**wanted, "bias": (3 * U,)}, {**wanted, "bias": (6 * U,)}) == {}


def test_a_bias_of_a_third_length_is_an_error(tmp_path: Path, random: np.random.Generator) -> None:
    saved = _as_cudnn(lstm_weights(random, F, U), random)
    saved["bias"] = random.normal(size=9 * U)
    arrays = {"a": {f"a/{weight}:0": array for weight, array in saved.items()}}
    config = sequential(_cudnn_lstm("a", batch_input_shape=[None, T, F]))
    path = write_legacy(tmp_path / "m.h5", arrays, config=config, keras_version="2.2.4")
    with pytest.raises(ValueError, match=r"weight `bias` of layer `a` needs shape \(16,\), but `\S+` has \(36,\)"):
        load_model(path)
