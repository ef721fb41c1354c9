"""Activations, initializers, regularizers and constraints against Keras 3.15, and tf_keras where that differs."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras
import torch
from torch import Tensor

from tests.tolerances import assert_close
from torch_keras_lstm import activations, constraints, initializers, regularizers

SHAPES = [(7,), (3, 8), (2, 5, 4)]

ACTIVATIONS: list[tuple[str, dict[str, Any]]] = [
    *((name, {}) for name in (
        "celu", "elu", "exponential", "gelu", "hard_shrink", "hard_sigmoid", "hard_silu", "hard_swish", "hard_tanh",
        "leaky_relu", "linear", "log_sigmoid", "log_softmax", "mish", "relu", "relu6", "selu", "sigmoid", "silu",
        "soft_shrink", "softmax", "softplus", "softsign", "sparse_plus", "sparse_sigmoid", "sparsemax", "squareplus",
        "swish", "tanh", "tanh_shrink",
    )),
    ("celu", {"alpha": 0.3}),
    ("elu", {"alpha": 0.3}),
    ("gelu", {"approximate": True}),
    ("hard_shrink", {"threshold": 0.3}),
    ("leaky_relu", {"negative_slope": 0.3}),
    ("relu", {"negative_slope": 0.3}),
    ("relu", {"max_value": 6}),
    ("relu", {"max_value": 2.3}),
    ("relu", {"threshold": 0.3}),
    ("relu", {"negative_slope": 0.1, "max_value": 2.3}),
    ("relu", {"negative_slope": 0.1, "max_value": 6.0, "threshold": 0.3}),
    ("soft_shrink", {"threshold": 0.3}),
    ("squareplus", {"b": 0.3}),
    ("threshold", {"threshold": 0.3, "default_value": 0.7}),
]  # fmt: skip


def _id(value: object) -> str:
    return str(value).replace(" ", "")


def _reference_tensorflow(function: Callable[[tf.Tensor], tf.Tensor], x: np.ndarray, cotangent: np.ndarray) -> Any:
    """The value of ``function`` at ``x``, and the gradient of its inner product with ``cotangent``."""
    variable = tf.Variable(x)
    with tf.GradientTape() as tape:
        value = function(tf.convert_to_tensor(variable))
        total = tf.reduce_sum(value * cotangent)
    return value.numpy(), tape.gradient(total, variable).numpy()


def _check(ours: Callable[[Tensor], Tensor], keras_function: Callable[[tf.Tensor], tf.Tensor], x: np.ndarray) -> None:
    value_shape = np.shape(keras_function(tf.constant(x)))
    cotangent = np.random.default_rng(1).normal(size=value_shape)
    value, gradient = _reference_tensorflow(keras_function, x, cotangent)
    tensor = torch.tensor(x, requires_grad=True)
    result = ours(tensor)
    (result * torch.from_numpy(cotangent)).sum().backward()
    assert tensor.grad is not None
    assert_close(result.detach(), value, "float64 elementwise", "value")
    assert_close(tensor.grad, gradient, "float64 elementwise", "gradient")


def _call(function: Callable[..., Any], arguments: dict[str, Any]) -> Callable[[Any], Any]:
    return lambda x: function(x, **arguments)


def test_every_keras_activation_is_here() -> None:
    from keras.src.activations import ALL_OBJECTS_DICT

    assert {name for name, _ in ACTIVATIONS} | {"glu"} == set(ALL_OBJECTS_DICT)
    for name in ALL_OBJECTS_DICT:
        assert activations.get(name).__name__ == keras.activations.get(name).__name__


@pytest.mark.parametrize("shape", SHAPES, ids=_id)
@pytest.mark.parametrize(("name", "arguments"), ACTIVATIONS, ids=_id)
def test_activation(name: str, arguments: dict[str, Any], shape: tuple[int, ...]) -> None:
    x = 3 * np.random.default_rng(0).normal(size=shape)
    _check(_call(activations.get(name), arguments), _call(keras.activations.get(name), arguments), x)


# Every number at which one of the functions above has a corner, between its neighbours. Those of 0 are not the nearest,
# because TensorFlow computes exp(x) - 1, and denormal numbers, as 0.
CORNERS = np.array([-6, -3, -1, -0.5, -0.3, 0.3, np.float32(0.3), 0.5, 1, 2.3, np.float32(2.3), 2.5, 3, 6], np.float64)
AROUND_CORNERS = np.concatenate([np.nextafter(CORNERS, -9), CORNERS, np.nextafter(CORNERS, 9), [-1e-8, 0.0, 1e-8]])


@pytest.mark.parametrize(("name", "arguments"), ACTIVATIONS, ids=_id)
def test_activation_at_its_corners(name: str, arguments: dict[str, Any]) -> None:
    # One row each, so that the functions of a whole axis see these numbers beside others.
    x = np.stack([AROUND_CORNERS, np.random.default_rng(0).normal(size=AROUND_CORNERS.shape)], axis=1)
    _check(_call(activations.get(name), arguments), _call(keras.activations.get(name), arguments), x)


@pytest.mark.parametrize(("name", "arguments"), ACTIVATIONS, ids=_id)
def test_activation_far_out(name: str, arguments: dict[str, Any]) -> None:
    """Each number by itself: beside a large one a small one could not be seen to be wrong."""
    for x in (-1e4, -745.0, -300.0, -40.0, -21.0, 21.0, 40.0, 300.0, 700.0, 1e4):
        if name == "exponential" and x > 700:
            continue  # infinite on both sides
        row = np.array([[x, 0.4]])
        _check(_call(activations.get(name), arguments), _call(keras.activations.get(name), arguments), row)


@pytest.mark.parametrize("name", ["softmax", "log_softmax", "sparsemax", "glu"])
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_activation_along_an_axis(name: str, axis: int) -> None:
    x = np.random.default_rng(0).normal(size=(2, 6, 4))
    _check(_call(activations.get(name), {"axis": axis}), _call(keras.activations.get(name), {"axis": axis}), x)


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
@pytest.mark.parametrize("axis", [(1, 2), (0, 3), (2, 0, 1)], ids=_id)
def test_activation_along_several_axes(name: str, axis: tuple[int, ...]) -> None:
    x = np.random.default_rng(0).normal(size=(2, 6, 4, 3))
    _check(_call(activations.get(name), {"axis": axis}), _call(keras.activations.get(name), {"axis": axis}), x)


NUMBERS: list[Any] = [
    np.array([[0.3, -1.2, 2.0], [0.1, 0.7, -0.4]]),
    np.array([[0.3, -1.2, 2.0], [0.1, 0.7, -0.4]], np.float32)[::-1],
    [[0.3, -1.2, 2.0], [0.1, 0.7, -0.4]],
]


@pytest.mark.parametrize("numbers", NUMBERS, ids=["float64", "float32", "list"])
def test_arrays_and_lists(numbers: Any) -> None:
    """Each function takes what Keras takes, and answers in the same type."""
    pairs = [(getattr(activations, name), getattr(keras.activations, name)) for name in ("relu", "gelu", "softmax")]
    pairs += [(getattr(activations, name), getattr(keras.activations, name)) for name in ("tanh", "hard_swish", "mish")]
    pairs += [(getattr(regularizers, name)(), getattr(keras.regularizers, name)()) for name in ("L1", "L1L2")]
    pairs += [(getattr(constraints, name)(), getattr(keras.constraints, name)()) for name in ("MaxNorm", "Constraint")]
    is_list = isinstance(numbers, list)
    for ours, theirs in pairs:
        got = ours(numbers)
        assert isinstance(got, Tensor)
        expected = keras.ops.convert_to_tensor(theirs(np.array(numbers, np.float32) if is_list else numbers))
        assert str(got.dtype) == f"torch.{expected.dtype.name}"
        assert_close(got, expected.numpy(), "float32 elementwise", str(ours))
    with pytest.raises(TypeError, match="expected numbers, got str: 'ab'"):
        activations.relu("ab")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "arguments",
    [{}, {"side": "imag", "window": "hamming", "scaling": None, "periodic": True},
     {"window": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0], "scaling": "spectrum"}],
    ids=_id,
)  # fmt: skip
def test_kernels_of_a_fourier_transform(arguments: dict[str, Any]) -> None:
    ours, theirs = initializers.STFT(**arguments), keras.initializers.STFT(**arguments)
    assert_close(ours((6, 1, 5), "float64"), theirs((6, 1, 5), "float64").numpy(), "float64")
    assert keras.initializers.get(initializers.serialize(ours)).get_config() == ours.get_config()
    with pytest.raises(ValueError, match="window of shape"):
        initializers.STFT(window=[1.0, 2.0])((6, 1, 5))


@pytest.mark.parametrize("shape", [*SHAPES, "corners"], ids=_id)
def test_hard_sigmoid_of_keras_2(shape: Any) -> None:
    x = AROUND_CORNERS if shape == "corners" else 3 * np.random.default_rng(0).normal(size=shape)
    _check(activations.hard_sigmoid_keras2, tf_keras.activations.hard_sigmoid, x)


REGULARIZERS: list[tuple[str, dict[str, Any]]] = [
    ("L1", {}),
    ("L1", {"l1": 0.3}),
    ("L2", {}),
    ("L2", {"l2": 0.3}),
    ("L1L2", {"l1": 0.3}),
    ("L1L2", {"l2": 0.7}),
    ("L1L2", {"l1": 0.3, "l2": 0.7}),
    ("OrthogonalRegularizer", {}),
    ("OrthogonalRegularizer", {"factor": 0.3, "mode": "columns"}),
]
CONSTRAINTS: list[tuple[str, dict[str, Any]]] = [
    ("NonNeg", {}),
    ("MaxNorm", {}),
    ("MaxNorm", {"max_value": 0.7, "axis": 1}),
    ("MaxNorm", {"max_value": 0.7, "axis": [0, 1]}),
    ("UnitNorm", {}),
    ("UnitNorm", {"axis": -1}),
    ("MinMaxNorm", {}),
    ("MinMaxNorm", {"min_value": 1.5, "max_value": 2.1, "rate": 0.3, "axis": 1}),
]
INITIALIZERS: list[tuple[str, dict[str, Any]]] = [
    ("Zeros", {}),
    ("Ones", {}),
    ("Constant", {"value": 0.7}),
    ("Constant", {"value": [0.1, 0.2, 0.3]}),
    ("Constant", {"value": np.array([0.1, 0.2, 0.3])}),
    ("Identity", {"gain": 0.7}),
    ("RandomNormal", {"mean": 0.3, "stddev": 0.7, "seed": 5}),
    ("RandomUniform", {"minval": -0.3, "maxval": 0.7}),
    ("TruncatedNormal", {"mean": 0.3, "stddev": 0.7}),
    ("VarianceScaling", {"scale": 0.3, "mode": "fan_out", "distribution": "uniform", "seed": 5}),
    ("VarianceScaling", {"distribution": "normal"}),
    *((name, {"seed": 5, "input_axes": [0], "output_axes": [1]}) for name in (
        "GlorotNormal", "GlorotUniform", "HeNormal", "HeUniform", "LecunNormal", "LecunUniform",
    )),
    ("Orthogonal", {"gain": 1.1, "seed": 5}),
]  # fmt: skip
MODULES = {
    "regularizers": (regularizers, keras.regularizers, REGULARIZERS),
    "constraints": (constraints, keras.constraints, CONSTRAINTS),
    "initializers": (initializers, keras.initializers, INITIALIZERS),
}
OBJECTS = [
    (kind, name, arguments)
    for kind, (_, _, rows) in MODULES.items()
    for name, arguments in rows
    if name != "Identity"  # Keras forgets its gain when it writes one
]


@pytest.mark.parametrize("shape", SHAPES, ids=_id)
@pytest.mark.parametrize(("name", "arguments"), REGULARIZERS[:7], ids=_id)
def test_regularizer(name: str, arguments: dict[str, Any], shape: tuple[int, ...]) -> None:
    x = np.random.default_rng(0).normal(size=shape)
    x.flat[1] = 0.0
    _check(getattr(regularizers, name)(**arguments), getattr(keras.regularizers, name)(**arguments), x)


@pytest.mark.parametrize(("name", "arguments"), REGULARIZERS[7:], ids=_id)
def test_orthogonal_regularizer(name: str, arguments: dict[str, Any]) -> None:
    """Keras' own fails on float64 weights, where its float32 factor meets them: the factor is taken out of it."""
    reference = keras.regularizers.OrthogonalRegularizer(**arguments)
    factor, reference.factor = tf.cast(reference.factor, tf.float64), 1.0
    x = np.random.default_rng(0).normal(size=(3, 5))
    _check(getattr(regularizers, name)(**arguments), lambda weight: factor * reference(weight), x)


