"""Every loss against Keras 3.15: values, gradients, weights, masks, reductions, and what it makes of logits."""

from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
import torch
from keras.src.losses import ALL_OBJECTS_DICT

import torch_keras_lstm
from tests.parity.precision import float64
from tests.tolerances import FLOAT32_ERROR_FLOOR, FLOAT32_ERROR_RATIO, assert_close, largest_error
from torch_keras_lstm import losses
from torch_keras_lstm.layers.naming import snake_case
from torch_keras_lstm.losses import serialization

Arrays = tuple[np.ndarray, np.ndarray]


@pytest.fixture(autouse=True)
def _double() -> Iterator[None]:
    with float64(keras):
        yield


def _real(rng: np.random.Generator, shape: tuple[int, ...]) -> Arrays:
    return 2 * rng.normal(size=shape), 2 * rng.normal(size=shape)


def _counts(rng: np.random.Generator, shape: tuple[int, ...]) -> Arrays:
    return rng.integers(0, 5, size=shape), 3 * rng.random(size=shape)


def _binary(rng: np.random.Generator, shape: tuple[int, ...]) -> Arrays:
    """Probabilities, among them some that are clipped, on both sides and for both targets."""
    y_true, y_pred = rng.integers(0, 2, size=shape), rng.random(size=shape)
    y_pred[0], y_pred[1], y_pred[2] = 0, 1, 3e-8
    return y_true, y_pred


def _binary_logits(rng: np.random.Generator, shape: tuple[int, ...]) -> Arrays:
    y_true, y_pred = rng.integers(0, 2, size=shape), 4 * rng.normal(size=shape)
    y_pred[0], y_pred[1], y_pred[2] = 0, 60, -60
    return y_true, y_pred


def _signs(rng: np.random.Generator, shape: tuple[int, ...]) -> Arrays:
    return rng.choice([-1, 1], size=shape), rng.normal(size=shape)


def _one_hot(rng: np.random.Generator, shape: tuple[int, ...]) -> Arrays:
    """Shares that do not sum to 1, and some that are clipped."""
    y_pred = rng.random(size=shape) + 0.1
    y_pred[0].flat[0], y_pred[1].flat[0] = 0, 1e9
    return np.eye(shape[-1])[rng.integers(0, shape[-1], size=shape[:-1])], y_pred


def _shares(rng: np.random.Generator, shape: tuple[int, ...]) -> Arrays:
    """Logits, and targets whose sum is not 1: those of padding sum to 0."""
    y_true, y_pred = rng.random(size=shape), 4 * rng.normal(size=shape)
    y_true[0], y_pred[1] = 0, 300
    return y_true, y_pred


def _classes(rng: np.random.Generator, shape: tuple[int, ...]) -> Arrays:
    return rng.integers(0, shape[-1], size=shape[:-1]), _one_hot(rng, shape)[1]


def _class_logits(rng: np.random.Generator, shape: tuple[int, ...]) -> Arrays:
    return _classes(rng, shape)[0], 4 * rng.normal(size=shape)


def _class_shares(rng: np.random.Generator, shape: tuple[int, ...]) -> Arrays:
    return rng.integers(0, shape[-1], size=shape[:-1]), rng.random(size=shape) + 0.1


