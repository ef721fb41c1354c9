"""Policies of mixed precision against Keras 3: types, and numbers within what half precision rounds."""

import copy
import pickle
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
import pytest
import torch

import torch_keras_lstm
from tests.tolerances import largest_error
from torch_keras_lstm import dtype_policies
from torch_keras_lstm.models.model import as_layer

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

LIBRARIES = (keras, torch_keras_lstm)
B, T, F, U = 6, 5, 3, 4
POLICIES = ["mixed_bfloat16", "mixed_float16"]


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    yield
    for library in LIBRARIES:
        library.mixed_precision.set_global_policy("float32")


Make = Callable[[Any, dict[str, Any]], Any]
LAYERS: dict[str, Make] = {
    "dense": lambda k, d: k.layers.Dense(U, activation="relu", **d),
    "lstm": lambda k, d: k.layers.LSTM(U, return_sequences=True, **d),
    "gru": lambda k, d: k.layers.GRU(U, **d),
    "bidirectional": lambda k, d: k.layers.Bidirectional(k.layers.LSTM(U, **d), **d),
    "cells": lambda k, d: k.layers.RNN([k.layers.LSTMCell(U, **d), k.layers.GRUCell(U + 1, **d)], **d),
    "batch normalization": lambda k, d: k.layers.BatchNormalization(**d),
    "layer normalization": lambda k, d: k.layers.LayerNormalization(**d),
}


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("name", LAYERS)
def test_layer(name: str, policy: str) -> None:
    """Half precision goes in, through and out; the weights and their gradients are float32; as near to the truth."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(B, T, F)).astype(np.float32)
    theirs, ours = (LAYERS[name](library, {"dtype": policy}) for library in LIBRARIES)
    truth = LAYERS[name](torch_keras_lstm, {"dtype": "float64"})
    theirs.build((None, T, F))
    weights = [rng.normal(scale=0.4, size=weight.shape) + 0.5 * ("norm" in name) for weight in theirs.get_weights()]
    weights = [np.abs(weight) if "norm" in name else weight for weight in weights]
    theirs.set_weights(weights)
    for layer in (ours, truth):
        layer.build((None, T, F))
        layer.set_weights(weights)
    expected, got, exact = theirs(x), ours(torch.from_numpy(x)), truth(torch.from_numpy(x.astype(np.float64)))
    assert str(got.dtype).removeprefix("torch.") == ours.compute_dtype == theirs.compute_dtype == expected.dtype.name
    assert {weight.dtype for weight in ours.parameters()} == {torch.float32}
    assert ours.variable_dtype == theirs.variable_dtype == "float32"
    assert ours.dtype_policy.name == theirs.dtype_policy.name == policy
    error = largest_error(got.detach().float(), exact.detach())
    allowed = largest_error(np.asarray(keras.ops.cast(expected, "float32")), exact.detach())
    assert error <= max(2 * allowed, 2.0**-8 if policy == "mixed_bfloat16" else 2.0**-11)
    got.float().square().sum().backward()
    assert all(weight.grad is None or weight.grad.dtype is torch.float32 for weight in ours.parameters())
    read = type(ours).from_config(ours.get_config())
    assert read.dtype_policy.name == policy
    assert type(theirs).from_config(ours.get_config()).dtype_policy.name == policy


@pytest.mark.parametrize("policy", POLICIES)
def test_fit(policy: str) -> None:
    """A model under the global policy whose last layer is float32, with a scaled loss where Keras scales it."""
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(4 * B, T, F)), rng.normal(size=(4 * B, 2))
    histories, kinds = [], []
    for library in LIBRARIES:
        library.mixed_precision.set_global_policy(policy)
        layers = library.layers
        model = library.models.Sequential(
            [layers.Input((T, F)), layers.LSTM(U), layers.BatchNormalization(), layers.Dense(2, dtype="float32")]
        )
        draw = np.random.default_rng(3)
        model.set_weights([np.abs(draw.normal(scale=0.4, size=weight.shape)) for weight in model.get_weights()])
        model.compile(library.optimizers.SGD(0.0625), "mse")
        histories.append(model.fit(x, y, batch_size=B, epochs=3, shuffle=False, verbose=0).history["loss"])
        kinds.append((type(model.optimizer).__name__, str(model.predict(x, verbose=0).dtype)))
        library.mixed_precision.set_global_policy("float32")
    assert kinds[0] == kinds[1]
    assert kinds[0][0] == ("LossScaleOptimizer" if policy == "mixed_float16" else "SGD")
    assert largest_error(histories[1], histories[0]) <= (2.0**-8 if policy == "mixed_bfloat16" else 2.0**-10)


def test_policies() -> None:
    assert {name for name in dir(keras.mixed_precision) if not name.startswith("_")} <= set(
        dir(torch_keras_lstm.mixed_precision)
    )
    for name in (*POLICIES, "float32", "bfloat16", "float64"):
        ours, theirs = dtype_policies.DTypePolicy(name), keras.DTypePolicy(name)
        assert (ours.compute_dtype, ours.variable_dtype) == (theirs.compute_dtype, theirs.variable_dtype)
        assert dtype_policies.serialize(ours) == keras.dtype_policies.serialize(theirs)
        assert dtype_policies.get(keras.dtype_policies.serialize(theirs)) == ours
        assert repr(ours) == repr(theirs)
    assert dtype_policies.get(None).name == "float32"
    assert torch_keras_lstm.losses.MeanSquaredError(dtype=dtype_policies.get("mixed_float16")).dtype == "float16"
    with pytest.raises(ValueError, match="must be one of float16, bfloat16, float32, float64"):
        dtype_policies.DTypePolicy("mixed_float8")
    with pytest.raises(ValueError, match="Expected the configuration of a DTypePolicy"):
        dtype_policies.deserialize({"class_name": "Dense"})


def test_copies_and_files(tmp_path: Any) -> None:
    model: Any = torch_keras_lstm.Sequential(
        [
            torch_keras_lstm.layers.Input((T, F)),
            torch_keras_lstm.layers.LSTM(U, dtype="mixed_bfloat16"),
            torch_keras_lstm.layers.Dense(2, dtype="mixed_bfloat16"),
        ]
    )
    x = np.random.default_rng(4).normal(size=(B, T, F)).astype(np.float32)
    expected = model.predict(x, verbose=0)
    model.save(tmp_path / "m.keras")
    for name in ("m.keras", "m.h5", "folder"):  # what was saved here comes back as it was
        model.save(tmp_path / name)
        read = torch_keras_lstm.models.load_model(tmp_path / name)
        assert [layer.dtype_policy.name for layer in map(as_layer, read.layers)] == ["mixed_bfloat16"] * 2
        assert np.array_equal(read.predict(x, verbose=0), expected)
        single = torch_keras_lstm.models.load_model(tmp_path / name, dtype_policy="float32")
        assert [layer.dtype_policy.name for layer in map(as_layer, single.layers)] == ["float32"] * 2
        assert 0 < largest_error(single.predict(x, verbose=0), expected) <= 2.0**-6
    told = torch_keras_lstm.models.model_from_json(model.to_json())
    assert [layer.dtype_policy.name for layer in map(as_layer, told.layers)] == ["mixed_bfloat16"] * 2
    copies: list[Any] = [copy.deepcopy(model), pickle.loads(pickle.dumps(model))]
    for again in copies:
        again.layers[0].set_weights([2 * weight for weight in again.layers[0].get_weights()])
        assert not np.array_equal(again.predict(x, verbose=0), expected)
        again.layers[0].set_weights(model.layers[0].get_weights())
        assert np.array_equal(again.predict(x, verbose=0), expected)
    theirs = keras.models.load_model(tmp_path / "m.keras")
    assert [layer.dtype_policy.name for layer in theirs.layers] == ["mixed_bfloat16"] * 2
    assert largest_error(expected, np.asarray(theirs.predict(x, verbose=0), np.float32)) <= 2.0**-6


@pytest.mark.parametrize("name", ["LayerNormalization", "GroupNormalization"])
def test_what_is_beyond_half_is_normalized(name: str) -> None:
    """These take their inputs as they come: float16 ends at 65504."""
    x = np.random.default_rng(2).normal(70000, 10000, size=(B, T, 2 * F)).astype(np.float32)
    arguments = {"groups": 2} if name == "GroupNormalization" else {}
    theirs, ours = (getattr(library.layers, name)(dtype="mixed_float16", **arguments) for library in LIBRARIES)
    expected, got = theirs(x).numpy(), ours(torch.from_numpy(x))
    assert got.dtype is torch.float16
    assert np.isfinite(expected).all()
    np.testing.assert_allclose(got.detach().numpy(), expected, rtol=2**-10, atol=2**-10)


@pytest.mark.parametrize("name", ["BatchNormalization", "LayerNormalization", "GroupNormalization"])
def test_weights_of_normalizations_are_not_rounded(name: str) -> None:
    """Next to 1 float16 has steps of 0.001: what is less is seen at 1000, where it has steps of 0.5."""
    gamma = np.full(2 * F, 1.0004, np.float32)
    x = np.full((B, T, 2 * F), 1000, np.float32)
    if name != "BatchNormalization":
        x = np.random.default_rng(2).normal(size=x.shape).astype(np.float32)
    arguments = {"groups": 2} if name == "GroupNormalization" else {}
    outputs = []
    for library in LIBRARIES:
        layer = getattr(library.layers, name)(dtype="mixed_float16", epsilon=0.0, **arguments)
        layer.build((None, T, 2 * F))
        shift = np.full(2 * F, 0.0 if name == "BatchNormalization" else 1000 / 3, np.float32)
        layer.set_weights([gamma, shift, *layer.get_weights()[2:]])
        outputs.append(np.asarray(library.ops.convert_to_numpy(layer(x, training=False))))
    assert np.array_equal(outputs[0], outputs[1])


@pytest.mark.parametrize("library", LIBRARIES, ids=["keras", "ours"])
def test_the_policy_of_a_layer_is_set(library: Any) -> None:
    layer = library.layers.Dense(U)
    layer.build((None, F))
    x = np.random.default_rng(2).normal(size=(B, F)).astype(np.float32)
    single = np.asarray(library.ops.convert_to_numpy(layer(x)))
    layer.dtype_policy = "mixed_float16"
    assert (layer.dtype_policy.name, layer.compute_dtype, layer.variable_dtype) == (
        "mixed_float16",
        "float16",
        "float32",
    )
    half = np.asarray(library.ops.convert_to_numpy(layer(x)))
    assert half.dtype == np.float16
    np.testing.assert_allclose(half, single, rtol=0.01, atol=0.01)
    layer.dtype_policy = "float32"
    again = np.asarray(library.ops.convert_to_numpy(layer(x)))
    assert again.dtype == np.float32
    assert np.array_equal(again, single)
