"""Gradients exactly on the corners of losses and layers against Keras 3, run live, whatever torch's ``clamp`` does."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
import torch

from tests.step_backends import running_on, step_backends
from tests.tolerances import assert_close
from torch_keras_lstm import activations, layers, losses

LAST = 1.0 - 1e-7
ONES, SIGNS = [[1.0, 1.0, 1.0, 1.0]], [[1.0, -1.0, 1.0, -1.0]]
# A loss, its arguments, targets, and predictions of which some lie on a corner, its neighbours beside them.
CORNERS: list[tuple[str, dict[str, Any], Any, Any]] = [
    ("Hinge", {}, SIGNS, [[1.0, -1.0, 0.5, 2.0]]),
    ("SquaredHinge", {}, SIGNS, [[1.0, -1.0, 0.5, 2.0]]),
    ("CategoricalHinge", {}, [[0.0, 1.0, 0.0]], [[-0.5, 0.5, -0.75]]),
    ("CategoricalHinge", {}, [[0.0, 1.0, 0.0]], [[0.25, 0.5, 0.25]]),
    ("KLDivergence", {}, [[0.2, 0.3, 0.5, 1.0]], [[1.0, 1e-7, 0.4, 1.5]]),
    ("BinaryCrossentropy", {}, [[0.0, 1.0, 1.0, 0.0]], [[LAST, 1e-7, LAST, 0.5]]),
    ("BinaryFocalCrossentropy", {}, [[0.0, 1.0, 1.0, 0.0]], [[0.75, 0.25, LAST, 0.5]]),
    ("CategoricalCrossentropy", {}, [[0.0, 0.5, 0.5]], [[0.5, 0.5, 0.0]]),
    ("CategoricalFocalCrossentropy", {}, [[0.0, 0.5, 0.5]], [[0.25, 0.75, 0.0]]),
    ("SparseCategoricalCrossentropy", {}, [1], [[0.5, 0.25, 0.25]]),
    ("MeanAbsoluteError", {}, ONES, [[1.0, 2.0, 0.5, 1.0]]),
    ("MeanAbsolutePercentageError", {}, [[1e-7, 1.0, 0.0, 2.0]], [[1e-7, 1.0, 1.0, 1.0]]),
    ("MeanSquaredLogarithmicError", {}, ONES, [[float(np.float32(1e-7)), 0.0, 1.0, 2.0]]),
    ("Huber", {"delta": 0.5}, ONES, [[1.5, 0.5, 1.0, 3.0]]),
    ("CosineSimilarity", {}, [[3.0, 4.0]], [[1e-7, 0.0]]),
    ("Dice", {}, ONES, [[0.0, 1.0, 0.5, 0.25]]),
    ("Tversky", {}, ONES, [[0.0, 1.0, 0.5, 0.25]]),
]


@pytest.fixture(params=["as it is", "flat on its bounds"])
def clamp(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """torch's own ``clamp``, and one with slope 0 on its bounds, as torch has it from 2.14.1 on."""
    if request.param == "flat on its bounds":

        def flat(x: Any, min: Any = None, max: Any = None) -> Any:
            low = x if min is None else torch.where(x <= min, torch.as_tensor(min, dtype=x.dtype), x)
            return low if max is None else torch.where(low >= max, torch.as_tensor(max, dtype=x.dtype), low)

        for owner in (torch, torch.Tensor):
            monkeypatch.setattr(owner, "clamp", flat)
            monkeypatch.setattr(owner, "clip", flat)
        x = torch.ones(1, requires_grad=True)
        torch.clamp(x, 0.0, 1.0).sum().backward()
        assert x.grad is not None
        assert x.grad.tolist() == [0.0]


def gradients(ours: Callable[[Any], Any], theirs: Callable[[Any], Any], x: Any) -> tuple[Any, Any]:
    """Of a function of ours and of Keras' at ``x``, in double precision."""
    tensor, variable = torch.tensor(x, dtype=torch.float64, requires_grad=True), tf.Variable(x, dtype=tf.float64)
    with tf.GradientTape() as tape:
        expected = tf.reduce_sum(theirs(variable))
    ours(tensor).sum().backward()
    return tensor.grad, tf.convert_to_tensor(tape.gradient(expected, variable)).numpy()