Data = Callable[[np.random.Generator, tuple[int, ...]], Arrays]
# the class, its arguments, the data
CASES: list[tuple[str, dict[str, Any], Data]] = [
    ("MeanSquaredError", {}, _real),
    ("MeanAbsoluteError", {}, _real),
    ("MeanAbsolutePercentageError", {}, _real),
    ("MeanSquaredLogarithmicError", {}, _real),
    ("Huber", {}, _real),
    ("Huber", {"delta": 0.7}, _real),
    ("LogCosh", {}, _real),
    ("CosineSimilarity", {}, _real),
    ("CosineSimilarity", {"axis": 1}, _real),
    ("Hinge", {}, _real),
    ("Hinge", {}, _signs),
    ("Hinge", {}, _binary_logits),
    ("SquaredHinge", {}, _signs),
    ("SquaredHinge", {}, _binary_logits),
    ("CategoricalHinge", {}, _one_hot),
    ("KLDivergence", {}, _binary),
    ("KLDivergence", {}, _one_hot),
    ("Poisson", {}, _counts),
    ("Dice", {}, _binary),
    ("Dice", {"axis": (1,)}, _binary),
    ("Tversky", {"alpha": 0.3, "beta": 0.9}, _binary),
    ("BinaryCrossentropy", {}, _binary),
    ("BinaryCrossentropy", {"label_smoothing": 0.3, "axis": 1}, _binary),
    ("BinaryCrossentropy", {"from_logits": True}, _binary_logits),
    ("BinaryFocalCrossentropy", {}, _binary),
    ("BinaryFocalCrossentropy", {"apply_class_balancing": True, "alpha": 0.3, "gamma": 1.7}, _binary),
    ("BinaryFocalCrossentropy", {"from_logits": True, "label_smoothing": 0.3}, _binary_logits),
    ("CategoricalCrossentropy", {}, _one_hot),
    ("CategoricalCrossentropy", {"label_smoothing": 0.3}, _one_hot),
    ("CategoricalCrossentropy", {"axis": 1}, _one_hot),
    ("CategoricalCrossentropy", {"from_logits": True}, _shares),
    ("CategoricalCrossentropy", {"from_logits": True, "label_smoothing": 0.3, "axis": 1}, _shares),
    ("CategoricalFocalCrossentropy", {}, _one_hot),
    ("CategoricalFocalCrossentropy", {"gamma": 1.7, "label_smoothing": 0.3}, _one_hot),
    ("CategoricalFocalCrossentropy", {"from_logits": True}, _shares),
    ("SparseCategoricalCrossentropy", {}, _classes),
    ("SparseCategoricalCrossentropy", {"ignore_class": 1}, _classes),
    ("SparseCategoricalCrossentropy", {"from_logits": True}, _class_logits),
    ("SparseCategoricalCrossentropy", {"from_logits": True, "ignore_class": 0}, _class_logits),
    ("CategoricalGeneralizedCrossEntropy", {"q": 0.3}, _class_shares),
]
FUNCTIONS = {
    "Huber": "huber",
    "KLDivergence": "kl_divergence",
    "LogCosh": "log_cosh",
    "CategoricalGeneralizedCrossEntropy": "categorical_generalized_cross_entropy",
}


def _function(name: str) -> str:
    return FUNCTIONS.get(name, snake_case(name))


def _id(value: object) -> str:
    return getattr(value, "__name__", str(value)).replace(" ", "")


def _keras(loss: Callable[..., Any], y_true: np.ndarray, y_pred: np.ndarray, *weights: object) -> Arrays:
    variable = tf.Variable(y_pred)
    with tf.GradientTape() as tape:
        value = loss(y_true, tf.convert_to_tensor(variable), *weights)
        cotangent = tf.constant(np.random.default_rng(1).normal(size=value.shape), value.dtype)
        total = tf.reduce_sum(value * cotangent)
    return value.numpy(), tf.convert_to_tensor(tape.gradient(total, variable)).numpy()


def _ours(loss: Callable[..., Any], y_true: np.ndarray, y_pred: np.ndarray, *weights: object) -> Arrays:
    tensor = torch.tensor(y_pred, requires_grad=True)
    value = loss(y_true, tensor, *weights)
    cotangent = torch.tensor(np.random.default_rng(1).normal(size=value.shape), dtype=value.dtype)
    (value * cotangent).sum().backward()
    assert tensor.grad is not None
    return value.detach().numpy(), tensor.grad.numpy()


def _check(ours: Callable[..., Any], reference: Callable[..., Any], *arguments: Any) -> None:
    value, gradient = _ours(ours, *arguments)
    expected_value, expected_gradient = _keras(reference, *arguments)
    assert_close(value, expected_value, "float64", "value")
    assert_close(gradient, expected_gradient, "float64", "gradient")


def test_every_keras_loss_is_here() -> None:
    assert {*serialization._REGISTRY.builders, "Loss"} >= set(ALL_OBJECTS_DICT)


@pytest.mark.parametrize("shape", [(5, 2), (5, 4, 3)], ids=_id)
@pytest.mark.parametrize(("name", "arguments", "data"), CASES, ids=_id)
def test_function(name: str, arguments: dict[str, Any], data: Data, shape: tuple[int, ...]) -> None:
    function = _function(name)
    y_true, y_pred = data(np.random.default_rng(0), shape)
    _check(
        lambda *given: getattr(losses, function)(*given, **arguments),
        lambda *given: getattr(keras.losses, function)(*given, **arguments),
        y_true,
        y_pred,
    )