@pytest.mark.parametrize("shape", [(3, 8), (2, 5, 4)], ids=_id)
@pytest.mark.parametrize(("name", "arguments"), CONSTRAINTS, ids=_id)
def test_constraint(name: str, arguments: dict[str, Any], shape: tuple[int, ...]) -> None:
    x = np.random.default_rng(0).normal(size=shape)
    x[..., 1] = 0.0
    expected = keras.ops.convert_to_numpy(getattr(keras.constraints, name)(**arguments)(x))
    assert_close(getattr(constraints, name)(**arguments)(torch.from_numpy(x)), expected, "float64 elementwise")


@pytest.mark.parametrize(("name", "arguments"), INITIALIZERS[:6], ids=_id)
def test_initializer_that_draws_nothing(name: str, arguments: dict[str, Any]) -> None:
    expected = keras.ops.convert_to_numpy(getattr(keras.initializers, name)(**arguments)((5, 3), dtype="float64"))
    got = getattr(initializers, name)(**arguments)((5, 3), dtype=torch.float64)
    assert_close(got, expected, "float64 elementwise")


@pytest.mark.parametrize("shape", [(), (7,), (3, 8), (2, 5, 4)], ids=_id)
def test_fans(shape: tuple[int, ...]) -> None:
    from keras.src.initializers.random_initializers import compute_fans

    assert initializers.VarianceScaling().fans(shape) == compute_fans(shape)