@pytest.mark.usefixtures("clamp")
@pytest.mark.parametrize(("name", "arguments", "y_true", "y_pred"), CORNERS)
def test_losses(name: str, arguments: dict[str, Any], y_true: Any, y_pred: Any) -> None:
    ours = getattr(losses, name)(**arguments, reduction="sum", dtype="float64")
    theirs = getattr(keras.losses, name)(**arguments, reduction="sum", dtype="float64")
    got, expected = gradients(
        lambda x: ours(torch.tensor(y_true, dtype=torch.float64), x),
        lambda x: theirs(tf.constant(y_true, tf.float64), x),
        y_pred,
    )
    assert np.isfinite(expected).all()
    assert_close(got, expected, "float64")


ACTIVATIONS: list[tuple[str, dict[str, Any], list[float]]] = [
    ("hard_tanh", {}, [-1.0, 1.0, 0.0]),
    ("hard_sigmoid", {}, [-3.0, 3.0, 0.0]),
    ("hard_silu", {}, [-3.0, 3.0, 0.0]),
    ("celu", {}, [0.0, -0.0, 1.0]),
    ("relu", {}, [0.0, -0.0]),
    ("relu", {"max_value": 2.0}, [0.0, 2.0, 1.0]),
    ("relu", {"max_value": 6.0}, [0.0, 6.0, 1.0]),
    ("relu", {"max_value": 3.0, "threshold": 1.0, "negative_slope": 0.5}, [1.0, 3.0, 0.0]),
    ("relu6", {}, [0.0, 6.0]),
    ("leaky_relu", {}, [0.0]),
    ("elu", {}, [0.0]),
    ("selu", {}, [0.0]),
    ("hard_shrink", {}, [-0.5, 0.5]),
    ("soft_shrink", {}, [-0.5, 0.5]),
    ("sparse_plus", {}, [-1.0, 1.0]),
    ("sparse_sigmoid", {}, [-1.0, 1.0]),
    ("threshold", {"threshold": 0.5, "default_value": 2.0}, [0.5, 0.25]),
    ("sparsemax", {}, [0.0, 1.0, 0.0]),
    ("sparsemax", {}, [0.5, 0.5, -0.5]),
]


@pytest.mark.usefixtures("clamp")
@pytest.mark.parametrize(("name", "arguments", "x"), ACTIVATIONS)
def test_activations(name: str, arguments: dict[str, Any], x: list[float]) -> None:
    ours, theirs = getattr(activations, name), getattr(keras.activations, name)
    got, expected = gradients(lambda one: ours(one, **arguments), lambda one: theirs(one, **arguments), x)
    assert_close(got, expected, "float64 elementwise")


@pytest.mark.usefixtures("clamp")
def test_the_hard_sigmoid_of_older_kerases() -> None:
    got, expected = gradients(
        activations.hard_sigmoid_keras2, lambda x: tf.clip_by_value(0.2 * x + 0.5, 0.0, 1.0), [-2.5, 2.5, -2.6, 2.6]
    )
    assert_close(got, expected, "float64 elementwise")
    assert got.tolist() == [0.2, 0.2, 0.0, 0.0]


@pytest.mark.usefixtures("clamp")
def test_layers() -> None:
    """A length, or a product of lengths, that is just the least by which these divide."""
    short = [[[1e-6, 0.0], [2.0, 1.0]]]
    got, expected = gradients(
        layers.UnitNormalization(dtype="float64"), keras.layers.UnitNormalization(dtype="float64"), short
    )
    assert_close(got, expected, "float64")


@pytest.mark.usefixtures("clamp")
@pytest.mark.parametrize("way", step_backends())
@pytest.mark.parametrize("steps", [1, 2])
@pytest.mark.parametrize(
    ("function", "corner", "is_flat"), [("hard_sigmoid_keras2", 2.5, False), ("hard_sigmoid", 3.0, True)]
)
def test_gates_on_a_corner(function: str, corner: float, is_flat: bool, steps: int, way: str) -> None:
    """Every path of the recurrence has the slope of the function; one step is left to autograd."""
    layer = layers.LSTM(1, recurrent_activation=function, dtype="float64", unit_forget_bias=False)
    layer.build((None, steps, 1))
    layer.set_weights([np.zeros((1, 4)), np.zeros((1, 4)), np.array([corner, corner, 0.5, corner])])
    with running_on(way):
        output = layer(torch.zeros(1, steps, 1, dtype=torch.float64), initial_state=[torch.ones(1, 1)] * 2)
        (gradient,) = torch.autograd.grad(output.sum(), layer.get_parameter("bias_ih_l0"))
    assert [float(one) == 0 for one in gradient] == [is_flat, is_flat, False, is_flat]
