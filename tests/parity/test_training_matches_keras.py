"""Regularization, constraints and a hundred training steps against Keras 3 on TensorFlow, run live."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf
import torch
from torch.nn.functional import mse_loss

import torch_keras_lstm.layers
from tests.tolerances import assert_all_close, assert_close
from torch_keras_lstm.models import Sequential

# Keras' optimizers read their learning rate from a float32 variable, so the rate is one that float32 holds exactly.
LEARNING_RATE = 0.125
STEPS = 100


def make_layers(layers: Any) -> list[Any]:
    """A stack with every kind of penalty and constraint that an LSTM can carry."""
    constrained = {
        "kernel_constraint": "max_norm",
        "recurrent_constraint": "unit_norm",
        "bias_constraint": "non_neg",
        "kernel_regularizer": "l2",
        "recurrent_regularizer": "l1",
        "bias_regularizer": "L1L2",
        "activity_regularizer": "l2",
    }
    return [
        layers.Input((6, 3), dtype="float64"),
        layers.Masking(dtype="float64"),
        layers.Bidirectional(layers.LSTM(4, return_sequences=True, dtype="float64"), dtype="float64"),
        layers.LSTM(5, dtype="float64", **constrained),
        layers.Dense(2, dtype="float64"),
    ]


def data() -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    rng = np.random.default_rng(5)
    inputs = rng.normal(size=(7, 6, 3))
    inputs[rng.random((7, 6)) < 0.3] = 0.0
    targets = rng.normal(size=(7, 2))
    shapes = [(3, 16), (4, 16), (16,), (3, 16), (4, 16), (16,), (8, 20), (5, 20), (20,), (5, 2), (2,)]
    return inputs, targets, [rng.normal(scale=0.4, size=shape) for shape in shapes]


def test_losses_match_keras() -> None:
    inputs, _, weights = data()
    theirs = keras.Sequential(make_layers(keras.layers))
    theirs.set_weights(weights)
    theirs(tf.constant(inputs))
    ours = Sequential(make_layers(torch_keras_lstm.layers))
    ours.build(inputs.shape)
    ours.set_weights(weights)
    ours(inputs)
    assert len(ours.losses) == len(theirs.losses) == 4
    got = sorted(loss.item() for loss in ours.losses)
    expected = sorted(float(loss) for loss in theirs.losses)
    assert_close(got, expected, "float64")


def test_a_hundred_steps_follow_keras() -> None:
    """The same weights, data and plain gradient descent: every loss, and the weights at the end."""
    inputs, targets, weights = data()
    theirs = keras.Sequential(make_layers(keras.layers))
    theirs.set_weights(weights)
    optimizer = keras.optimizers.SGD(LEARNING_RATE)
    optimizer.build(theirs.trainable_weights)

    def apply_gradients() -> Any:
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((theirs(tf.constant(inputs), training=True) - targets) ** 2) + sum(theirs.losses)
        gradients = tape.gradient(loss, [weight.value for weight in theirs.trainable_weights])
        optimizer.apply(gradients, theirs.trainable_weights)
        return loss

    step = tf.function(apply_gradients)  # one graph, as in `fit`; without it, ten times as long
    expected = [float(step()) for _ in range(STEPS)]

    ours = Sequential(make_layers(torch_keras_lstm.layers))
    ours.build(inputs.shape)
    ours.set_weights(weights)
    descent = torch.optim.SGD(ours.parameters(), LEARNING_RATE)
    descent.register_step_post_hook(lambda *_: ours.apply_constraints())
    got = []
    for _ in range(STEPS):
        descent.zero_grad()
        our_loss = mse_loss(ours(inputs), torch.tensor(targets)) + sum(ours.losses)
        our_loss.backward()
        descent.step()
        got.append(our_loss.item())
    assert expected[-1] < 0.9 * expected[0], "the run must train, or the curve proves nothing"
    for step, (mine, keras_loss) in enumerate(zip(got, expected, strict=True)):
        assert_close([mine], [keras_loss], "float64 curve", f"loss of step {step}")
    names = [f"{index} {weight.path}" for index, weight in enumerate(theirs.weights)]
    assert_all_close(
        dict(zip(names, ours.get_weights(), strict=True)),
        dict(zip(names, theirs.get_weights(), strict=True)),
        "float64 curve",
    )
