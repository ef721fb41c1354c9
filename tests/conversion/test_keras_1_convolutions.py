"""Keras 1's names and array layouts of layers over space, in files made by hand, against the same layers of today."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch

from tests.conversion.handmade import Array, entry, keras_1, keras_1_arrays, keras_1_lstm, write_legacy
from tests.tolerances import assert_close
from torch_keras_lstm import layers
from torch_keras_lstm.conversion import load_model

CONV = {
    "init": "glorot_uniform",
    "activation": "relu",
    "W_regularizer": None,
    "b_regularizer": None,
    "activity_regularizer": None,
    "W_constraint": None,
    "b_constraint": None,
    "bias": True,
    "trainable": True,
}


def converted(tmp_path: Path, arrays: dict[str, dict[str, Array]], *entries: Any) -> Any:
    """The model of a file that Keras 1 wrote on TensorFlow, whose names of variables end in ":0"."""
    path = tmp_path / "m.h5"
    arrays = {
        layer: {f"{name.removesuffix(':0')}:0": array for name, array in own.items()} for layer, own in arrays.items()
    }
    write_legacy(path, arrays, config=keras_1(*entries), keras_version="1.2.2")
    return load_model(path)


def outputs(model: Any, inputs: Array) -> Array:
    with torch.no_grad():
        return np.asarray(model(torch.from_numpy(inputs)))


@pytest.mark.parametrize("layout", ["1.2", "1.0"])
def test_over_length(tmp_path: Path, layout: str) -> None:
    random = np.random.default_rng(1)
    kernel, bias = random.normal(size=(3, 2, 4)).astype("float32"), random.normal(size=4).astype("float32")
    stored = kernel[:, None] if layout == "1.2" else kernel.transpose(2, 1, 0)[..., None]
    model = converted(
        tmp_path,
        {"c": {"c_W": stored, "c_b": bias}},
        entry(
            "AtrousConvolution1D",
            "c",
            **CONV,
            nb_filter=4,
            filter_length=3,
            border_mode="same",
            subsample_length=1,
            atrous_rate=2,
            input_dim=2,
            input_length=None,
            batch_input_shape=[None, 9, 2],
        ),
        entry("MaxPooling1D", "p", pool_length=3, stride=2, border_mode="valid"),
        entry("UpSampling1D", "u", length=2),
        entry("GlobalAveragePooling1D", "g"),
    )
    conv = layers.Conv1D(4, 3, padding="same", dilation_rate=2, activation="relu", input_shape=(9, 2))
    conv.set_weights([kernel, bias])
    expected: Any = torch.from_numpy(random.normal(size=(2, 9, 2)).astype("float32"))
    inputs = expected.numpy()
    for layer in (conv, layers.MaxPooling1D(3, 2), layers.UpSampling1D(2), layers.GlobalAveragePooling1D()):
        expected = layer(expected)
    assert_close(outputs(model, inputs), expected.detach(), "float32 elementwise")


@pytest.mark.parametrize("ordering", ["tf", "th"])
def test_over_images(tmp_path: Path, ordering: str) -> None:
    random = np.random.default_rng(2)
    data_format: Any = {"tf": "channels_last", "th": "channels_first"}[ordering]
    kernel, bias = random.normal(size=(2, 3, 5, 4)).astype("float32"), random.normal(size=4).astype("float32")
    shape = (8, 7, 5) if ordering == "tf" else (5, 8, 7)
    model = converted(
        tmp_path,
        {"c": {"c_W": kernel if ordering == "tf" else kernel.transpose(3, 2, 0, 1), "c_b": bias}},
        entry("ZeroPadding2D", "z", padding=[1, 0, 2, 1], dim_ordering=ordering, batch_input_shape=[None, *shape]),
        entry(
            "Convolution2D",
            "c",
            **CONV,
            nb_filter=4,
            nb_row=2,
            nb_col=3,
            border_mode="valid",
            subsample=[2, 1],
            dim_ordering=ordering,
        ),
        entry("AveragePooling2D", "p", pool_size=[2, 2], strides=[2, 2], border_mode="same", dim_ordering=ordering),
        entry("GlobalMaxPooling2D", "g", dim_ordering=ordering),
    )
    conv = layers.Conv2D(4, (2, 3), strides=(2, 1), activation="relu", data_format=data_format)
    conv.build((None, *((5, None, None) if ordering == "th" else (None, None, 5))))
    conv.set_weights([kernel, bias])
    inputs = random.normal(size=(2, *shape)).astype("float32")
    expected: Any = layers.ZeroPadding2D(((1, 0), (2, 1)), data_format)(torch.from_numpy(inputs))
    for layer in (
        conv,
        layers.AveragePooling2D(2, padding="same", data_format=data_format),
        layers.GlobalMaxPooling2D(data_format),
    ):
        expected = layer(expected)
    assert_close(outputs(model, inputs), expected.detach(), "float32 elementwise")


@pytest.mark.parametrize("ordering", ["tf", "th"])
def test_in_two_steps(tmp_path: Path, ordering: str) -> None:
    random = np.random.default_rng(5)
    data_format: Any = {"tf": "channels_last", "th": "channels_first"}[ordering]
    weights = [random.normal(size=size).astype("float32") for size in ((2, 3, 5, 2), (1, 1, 10, 4), (4,))]
    stored = [array.transpose(3, 2, 0, 1) if ordering == "th" and array.ndim > 1 else array for array in weights]
    shape = (8, 7, 5) if ordering == "tf" else (5, 8, 7)
    config = {name: value for name, value in CONV.items() if not name.startswith("W_")}
    model = converted(
        tmp_path,
        {"s": dict(zip(("s_depthwise_kernel", "s_pointwise_kernel", "s_b"), stored, strict=True))},
        entry(
            "SeparableConvolution2D",
            "s",
            **config,
            depthwise_regularizer=None,
            pointwise_regularizer=None,
            depthwise_constraint=None,
            pointwise_constraint=None,
            nb_filter=4,
            nb_row=2,
            nb_col=3,
            border_mode="same",
            subsample=[1, 1],
            depth_multiplier=2,
            dim_ordering=ordering,
            batch_input_shape=[None, *shape],
        ),
    )
    expected = layers.SeparableConv2D(
        4, (2, 3), padding="same", depth_multiplier=2, activation="relu", data_format=data_format
    )
    expected.build((None, *shape))
    expected.set_weights(weights)
    inputs = random.normal(size=(2, *shape)).astype("float32")
    assert_close(outputs(model, inputs), outputs(expected, inputs), "float32 elementwise")


@pytest.mark.parametrize("ordering", ["tf", "th"])
def test_a_convolutional_lstm(tmp_path: Path, ordering: str) -> None:
    random = np.random.default_rng(3)
    data_format: Any = {"tf": "channels_last", "th": "channels_first"}[ordering]
    shapes = ((2, 3, 5, 16), (2, 3, 4, 16), (16,))
    weights = [random.normal(0.0, 0.3, shape).astype("float32") for shape in shapes]
    arrays = keras_1_arrays("l", weights)
    if ordering == "th":
        arrays = {name: array.transpose(3, 2, 0, 1) if array.ndim > 1 else array for name, array in arrays.items()}
    config = keras_1_lstm("l", 4)["config"]
    for name in ("output_dim", "input_dim", "input_length", "name"):
        del config[name]
    shape = (3, 6, 7, 5) if ordering == "tf" else (3, 5, 6, 7)
    model = converted(
        tmp_path,
        {"l": arrays},
        entry(
            "ConvLSTM2D",
            "l",
            **config,
            nb_filter=4,
            nb_row=2,
            nb_col=3,
            border_mode="same",
            subsample=[1, 1],
            dim_ordering=ordering,
            batch_input_shape=[None, *shape],
        ),
    )
    expected = layers.ConvLSTM2D(
        4, (2, 3), padding="same", recurrent_activation="hard_sigmoid_keras2", data_format=data_format
    )
    inputs = random.normal(size=(2, *shape)).astype("float32")
    expected.build(inputs.shape)
    expected.set_weights(weights)
    assert_close(outputs(model, inputs), outputs(expected, inputs), "float32 elementwise")


@pytest.mark.parametrize("window", [(2, 3), (1, 1)])
def test_kernels_of_theano_are_turned_round(tmp_path: Path, window: tuple[int, int]) -> None:
    """Keras 2 on Theano stored them as Theano's true convolution takes them."""
    random = np.random.default_rng(4)
    kernel, bias = random.normal(size=(*window, 5, 4)).astype("float32"), random.normal(size=4).astype("float32")
    config = {
        "filters": 4,
        "kernel_size": [*window],
        "data_format": "channels_last",
        "batch_input_shape": [None, 6, 7, 5],
    }
    path = write_legacy(
        tmp_path / "m.h5",
        {"c": {"c/kernel:0": kernel, "c/bias:0": bias}},
        config=keras_1(entry("Conv2D", "c", **config)),
        keras_version="2.0.8",
    )
    with h5py.File(path, "a") as file:
        file["model_weights"].attrs["backend"] = b"theano"
    assert np.array_equal(load_model(path).get_weights()[0], kernel[::-1, ::-1])