@pytest.mark.parametrize("name", ["RandomNormal", "RandomUniform", "TruncatedNormal", "GlorotNormal", "GlorotUniform",
                                  "HeNormal", "HeUniform", "LecunNormal", "LecunUniform", "Orthogonal"])  # fmt: skip
def test_random_initializer_has_the_distribution_of_keras(name: str) -> None:
    """The same quantiles, the extreme ones included, as far as two samples of this size can agree."""
    shape = (60, 400)
    ours = getattr(initializers, name)(seed=1)(shape, dtype=torch.float64).numpy()
    theirs = keras.ops.convert_to_numpy(getattr(keras.initializers, name)(seed=1)(shape, dtype="float64"))
    # Kolmogorov and Smirnov's bound for two samples of n numbers, which chance exceeds once in ten million draws.
    bound = 2.9 * np.sqrt(2 / ours.size)
    points = np.sort(theirs, axis=None)
    distance = np.abs(np.searchsorted(np.sort(ours, axis=None), points) - np.arange(ours.size)) / ours.size
    assert distance.max() < bound
    assert np.searchsorted(points, ours.min()) < 20
    assert np.searchsorted(points, ours.max()) > ours.size - 20


def _same(ours: object, theirs: object, kind: str) -> None:
    """Compare the arguments of an object of ours and one of Keras', as both would write them."""
    mine, keras_own = (module.serialize(obj) for module, obj in zip(MODULES[kind][:2], (ours, theirs), strict=True))
    assert mine.keys() == keras_own.keys()
    assert {**mine, "config": None} == {**keras_own, "config": None}
    assert mine["config"].keys() == keras_own["config"].keys()
    for key, value in mine["config"].items():
        single = kind == "regularizers" and isinstance(value, float)  # Keras keeps some of these in float32
        assert (
            (np.float32(value) == np.float32(keras_own["config"][key])) if single else value == keras_own["config"][key]
        )