@pytest.mark.parametrize("name", ["MeanAbsolutePercentageError", "CosineSimilarity", "MeanAbsoluteError", "Huber"])
def test_function_of_zeros(name: str) -> None:
    """By themselves: their gradients are so large that no other would be seen beside them."""
    data = np.random.default_rng(0).normal(size=(1, 3))
    for y_true, y_pred in ((0 * data, data), (data, 0 * data), (0 * data, 0 * data)):
        _check(getattr(losses, _function(name)), getattr(keras.losses, _function(name)), y_true, y_pred)


@pytest.mark.parametrize("shape", [(5, 2), (5, 4, 3)], ids=_id)
@pytest.mark.parametrize(("name", "arguments", "data"), CASES, ids=_id)
def test_object(name: str, arguments: dict[str, Any], data: Data, shape: tuple[int, ...]) -> None:
    y_true, y_pred = data(np.random.default_rng(0), shape)
    # with the classes elsewhere than in the last axis, the losses are not one for each step
    weight = np.random.default_rng(1).random(size=shape[:-1]) if arguments.get("axis", -1) == -1 else None
    _check(getattr(losses, name)(**arguments), getattr(keras.losses, name)(**arguments), y_true, y_pred, weight)
    ours, reference = (getattr(library.losses, name)(**arguments).get_config() for library in (torch_keras_lstm, keras))
    assert ours.items() >= reference.items()
    assert list(getattr(losses, name).from_config(ours).get_config().items()) == list(ours.items())


RANKS = {
    # targets and predictions, the ranks that fit weights and masks
    "one": ((5,), (5, 1)),
    "the_other": ((5, 1), (5,)),
    "both": ((5, 1), (5, 1)),
    "neither": ((5,), (5,)),
    "steps": ((5, 4), (5, 4, 1)),
    "steps_of_one": ((5, 4, 1), (5, 4, 1)),
    "features": ((5, 4, 3), (5, 4, 3)),
    "broadcast": ((5, 1), (5, 3)),
}
REDUCTIONS = ["sum_over_batch_size", "mean", "sum", "mean_with_sample_weight", "none", None]
WEIGHTS = {"neither": None, "samples": (5,), "column": (5, 1), "steps": (5, 4), "column_of_steps": (5, 4, 1)}
MASKS = {"all": None, "samples": (5,), "steps": (5, 4)}


def _weights_and_mask(weight: tuple[int, ...] | None, mask: tuple[int, ...] | None) -> tuple[Any, Any]:
    rng = np.random.default_rng(2)
    return (
        None if weight is None else rng.random(size=weight),
        None if mask is None else rng.random(size=mask) < 0.6,
    )


@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("weight", WEIGHTS)
@pytest.mark.parametrize("ranks", RANKS)
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_ranks_weights_masks_and_reductions(reduction: str | None, ranks: str, weight: str, mask: str) -> None:
    rng = np.random.default_rng(0)
    y_true, y_pred = (rng.normal(size=shape) for shape in RANKS[ranks])
    weights, masks = _weights_and_mask(WEIGHTS[weight], MASKS[mask])
    loss = losses.MeanSquaredError(reduction)

    def reference(y_true: Any, y_pred: Any) -> Any:
        if masks is not None:
            y_pred._keras_mask = tf.constant(masks)
        return keras.losses.MeanSquaredError(reduction)(y_true, y_pred, weights)

    try:
        _keras(reference, y_true, y_pred)
    except tf.errors.InvalidArgumentError:
        with pytest.raises(ValueError, match="does not fit losses of shape"):
            loss(y_true, y_pred, weights, masks)
    else:
        _check(lambda y_true, y_pred: loss(y_true, y_pred, weights, masks), reference, y_true, y_pred)


