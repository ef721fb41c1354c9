"""Half precision against Keras 3 on TensorFlow's kernels for a CPU: outputs and gradients, bit for bit.

In bfloat16 these are those of oneDNN, in a process of their own, because the others are tested without it.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
import torch

import torch_keras_lstm
from tests.tolerances import largest_error

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

B, T, F, U = 6, 5, 3, 4
# A float32 sum in another order ends on the other side of a tie once in some thousand numbers, and steps pass that on.
SHARE_OF_TIES = 0.02


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    yield
    for library in (keras, torch_keras_lstm):
        library.mixed_precision.set_global_policy("float32")


Make = Callable[[Any, dict[str, Any]], Any]
ACTIVATIONS = (
    *("sigmoid", "tanh", "elu", "selu", "softplus", "softsign", "silu", "gelu", "hard_sigmoid", "mish", "log_softmax"),
    *("softmax", "leaky_relu", "hard_silu", "celu", "log_sigmoid", "glu", "squareplus"),
)


def _bidirectional(k: Any, d: dict[str, Any]) -> Any:
    return k.layers.Bidirectional(k.layers.LSTM(U, return_sequences=True, **d), merge_mode="ave", **d)


def _cells(k: Any, d: dict[str, Any]) -> Any:
    cells = [k.layers.LSTMCell(U, **d), k.layers.GRUCell(U + 1, **d), k.layers.SimpleRNNCell(7, **d)]
    return k.layers.RNN(cells, return_sequences=True, **d)


# the layer, the shape of its inputs, and whether its gradients are Keras' too
LAYERS: dict[str, tuple[Make, Any, bool]] = {
    **{
        f"dense {name}": (
            (lambda k, d, name=name: k.layers.Dense(50, activation=name, **d)),  # type: ignore[misc]
            (13, F),
            name not in ("celu", "squareplus"),
        )
        for name in ACTIVATIONS
    },
    "lstm": (lambda k, d: k.layers.LSTM(U, return_sequences=True, **d), (B, T, F), True),
    "lstm of hard gates": (
        lambda k, d: k.layers.LSTM(U, activation="relu", recurrent_activation="hard_sigmoid", go_backwards=True, **d),
        (B, T, F),
        True,
    ),
    "lstm wide": (lambda k, d: k.layers.LSTM(48, return_sequences=True, **d), (B, 12, 40), False),
    "gru": (lambda k, d: k.layers.GRU(U, return_sequences=True, **d), (B, T, F), False),
    "gru before": (lambda k, d: k.layers.GRU(U, reset_after=False, **d), (B, T, F), True),
    "simple": (lambda k, d: k.layers.SimpleRNN(U, return_sequences=True, **d), (B, T, F), True),
    "bidirectional": (_bidirectional, (B, T, F), True),
    "cells": (_cells, (B, T, F), False),
    "conv lstm": (lambda k, d: k.layers.ConvLSTM2D(5, (2, 3), **d), (2, 4, 6, 7, F), False),
    "layer normalization": (lambda k, d: k.layers.LayerNormalization(**d), (B, T, 37), False),
    "group normalization": (lambda k, d: k.layers.GroupNormalization(3, **d), (B, T, 36), False),
    "rms normalization": (lambda k, d: k.layers.RMSNormalization(**d), (B, T, 37), False),
    "unit normalization": (lambda k, d: k.layers.UnitNormalization(**d), (B, T, 37), False),
    "conv 1d": (lambda k, d: k.layers.Conv1D(9, 3, padding="causal", **d), (B, 17, F), False),
    "conv 2d": (lambda k, d: k.layers.Conv2D(9, 3, padding="same", strides=2, **d), (2, 9, 8, F), False),
    "conv 3d": (lambda k, d: k.layers.Conv3D(25, 2, padding="same", **d), (2, 7, 6, 5, F), False),
    "transposed": (lambda k, d: k.layers.Conv2DTranspose(9, 3, strides=2, padding="same", **d), (2, 7, 6, F), False),
    "separable": (lambda k, d: k.layers.SeparableConv2D(5, 3, padding="same", **d), (2, 7, 6, F), False),
    "depthwise": (lambda k, d: k.layers.DepthwiseConv1D(3, depth_multiplier=2, strides=2, **d), (2, 17, F), False),
    "average": (lambda k, d: k.layers.AveragePooling2D(3, strides=2, padding="same", **d), (2, 9, 8, F), False),
    "global average": (lambda k, d: k.layers.GlobalAveragePooling1D(**d), (B, 37, 11), False),
    "softmax": (lambda k, d: k.layers.Softmax(axis=1, **d), (B, 37, F), False),
    "einsum": (lambda k, d: k.layers.EinsumDense("abc,cd->abd", (None, U), bias_axes="d", **d), (B, T, F), False),
    "attention": (lambda k, d: k.layers.MultiHeadAttention(3, 16, **d), [(2, 12, F), (2, 33, F)], False),
    "dot": (lambda k, d: k.layers.Dot(-1, normalize=True, **d), ([(B, T, 13), (B, 7, 13)],), False),
    "merged": (lambda k, d: k.layers.Average(**d), ([(B, T, F)] * 3,), False),
}


def assert_same(got: torch.Tensor, expected: Any, dtype: torch.dtype) -> None:
    """Nearly nowhere another number, and there by no more than the last place of the largest."""
    apart = np.abs(got.detach().float().numpy() - np.array(keras.ops.cast(expected, "float32")))
    largest = np.abs(np.array(keras.ops.cast(expected, "float32"))).max()
    assert apart.max() <= torch.finfo(dtype).eps * largest
    assert (apart > 0).sum() <= max(1, SHARE_OF_TIES * apart.size)


def _drawn(shape: Any, rng: np.random.Generator) -> Any:
    if isinstance(shape, list):
        return [_drawn(one, rng) for one in shape]
    return rng.normal(size=shape).astype(np.float32)


def _with_weights(name: str, policy: str) -> tuple[Any, Any, list[Any], np.random.Generator]:
    make, shape, _ = LAYERS[name]
    rng = np.random.default_rng(1)
    several = isinstance(shape, list) or isinstance(shape[0], list)
    arguments: list[Any] = [_drawn(one, rng) for one in shape] if several else [_drawn(shape, rng)]
    theirs, ours = make(keras, {"dtype": policy}), make(torch_keras_lstm, {"dtype": policy})
    theirs(*arguments)
    weights = [rng.normal(scale=0.4, size=weight.shape) for weight in theirs.get_weights()]
    theirs.set_weights(weights)
    ours(*_tensors(arguments))
    ours.set_weights(weights)
    return theirs, ours.eval(), arguments, rng


def _tensors(arrays: Any) -> Any:
    return [_tensors(one) if isinstance(one, list) else torch.from_numpy(one) for one in arrays]


@pytest.mark.parametrize("name", LAYERS)
def test_layer_in_float16(name: str) -> None:
    theirs, ours, arguments, rng = _with_weights(name, "mixed_float16")
    expected, got = theirs(*arguments), ours(*_tensors(arguments))
    assert got.dtype is torch.float16
    assert_same(got, expected, torch.float16)
    if LAYERS[name][2]:
        _assert_same_gradients(theirs, ours, arguments, rng)


def layers_in_bfloat16() -> None:
    """What runs in a process with oneDNN: without its kernels, on a processor that has none, rounding is all."""
    exact = "avx512" in Path("/proc/cpuinfo").read_text(encoding="utf-8")
    for name in LAYERS:
        theirs, ours, arguments, _ = _with_weights(name, "mixed_bfloat16")
        expected, got = theirs(*arguments), ours(*_tensors(arguments))
        assert got.dtype is torch.bfloat16, name
        try:
            assert_same(got, expected, torch.bfloat16)
        except AssertionError:
            error = largest_error(got.detach().float(), np.array(keras.ops.cast(expected, "float32")))
            if exact or error > 2.0**-5:
                raise AssertionError(f"{name}: {error}") from None


@pytest.mark.slow
def test_layers_in_bfloat16() -> None:
    code = "from tests.parity import test_half_precision_matches_keras as tests; tests.layers_in_bfloat16()"
    environment = {**os.environ, "TF_ENABLE_ONEDNN_OPTS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, cwd=Path(__file__).parents[2], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]


def _assert_same_gradients(theirs: Any, ours: Any, arguments: list[Any], rng: np.random.Generator) -> None:
    """Of the weights, up to the order in which float32 gradients of the steps are added up."""
    with tf.GradientTape() as tape:
        outputs = theirs(*arguments)
        factors = rng.normal(size=outputs.shape).astype(np.float32)
        loss = tf.reduce_sum(tf.cast(outputs, "float32") * factors)
    expected = tape.gradient(loss, [weight.value for weight in theirs.trainable_variables])
    (ours(*_tensors(arguments)).float() * torch.from_numpy(factors)).sum().backward()
    with torch.no_grad():
        for weight in ours.parameters():
            weight.copy_(weight.grad)
    for got, gradient in zip(ours.get_weights(), expected, strict=True):
        np.testing.assert_allclose(got, gradient, rtol=1e-6, atol=1e-6 * np.abs(gradient).max())


@pytest.mark.parametrize("policy", ["float16", "mixed_float16"])
def test_masks_states_and_what_is_kept(policy: str) -> None:
    x = np.random.default_rng(3).normal(size=(B, T, F)).astype(np.float32)
    mask = np.arange(T) < np.array([[2], [5], [0], [3], [1], [5]])
    theirs, ours = (
        library.layers.LSTM(U, stateful=True, return_state=True, dtype=policy) for library in (keras, torch_keras_lstm)
    )
    theirs.build((B, T, F))
    ours.build((B, T, F))
    weights = [np.random.default_rng(4).normal(scale=0.4, size=weight.shape) for weight in theirs.get_weights()]
    theirs.set_weights(weights)
    ours.set_weights(weights)
    for _ in range(2):  # the second call goes on from the states of the first
        expected, got = theirs(x, mask=mask), ours(torch.from_numpy(x), mask=torch.from_numpy(mask), training=False)
        for one, other in zip(got, expected, strict=True):
            assert one.dtype is torch.float16
            assert_same(one, other, torch.float16)


def _own_layer(k: Any, autocast: bool) -> Any:
    class Own(k.layers.Layer):  # type: ignore[misc]
        def build(self, shape: Any) -> None:
            self.factor = self.add_weight(shape=(shape[-1], U), name="factor", initializer="ones")
            self.sublayer = k.layers.Dense(2, dtype="float32")
            self.sublayer.build((None, U))

        def call(self, x: Any) -> Any:
            first = k.ops.sigmoid(k.ops.matmul(k.ops.cast(x, self.compute_dtype), self.factor)) * 0.3
            return self.sublayer(first)

    return Own(dtype="mixed_float16", autocast=autocast)


def _model_of_ones_own(k: Any) -> Any:
    class Own(k.Model):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.dense = k.layers.Dense(U, dtype="float32")

        def call(self, x: Any) -> Any:
            return self.dense(x)

    return Own()


def _graph(k: Any) -> Any:
    inputs = k.Input((T, F))
    hidden = k.layers.Dense(U)(inputs)
    mixed = k.ops.softmax(k.ops.sigmoid(hidden) * 0.3 + k.ops.mean(hidden, axis=-1, keepdims=True))
    return k.Model(inputs, [k.layers.Activation("gelu")(mixed), k.layers.Dense(2, dtype="float32")(inputs)])


def _of(k: Any, outer: str, inner: str, name: str) -> Any:
    layers = k.layers
    made = {
        "TimeDistributed": lambda: layers.TimeDistributed(layers.Dense(U, dtype=inner), dtype=outer),
        "Bidirectional": lambda: layers.Bidirectional(layers.LSTM(U, dtype=inner), dtype=outer),
        "RNN": lambda: layers.RNN(layers.LSTMCell(U, dtype=inner), return_state=True, dtype=outer),
        "cells": lambda: layers.RNN(
            [layers.LSTMCell(U, dtype=inner), layers.GRUCell(2, dtype=outer)], return_state=True, dtype=outer
        ),
    }
    return made[name]()


WITHIN: dict[str, Callable[[Any], Any]] = {
    **{
        f"{name} {outer} around {inner}": (lambda k, a=outer, b=inner, n=name: _of(k, a, b, n))  # type: ignore[misc]
        for name in ("TimeDistributed", "Bidirectional", "RNN", "cells")
        for outer, inner in (("mixed_float16", "float32"), ("float32", "mixed_float16"))
    },
    "own layer": lambda k: _own_layer(k, True),
    "own layer that casts": lambda k: _own_layer(k, False),
    "own model": _model_of_ones_own,
    "graph": _graph,
}


@pytest.mark.parametrize("name", WITHIN)
def test_policies_within_policies(name: str) -> None:
    """Who computes in what, and which types come out, where layers of two policies meet."""
    x = np.random.default_rng(5).normal(size=(B, T, F)).astype(np.float32)
    models = []
    for library in (keras, torch_keras_lstm):
        if name in ("own model", "graph"):
            library.mixed_precision.set_global_policy("mixed_float16")
        models.append(WITHIN[name](library))
        library.mixed_precision.set_global_policy("float32")
    theirs, ours = models
    theirs(x)
    ours(torch.from_numpy(x))
    weights = [np.random.default_rng(6).normal(scale=0.4, size=weight.shape) for weight in theirs.get_weights()]
    theirs.set_weights(weights)
    ours.set_weights(weights)
    expected, got = (keras.tree.flatten(model(of)) for model, of in ((theirs, x), (ours.eval(), torch.from_numpy(x))))
    for one, other in zip(got, expected, strict=True):
        assert str(one.dtype).removeprefix("torch.") == other.dtype.name
        if one.dtype is torch.float16:
            assert_same(one, other, torch.float16)
        else:
            np.testing.assert_allclose(one.detach().numpy(), other, rtol=1e-6, atol=1e-6)


def test_an_embedding_is_trained() -> None:
    """Its table is looked up in float32: in Keras too its gradient is rounded in each vector alone."""
    tokens = np.random.default_rng(7).integers(0, 9, size=(B, T))
    tables = []
    for library in (keras, torch_keras_lstm):
        layers = library.layers
        library.mixed_precision.set_global_policy("mixed_float16")
        model = library.Sequential(
            [layers.Input((T,), dtype="int32"), layers.Embedding(9, F), layers.GRU(U), layers.Dense(2, dtype="float32")]
        )
        draw = np.random.default_rng(8)
        model.set_weights([draw.normal(scale=0.4, size=weight.shape) for weight in model.get_weights()])
        model.compile(library.optimizers.Adam(0.01), "mse")
        model.train_on_batch(tokens, np.ones((B, 2), np.float32))
        tables.append(np.asarray(model.get_weights()[0]))
    np.testing.assert_allclose(tables[1], tables[0], rtol=0, atol=2e-5)


def test_another_type_by_to_has_torchs_numbers() -> None:
    """``.to()`` is torch's: a layer that it makes half, or no longer half, has no policy."""
    x = torch.linspace(-3, 3, 60).reshape(4, 5, 3)
    layer = torch_keras_lstm.layers.Dense(U, activation="sigmoid", dtype="float16")
    layer.build((None, 5, 3))
    half = layer(x)
    single = layer.to(torch.float32)(x)
    assert (half.dtype, single.dtype) == (torch.float16, torch.float32)
    plain = torch_keras_lstm.layers.Dense(U, activation="sigmoid")
    plain.build((None, 5, 3))
    plain.load_state_dict(layer.state_dict())
    assert torch.equal(single, plain(x))
    rounded = plain.to(torch.float16)(x)
    assert torch.equal(rounded, torch.nn.functional.linear(x.half(), plain.weight, plain.bias).sigmoid())
    assert not torch.equal(rounded, half)