@pytest.mark.parametrize(("kind", "name", "arguments"), OBJECTS, ids=_id)
def test_what_one_writes_the_other_reads(kind: str, name: str, arguments: dict[str, Any]) -> None:
    ours_module, keras_module, _ = MODULES[kind]
    ours, theirs = getattr(ours_module, name)(**arguments), getattr(keras_module, name)(**arguments)
    _same(ours, theirs, kind)
    _same(ours_module.get(keras_module.serialize(theirs)), theirs, kind)
    _same(ours, keras_module.deserialize(ours_module.serialize(ours)), kind)
    _same(ours, keras_module.get(ours_module.serialize(ours)), kind)


def test_identity_is_written_with_its_gain() -> None:
    assert keras.initializers.get(initializers.serialize(initializers.Identity(0.7))).gain == 0.7
    assert repr(initializers.get(keras.initializers.serialize(keras.initializers.Identity()))) == "Identity(gain=1.0)"


@pytest.mark.parametrize("kind", MODULES)
def test_every_name_of_keras_is_here(kind: str) -> None:
    module, keras_module, _ = MODULES[kind]
    known = getattr(keras.src, kind).ALL_OBJECTS_DICT
    bases_and_spectrograms = {"Initializer", "Regularizer", "Constraint", "STFT"}
    for name, cls in known.items():
        if cls.__name__ not in bases_and_spectrograms:
            assert type(module.get(name)).__name__ == cls.__name__
    for name in vars(keras_module):
        if isinstance(getattr(keras_module, name), type) and name.lower()[:4] not in ("stft", "init", "regu", "cons"):
            assert getattr(module, name).__name__ == getattr(keras_module, name).__name__


@pytest.mark.parametrize(
    "name", ["l1", "l2", "l1_l2", "L1L2", "maxnorm", "nonneg", "unitnorm", "GlorotUniformV2", "one"]
)
def test_names_of_keras_2(name: str) -> None:
    kind = next(kind for kind in MODULES if hasattr(getattr(tf_keras.src, kind), name))
    theirs, ours = getattr(tf_keras, kind).get(name), MODULES[kind][0].get(name)
    assert type(ours).__name__ == type(theirs).__name__
    if kind == "regularizers":
        weight = np.random.default_rng(0).normal(size=(3, 8)).astype(np.float32)
        assert_close(ours(torch.from_numpy(weight)), theirs(weight), "float32 model")


def test_activations_of_either_are_written_alike() -> None:
    for name in {name for name, _ in ACTIVATIONS}:
        assert activations.serialize(activations.get(name)) == keras.activations.serialize(keras.activations.get(name))
    assert activations.get(keras.saving.serialize_keras_object(keras.activations.silu)) is activations.silu
