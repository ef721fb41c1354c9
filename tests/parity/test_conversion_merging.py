"""Graphs with merging layers, attention and operations, written live by both Keras, against what wrote them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from tests.tolerances import assert_close
from torch_keras_lstm.models import load_model

Build = Callable[[Any, Any, Any], Any]

# x: (batch, 5) indices, of which 0 is padding; y: (batch, 5, 4).
MODELS: dict[str, Build] = {
    "merges": lambda kinds, x, y: kinds.LSTM(3)(
        kinds.Concatenate()(
            [
                layer([kinds.Embedding(7, 4, mask_zero=True)(x), kinds.Masking()(y)])
                for layer in (kinds.Add(), kinds.Average(), kinds.Maximum(), kinds.Minimum(), kinds.Multiply())
            ]
        )
    ),
    "one-mask": lambda kinds, x, y: kinds.LSTM(3)(kinds.Subtract()([kinds.Embedding(7, 4, mask_zero=True)(x), y])),
    "time": lambda kinds, x, y: kinds.LSTM(3)(
        kinds.Concatenate(axis=1)([kinds.Embedding(7, 4, mask_zero=True)(x), kinds.Masking()(y)])
    ),
    "dot-attention": lambda kinds, x, y: kinds.Dot(axes=(2, 1))(
        [
            kinds.Activation("softmax")(kinds.Dot(axes=2)([kinds.Dense(3)(y), kinds.Dense(3)(y)])),
            kinds.Embedding(7, 4)(x),
        ]
    ),
    "attention": lambda kinds, x, y: kinds.LSTM(3)(
        kinds.AdditiveAttention()(
            [
                kinds.Attention(use_scale=True, score_mode="concat")([kinds.Embedding(7, 4, mask_zero=True)(x), y]),
                kinds.LSTM(4, return_sequences=True)(y),
            ]
        )
    ),
    "heads": lambda kinds, x, y: kinds.LSTM(3)(
        kinds.MultiHeadAttention(2, 3, value_dim=5, output_shape=6)(y, kinds.Embedding(7, 4)(x), use_causal_mask=True)
    ),
    "masked-heads": lambda kinds, x, y: kinds.LSTM(3)(
        kinds.MultiHeadAttention(2, 3)(y, kinds.Embedding(7, 4, mask_zero=True)(x))
    ),
}
OPERATIONS: dict[str, tuple[Any, Build]] = {
    "keras-operations": (
        keras,
        lambda ops, x, y: ops.mean(y * ops.cast(ops.not_equal(x, 0), "float32")[..., None], axis=1),
    ),
    "keras-slices": (keras, lambda ops, x, y: ops.concatenate([y[:, -1], ops.max(y[:, ::-1, 1:], axis=1)], axis=-1)),
    "tensorflow-operations": (
        tf_keras,
        lambda ops, x, y: tf.reduce_mean(y * tf.expand_dims(tf.cast(tf.not_equal(x, 0), "float32"), -1), axis=1),
    ),
    "tensorflow-slices": (
        tf_keras,
        lambda ops, x, y: tf.concat([y[:, -1], 1.0 - tf.reduce_max(y[:, ::-1, 1:], axis=1)], axis=-1),
    ),
}

CONTAINERS = [
    pytest.param(keras, ".keras", id="keras"),
    pytest.param(tf_keras, ".keras", id="tf_keras"),
    pytest.param(tf_keras, ".h5", id="tf_keras-h5"),
]

pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation"),  # Keras' own, under NumPy 2
    pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file"),
]


def compare(model: Any, path: Path) -> None:
    rng = np.random.default_rng(0)
    model.set_weights([rng.standard_normal(weight.shape) for weight in model.get_weights()])
    indices = rng.integers(0, 7, (6, 5)) * (rng.random((6, 5)) < 0.7)
    values = rng.standard_normal((6, 5, 4)).astype("float32")
    values[:, 3:][rng.random((6, 2)) < 0.5] = 0.0
    indices[:, 0] = 1  # a sample that is all padding divides by zero in one Keras and not in another
    inputs = [indices.astype("int32"), values]
    expected = np.asarray(model([*map(tf.constant, inputs)], training=False))
    model.save(path)
    assert_close(load_model(path)(inputs).detach(), expected, "float32 model")


@pytest.mark.parametrize(("namespace", "suffix"), CONTAINERS)
@pytest.mark.parametrize("name", MODELS)
def test_layers(name: str, namespace: Any, suffix: str, tmp_path: Path) -> None:
    x, y = namespace.Input((5,), dtype="int32"), namespace.Input((5, 4))
    model = namespace.Model([x, y], MODELS[name](namespace.layers, x, y))
    compare(model, tmp_path / f"model{suffix}")


@pytest.mark.parametrize("name", OPERATIONS)
def test_operations(name: str, tmp_path: Path) -> None:
    namespace, build = OPERATIONS[name]
    x, y = namespace.Input((5,), dtype="int32"), namespace.Input((5, 4))
    outputs = build(getattr(namespace, "ops", None), x, namespace.layers.LSTM(3, return_sequences=True)(y))
    compare(namespace.Model([x, y], namespace.layers.Dense(2)(outputs)), tmp_path / "model.keras")