@pytest.mark.parametrize(("name", "arguments", "data"), CASES, ids=_id)
def test_single_precision(name: str, arguments: dict[str, Any], data: Data) -> None:
    """Keras in float64, on what float32 makes of the numbers, is the truth that both are measured against."""
    function = _function(name)
    y_true, y_pred = data(np.random.default_rng(0), (5, 4, 3))
    y_true, y_pred = y_true.astype(np.float32), y_pred.astype(np.float32)

    def ours(*given: Any) -> Any:
        return getattr(losses, function)(*given, **arguments)

    def reference(*given: Any) -> Any:
        return getattr(keras.losses, function)(*given, **arguments)

    truth = _keras(reference, y_true.astype(np.float64), y_pred.astype(np.float64))
    for what, mine, theirs, true in zip(
        ("value", "gradient"), _ours(ours, y_true, y_pred), _keras(reference, y_true, y_pred), truth, strict=True
    ):
        allowed = max(FLOAT32_ERROR_RATIO * largest_error(theirs, true), FLOAT32_ERROR_FLOOR)
        assert largest_error(mine, true) <= allowed, what


def test_ctc() -> None:
    """TensorFlow has this one in float32 only."""
    y_true = np.array([[1, 2, 0, 0], [3, 3, 1, 0], [0, 0, 0, 0], [2, 1, 4, 3], [1, 1, 4, 0]])
    y_pred = 2 * np.random.default_rng(0).normal(size=(5, 7, 6))
    value, gradient = _ours(losses.CTC(reduction=None), y_true, y_pred)
    expected_value, expected_gradient = _keras(keras.losses.CTC(reduction=None), y_true, y_pred)
    assert_close(value, expected_value, "float32 elementwise", "value")
    assert_close(gradient, expected_gradient, "float32 elementwise", "gradient")


CROSSENTROPIES: list[tuple[str, dict[str, Any]]] = [
    ("binary_crossentropy", {}),
    ("binary_crossentropy", {"label_smoothing": 0.3}),
    ("binary_focal_crossentropy", {}),
    ("categorical_crossentropy", {}),
    ("categorical_crossentropy", {"axis": 1}),
    ("categorical_focal_crossentropy", {}),
    ("sparse_categorical_crossentropy", {}),
    ("sparse_categorical_crossentropy", {"ignore_class": 1}),
    ("kl_divergence", {}),
]


@pytest.mark.parametrize("keeps_logits", [True, False])
@pytest.mark.parametrize("activation", ["sigmoid", "softmax"])
@pytest.mark.parametrize(("name", "arguments"), CROSSENTROPIES, ids=_id)
def test_probabilities_of_an_activation(
    name: str, arguments: dict[str, Any], activation: str, keeps_logits: bool
) -> None:
    """Straight from it, where its logits count, and after an operation, where they do not."""
    data = _classes if name.startswith("sparse") else _one_hot
    y_true = data(np.random.default_rng(0), (5, 4, 3))[0]
    # Some make probabilities that are clipped; none those just short of that, which have few digits left of 1 - p.
    logits = np.random.default_rng(1).choice([-40, -3, -2, -1, 0.5, 1.5, 2.5, 40], size=(5, 4, 3))

    def composed(library: Any) -> Callable[..., Any]:
        def loss(y_true: Any, x: Any) -> Any:
            y_pred = getattr(library.activations, activation)(x)
            return getattr(library.losses, name)(y_true, y_pred if keeps_logits else y_pred + 0.0, **arguments)

        return loss

    _check(composed(torch_keras_lstm), composed(keras), y_true, logits)


@pytest.mark.parametrize(
    ("name", "activation"), [("binary_crossentropy", "sigmoid"), ("categorical_crossentropy", "softmax")]
)
def test_logits_that_are_none(name: str, activation: str) -> None:
    y_true, x = _one_hot(np.random.default_rng(0), (5, 3))
    for library, values in ((keras, tf.constant(x)), (torch_keras_lstm, torch.tensor(x))):
        y_pred = getattr(library.activations, activation)(values)
        with pytest.warns(UserWarning, match="`?from_logits=True`?"):
            getattr(library.losses, name)(y_true, y_pred, from_logits=True)


def _dense(layers: Any, units: int, activation: str | None = None) -> Any:
    return layers.Dense(units, activation=activation, dtype="float64")


