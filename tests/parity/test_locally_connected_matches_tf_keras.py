"""``LocallyConnected1D`` and ``2D``, which Keras 3 has no more, in tf_keras: every layout of the kernel, and files."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import tf_keras
import torch

from tests.tolerances import assert_close
from torch_keras_lstm import layers
from torch_keras_lstm.models import Sequential, load_model

pytestmark = pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file:UserWarning")

WINDOWS: list[tuple[str, dict[str, Any]]] = [
    ("LocallyConnected1D", {"kernel_size": 3, "strides": 2}),
    ("LocallyConnected1D", {"kernel_size": 4, "padding": "same", "strides": 3, "kernel_regularizer": "l2"}),
    ("LocallyConnected2D", {"kernel_size": [2, 3], "strides": [1, 2], "activation": "tanh"}),
    ("LocallyConnected2D", {"kernel_size": [3, 2], "padding": "same", "bias_constraint": "non_neg"}),
]
CASES = [
    pytest.param(name, {**window, "implementation": number, "data_format": form}, id=f"{name}-{case}-{number}-{form}")
    for case, (name, window) in enumerate(WINDOWS)
    for number in (1, 2, 3)
    for form in ("channels_last", "channels_first")
    if number > 1 or window.get("padding") != "same"
]


def sample(name: str, form: str) -> np.ndarray:
    sizes = (9,) if name.endswith("1D") else (6, 7)
    shape = (4, 3, *sizes) if form == "channels_first" else (4, *sizes, 3)
    return np.random.default_rng(5).standard_normal(shape)


def pair(name: str, arguments: dict[str, Any]) -> tuple[Any, Any, np.ndarray]:
    """Ours and tf_keras' with one set of weights, and an input."""
    made = [getattr(space, name)(filters=2, **arguments, dtype="float64") for space in (layers, tf_keras.layers)]
    given = sample(name, arguments["data_format"])
    for layer in made:
        layer.build(given.shape)
    rng = np.random.default_rng(7)
    weights = [rng.standard_normal(weight.shape) for weight in made[1].get_weights()]
    for layer in made:
        layer.set_weights(weights)
    return made[0], made[1], given


@pytest.mark.parametrize(("name", "arguments"), CASES)
def test_outputs_gradients_and_configuration(name: str, arguments: dict[str, Any]) -> None:
    ours, theirs, given = pair(name, arguments)
    x, y = torch.tensor(given, requires_grad=True), tf.constant(given)
    with tf.GradientTape() as tape:
        tape.watch(y)
        expected = theirs(y)
        total = tf.reduce_sum(tf.sin(expected)) + sum(theirs.losses)
    output = ours(x)
    assert_close(output.detach(), expected.numpy(), "float64", name)
    assert tuple(output.shape) == ours.compute_output_shape(given.shape) == tuple(expected.shape)
    (output.sin().sum() + sum(ours.losses)).backward()
    gradients = tape.gradient(total, [y, *theirs.trainable_weights])
    for mine, other in zip([x, ours.kernel, ours.bias], gradients, strict=True):
        assert_close(mine.grad, tf.convert_to_tensor(other).numpy(), "float64", name)
    mine, other = ours.get_config(), theirs.get_config()
    for name in ("filters", "implementation", "padding", "data_format", "kernel_size", "strides", "use_bias"):
        assert mine[name] == other[name], name
    assert mine.keys() == other.keys() - {"activity_regularizer"}


@pytest.mark.parametrize("file", ["model.keras", "model.h5"])
def test_files(file: str, tmp_path: Path) -> None:
    """Each layout in one model, with and without a known batch; and what is saved from it."""
    L = tf_keras.layers
    theirs = tf_keras.Sequential(
        [
            L.LocallyConnected2D(3, 2, input_shape=(6, 7, 2)),
            L.LocallyConnected2D(2, (3, 2), padding="same", implementation=2),
            L.LocallyConnected2D(2, 2, strides=2, implementation=3, use_bias=False),
            L.Reshape((6, 2)),
            L.LocallyConnected1D(3, 2),
            L.LocallyConnected1D(2, 3, implementation=3, padding="same"),
        ]
    )
    theirs.set_weights([np.random.default_rng(3).standard_normal(one.shape) for one in theirs.get_weights()])
    given = np.random.default_rng(4).standard_normal((5, 6, 7, 2)).astype("float32")
    expected = theirs.predict(given, verbose=0)
    theirs.save(tmp_path / file)
    model = load_model(tmp_path / file)
    assert_close(model(given).detach(), expected, "float32 model")
    with pytest.raises(ValueError, match="Keras 3 has no layer LocallyConnected2D"):
        model.save(tmp_path / "again.keras")
    model.save(tmp_path / "again")
    assert_close(load_model(tmp_path / "again")(given).detach(), expected, "float32 model")


def test_a_state_dict_gives_a_layer_its_shapes() -> None:
    for number in (1, 2, 3):
        built = layers.LocallyConnected2D(3, 2, implementation=number)
        x = torch.randn(2, 5, 4, 2)
        expected = built(x)
        again = layers.LocallyConnected2D(3, 2, implementation=number)
        again.load_state_dict(built.state_dict())
        assert torch.equal(again(x), expected)
        with pytest.raises(ValueError, match=r"what is loaded has no `bias`"):
            layers.LocallyConnected2D(3, 2).load_state_dict({"kernel": built.kernel})


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: layers.LocallyConnected1D(2, 3, padding="same"), "`padding='same'` .* needs `implementation=2` or 3"),
        (lambda: layers.LocallyConnected1D(2, 3, implementation=4), "`implementation` must be 1, 2 or 3, got 4"),
        (lambda: layers.LocallyConnected1D(2, 3)(torch.zeros(1, 2, 4)), "window larger than its input"),
        (lambda: layers.LocallyConnected1D(2, 3).build((None, None, 4)), "whose sizes are known, got"),
        (lambda: Sequential([layers.Input((9, 4)), layers.LocallyConnected1D(2, 3)])(torch.zeros(1, 8, 4)), "shape"),
    ],
)
def test_errors(make: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make()


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_kernel_of_another_size_is_refused(number: int) -> None:
    layer = layers.LocallyConnected1D(2, 3, implementation=number)
    layer(torch.zeros(1, 9, 4))
    with pytest.raises(ValueError, match=r"which is not that of inputs of shape \(1, 8, 4\)"):
        layer(torch.zeros(1, 8, 4))
