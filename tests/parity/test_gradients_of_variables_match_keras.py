"""``[v.value.grad for v in model.trainable_weights]`` after ``loss.backward()``: Keras' gradients, in its layouts."""

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

import torch_keras_lstm
from tests.parity.precision import float64
from tests.tolerances import assert_close

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

_random = np.random.default_rng(5)
IDS = _random.integers(0, 7, (4, 6))


def _model(k: Any) -> Any:
    layers = k.layers
    inputs = k.Input((6,), dtype="int32")
    words = layers.Embedding(7, 5)(inputs)
    branches = [
        layers.Bidirectional(layers.LSTM(3, return_sequences=True)),
        layers.GRU(4, return_sequences=True),
        layers.GRU(3, return_sequences=True, reset_after=False),
        layers.RNN(layers.LSTMCell(5), return_sequences=True),
        layers.SimpleRNN(4, return_sequences=True),
        layers.Conv1D(4, 3, padding="same"),
        layers.SeparableConv1D(5, 2, padding="same"),
        layers.LayerNormalization(),
        layers.EinsumDense("abc,cd->abd", output_shape=(None, 4), bias_axes="d"),
        layers.TimeDistributed(layers.Dense(3)),
        layers.PReLU(shared_axes=[1]),
    ]
    attended = layers.MultiHeadAttention(2, 4, use_bias=False)(words, words)  # Keras rounds the root of 3 to float32
    return k.Model(inputs, layers.Dense(2)(layers.concatenate([attended, *(layer(words) for layer in branches)])))


def test_gradients_of_every_weight_and_their_end() -> None:
    with float64(keras, torch_keras_lstm):
        theirs, ours = _model(keras), _model(torch_keras_lstm)
        values = [_random.normal(size=one.shape) * 0.4 for one in theirs.weights]
        theirs.set_weights(values)
        ours.set_weights(values)
        with tf.GradientTape() as tape:
            loss = keras.ops.sum(keras.ops.square(theirs(IDS, training=True)))
        expected = tape.gradient(loss, [one.value for one in theirs.trainable_weights])
        ours.zero_grad()
        torch_keras_lstm.ops.sum(torch_keras_lstm.ops.square(ours(IDS, training=True))).backward()
    weights = ours.trainable_weights
    assert len(weights) == len(expected) > 30
    for weight, gradient in zip(weights, expected, strict=True):
        got = weight.value.grad
        assert tuple(got.shape) == tuple(weight.shape)
        assert_close(got, tf.convert_to_tensor(gradient).numpy(), "float64", weight.path)
    for weight in weights:
        weight.value.grad = None
    assert all(one.grad is None for one in ours.parameters())


def test_a_gradient_is_set_in_keras_layout() -> None:
    layer = torch_keras_lstm.layers.GRU(3, input_size=2)
    given = [_random.normal(size=one.shape) for one in layer.trainable_weights]
    for weight, gradient in zip(layer.trainable_weights, given, strict=True):
        weight.value.grad = torch_keras_lstm.ops.convert_to_tensor(gradient, "float32")
    for weight, gradient in zip(layer.trainable_weights, given, strict=True):
        assert np.array_equal(np.asarray(weight.value.grad), gradient.astype("float32")), weight.path
    assert [one.grad is None for one in layer.parameters()].count(False) > 2


@pytest.mark.parametrize("name", ["Adam", "AdamW", "SGD", "RMSprop", "Nadam", "Adagrad", "Adamax", "Lion"])
def test_gradients_from_numpy_move_what_they_belong_to(name: str) -> None:
    """Gradients that lie in memory as Keras has them, for parameters that lie otherwise."""
    with float64(keras, torch_keras_lstm):
        moved = []
        shapes = [(3, 8), (2, 8), (8,), (3, 6), (2, 6), (2, 6)]
        given = [np.random.default_rng(7).normal(size=shape) for shape in shapes]
        for k in (keras, torch_keras_lstm):
            parts = [k.layers.LSTM(2), k.layers.GRU(2)]
            for layer in parts:
                layer.build((None, 4, 3))
            weights = [one for layer in parts for one in layer.trainable_variables]
            for weight in weights:
                weight.assign(np.zeros(weight.shape))
            optimizer = getattr(k.optimizers, name)(0.01)
            for _ in range(2):
                optimizer.apply([k.ops.convert_to_tensor(one) for one in given], weights)
            moved.append([k.ops.convert_to_numpy(one) for one in weights])
    for got, expected in zip(moved[1], moved[0], strict=True):
        assert_close(got, expected, "float64 curve", name)