MODELS: dict[str, Callable[[Any], list[Any]]] = {
    "sigmoid": lambda layers: [_dense(layers, 1, "sigmoid")],
    "sigmoid_layer": lambda layers: [_dense(layers, 1), layers.Activation("sigmoid", dtype="float64")],
    "sigmoid_then_dropout": lambda layers: [_dense(layers, 1, "sigmoid"), layers.Dropout(0.0, dtype="float64")],
    "sigmoid_then_reshape": lambda layers: [_dense(layers, 1, "sigmoid"), layers.Reshape((4, 1), dtype="float64")],
    "sigmoid_of_each_step": lambda layers: [layers.TimeDistributed(_dense(layers, 1, "sigmoid"), dtype="float64")],
    "softmax": lambda layers: [_dense(layers, 3, "softmax")],
    "softmax_layer": lambda layers: [_dense(layers, 3), layers.Softmax(dtype="float64")],
    "softmax_of_each_step": lambda layers: [layers.TimeDistributed(_dense(layers, 3, "softmax"), dtype="float64")],
}


@pytest.mark.parametrize("model", MODELS)
def test_a_step_of_fit(model: str) -> None:
    """Keras trains in graph mode: one step of it, on predictions of which some are 0 and 1 to all digits."""
    rng = np.random.default_rng(0)
    x, kernel, bias = rng.normal(size=(5, 4, 2)), 40 * rng.normal(size=(2, 3)), rng.normal(size=(3,))
    name = "sparse_categorical_crossentropy" if "softmax" in model else "binary_crossentropy"
    y_true = rng.integers(0, 3, size=(5, 4)) if "softmax" in model else rng.integers(0, 2, size=(5, 4, 1))

    reference = keras.Sequential([keras.Input((4, 2), dtype="float64"), *MODELS[model](keras.layers)])
    units = reference.output_shape[-1]
    reference.set_weights([kernel[:, :units], bias[:units]])
    reference.compile(keras.optimizers.SGD(0.1), loss=name, metrics=[name])
    history = reference.fit(x, y_true, batch_size=5, verbose=0).history

    ours = torch_keras_lstm.models.Sequential(MODELS[model](torch_keras_lstm.layers))
    ours.build((None, 4, 2))
    ours.set_weights([kernel[:, :units], bias[:units]])
    y_pred = ours(torch.tensor(x), training=True)
    loss = losses.resolve(name, torch.tensor(y_true), y_pred)
    assert loss is not None
    value = loss(y_true, y_pred)
    value.backward()
    metric = torch_keras_lstm.metrics.resolve(name, torch.tensor(y_true), y_pred)
    assert_close(value.detach(), history["loss"][0], "float64", "loss")
    assert_close(metric(torch.tensor(y_true), y_pred), history[name][0], "float64", "metric")
    torch.optim.SGD(ours.parameters(), 0.1).step()
    for what, mine, theirs in zip(("kernel", "bias"), ours.get_weights(), reference.get_weights(), strict=True):
        assert_close(mine, theirs, "float64", what)


@pytest.mark.parametrize("arguments", [{}, {"gamma": 3.0, "margin": 0.25}, {"remove_diagonal": False}], ids=_id)
@pytest.mark.parametrize("column", [False, True])
def test_circle(arguments: dict[str, Any], column: bool) -> None:
    """A class of one sample has no pair of one class: it does not count, unless it is paired with itself."""
    rng = np.random.default_rng(0)
    y_true, y_pred = np.array([0, 1, 0, 2, 1, 1, 0, 2, 3]), rng.normal(size=(9, 4))
    y_pred /= np.linalg.norm(y_pred, axis=1, keepdims=True)
    y_true = y_true[:, None] if column else y_true
    ours, reference = losses.Circle(**arguments), keras.losses.Circle(**arguments)
    values = losses.circle(y_true, y_pred, **arguments)
    assert_close(values, keras.losses.circle(y_true, y_pred, **arguments).numpy(), "float64")
    for weight in (None, rng.random(9)):
        value, gradient = _ours(ours, y_true, y_pred, weight)
        expected, expected_gradient = _keras(reference, y_true, y_pred, weight)
        assert_close(value, expected, "float64")
        # TensorFlow's logarithm of nothing has no gradient
        assert np.isnan(expected_gradient).any() or np.abs(gradient - expected_gradient).max() < 1e-9
        assert np.isfinite(gradient).all()
    assert ours.get_config() == reference.get_config()


def test_circle_with_references() -> None:
    rng = np.random.default_rng(0)
    arrays = (np.array([0, 1, 1]), rng.normal(size=(3, 4)), np.array([1, 0, 0, 1]), rng.normal(size=(4, 4)))
    expected = keras.losses.circle(*arrays, remove_diagonal=False).numpy()
    assert_close(losses.circle(*arrays, remove_diagonal=False), expected, "float64")
