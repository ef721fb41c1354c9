"""Every layer without recurrence against Keras 3 on TensorFlow: numbers, gradients, masks, shapes, losses, configs."""

import json
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
import torch

from tests.tolerances import assert_close
from torch_keras_lstm import layers

KERAS = keras.layers
BATCH, TIME, FEATURES, UNITS = 4, 5, 3, 2


@dataclass
class Case:
    """The same layer on both sides, and what it is called with."""

    id: str
    class_name: str
    arguments: dict[str, Any]
    inputs: Callable[[np.random.Generator], Any]
    inner: tuple[str, dict[str, Any]] | None = None

    def make(self, namespace: Any, dtype: str = "float64") -> Any:
        arguments = {"dtype": dtype, **self.arguments}
        if self.inner is not None:
            name, inner_arguments = self.inner
            arguments["layer"] = getattr(namespace, name)(dtype=dtype, **inner_arguments)
        return getattr(namespace, self.class_name)(**arguments)


def normal(*shape: int) -> Callable[[np.random.Generator], Any]:
    return lambda rng: rng.standard_normal(shape)


def indices(*shape: int, dtype: str = "int64") -> Callable[[np.random.Generator], Any]:
    return lambda rng: rng.integers(0, 7, shape).astype(dtype)


def with_steps_of(value: float, *shape: int) -> Callable[[np.random.Generator], Any]:
    def draw(rng: np.random.Generator) -> Any:
        inputs = rng.standard_normal(shape)
        inputs[rng.random(shape[:-1]) < 0.4] = value
        inputs[0, 0, 0] = value  # one feature alone masks nothing
        return inputs

    return draw


REGULARIZED = {
    "kernel_regularizer": "l2",
    "bias_regularizer": "l1",
    "kernel_constraint": "max_norm",
    "bias_constraint": "non_neg",
    "activity_regularizer": keras.regularizers.serialize(keras.regularizers.L2(0.03)),
}
CASES = [
    Case("Dense", "Dense", {"units": UNITS}, normal(BATCH, FEATURES)),
    Case("Dense-rank4", "Dense", {"units": UNITS, "activation": "tanh"}, normal(BATCH, TIME, 6, FEATURES)),
    Case("Dense-no-bias", "Dense", {"units": UNITS, "use_bias": False}, normal(BATCH, FEATURES)),
    Case("Dense-softmax", "Dense", {"units": UNITS, "activation": "softmax"}, normal(BATCH, TIME, FEATURES)),
    Case("Dense-regularized", "Dense", {"units": UNITS, **REGULARIZED}, normal(BATCH, FEATURES)),
    Case("Dense-integers", "Dense", {"units": UNITS}, indices(BATCH, FEATURES)),
    Case("Dense-booleans", "Dense", {"units": UNITS}, indices(BATCH, FEATURES, dtype="bool")),
    Case("Embedding", "Embedding", {"input_dim": 7, "output_dim": 3}, indices(BATCH, TIME)),
    Case(
        "Embedding-mask",
        "Embedding",
        {"input_dim": 7, "output_dim": 3, "mask_zero": True, "embeddings_regularizer": "l1"},
        indices(BATCH, TIME, dtype="int32"),
    ),
    Case("Embedding-rank3", "Embedding", {"input_dim": 7, "output_dim": 2}, indices(BATCH, TIME, 3)),
    Case("Embedding-fractions", "Embedding", {"input_dim": 7, "output_dim": 3}, lambda rng: rng.random((4, 5)) * 6.9),
    Case("Masking", "Masking", {}, with_steps_of(0.0, BATCH, TIME, FEATURES)),
    Case("Masking-value", "Masking", {"mask_value": -1.5}, with_steps_of(-1.5, BATCH, TIME, FEATURES)),
    Case("Masking-unmatched", "Masking", {"mask_value": -1.1}, with_steps_of(-1.1, BATCH, TIME, FEATURES)),
    Case(
        "Masking-float32",
        "Masking",
        {"mask_value": -1.1},
        with_steps_of(float(np.float32(-1.1)), BATCH, TIME, FEATURES),
    ),
    Case("Masking-rank4", "Masking", {}, with_steps_of(0.0, BATCH, TIME, 6, FEATURES)),
    Case("Dropout", "Dropout", {"rate": 0.4, "seed": 3}, normal(BATCH, FEATURES)),
    Case("Dropout-noise", "Dropout", {"rate": 0.4, "noise_shape": [None, 1, FEATURES]}, normal(BATCH, TIME, FEATURES)),
    Case("Activation", "Activation", {"activation": "relu"}, normal(BATCH, TIME, FEATURES)),
    Case("Flatten", "Flatten", {}, normal(BATCH, TIME, 6, FEATURES)),
    Case("Flatten-first", "Flatten", {"data_format": "channels_first"}, normal(BATCH, TIME, 6, FEATURES)),
    Case("Flatten-rank2-first", "Flatten", {"data_format": "channels_first"}, normal(BATCH, TIME)),
    Case("Flatten-rank1", "Flatten", {}, normal(BATCH)),
    Case("RepeatVector", "RepeatVector", {"n": 6}, normal(BATCH, FEATURES)),
    Case(
        "TimeDistributed-Dense",
        "TimeDistributed",
        {"activity_regularizer": "l2"},
        normal(BATCH, TIME, FEATURES),
        inner=("Dense", {"units": UNITS, "activation": "sigmoid", "kernel_regularizer": "l1"}),
    ),
    Case(
        "TimeDistributed-inner-activity",
        "TimeDistributed",
        {},
        normal(BATCH, TIME, FEATURES),
        inner=("Dense", {"units": UNITS, "activity_regularizer": "l2", "bias_regularizer": "l1"}),
    ),
    Case("TimeDistributed-Flatten", "TimeDistributed", {}, normal(BATCH, TIME, 6, FEATURES), inner=("Flatten", {})),
    Case(
        "TimeDistributed-RepeatVector", "TimeDistributed", {}, normal(BATCH, TIME, 3), inner=("RepeatVector", {"n": 2})
    ),
]
every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)


def built_pair(case: Case, rng: np.random.Generator) -> tuple[Any, Any, Any]:
    """Our layer and Keras' with the same random weights, and the inputs."""
    inputs = case.inputs(rng)
    ours, theirs = case.make(layers).eval(), case.make(KERAS)
    theirs(inputs)
    ours.build(inputs.shape)
    weights = [rng.standard_normal(weight.shape) for weight in theirs.get_weights()]
    theirs.set_weights(weights)
    ours.set_weights(weights)
    return ours, theirs, inputs


@every_case
def test_outputs_gradients_and_losses(case: Case) -> None:
    ours, theirs, inputs = built_pair(case, np.random.default_rng(1))
    floating = np.issubdtype(inputs.dtype, np.floating) and case.class_name != "Embedding"
    x = torch.tensor(inputs, requires_grad=floating)
    outputs = ours(x)
    scale = np.random.default_rng(2).standard_normal(tuple(outputs.shape))
    loss = (outputs * torch.tensor(scale)).sum() + sum(ours.losses)
    names = [name for name, _ in ours.named_parameters()]
    sources = [*([x] if floating else []), *ours.parameters()]
    ours_gradients = torch.autograd.grad(loss, sources) if sources else ()

    with tf.GradientTape() as tape:
        expected_inputs = tf.constant(inputs)
        tape.watch(expected_inputs)
        expected = theirs(expected_inputs)
        expected_loss = tf.reduce_sum(expected * scale) + sum(theirs.losses)
    expected_sources = [*([expected_inputs] if floating else []), *(weight.value for weight in theirs.weights)]
    expected_gradients = [
        tf.convert_to_tensor(gradient).numpy() for gradient in tape.gradient(expected_loss, expected_sources)
    ]

    assert outputs.dtype == torch.float64
    assert_close(outputs.detach(), expected.numpy(), "float64", "outputs")
    assert_close(loss.detach(), expected_loss.numpy(), "float64", "loss with regularization")
    if floating:
        assert_close(ours_gradients[0], expected_gradients[0], "float64", "gradient of the inputs")
    pairs = zip(names, ours_gradients[floating:], expected_gradients[floating:], strict=True)
    for name, gradient, keras_gradient in pairs:
        transposed = gradient.T if name.endswith("weight") and "Embedding" not in case.id else gradient
        assert_close(transposed, keras_gradient, "float64", f"gradient of {name}")


@every_case
def test_output_shapes(case: Case) -> None:
    ours, theirs, inputs = built_pair(case, np.random.default_rng(3))
    free = (None, *inputs.shape[1:])
    assert tuple(ours.compute_output_shape(free)) == tuple(theirs.compute_output_shape(free))
    assert tuple(ours.compute_output_shape(inputs.shape)) == tuple(theirs(inputs).shape)


@every_case
@pytest.mark.parametrize("masked", [False, True])
def test_what_becomes_of_a_mask(case: Case, masked: bool) -> None:
    rng = np.random.default_rng(4)
    ours, theirs, inputs = built_pair(case, rng)
    mask = rng.random(inputs.shape[:2]) < 0.6 if masked and inputs.ndim > 1 else None
    found: list[Any] = []
    sides: Any = ((ours, torch.tensor), (theirs, tf.constant))
    for layer, tensor_of in sides:
        tensor = tensor_of(inputs)
        if mask is not None:
            tensor._keras_mask = tensor_of(mask)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Layer .* was passed an input with a mask")
            found.append(getattr(layer(tensor), "_keras_mask", None))
    got, expected = found
    assert (got is None) == (expected is None)
    if expected is not None:
        assert got.dtype == torch.bool
        assert np.array_equal(got.numpy(), expected.numpy())


@every_case
def test_configurations_pass_both_ways(case: Case) -> None:
    ours, theirs = case.make(layers), case.make(KERAS)
    written_by_keras = json.loads(json.dumps(keras.saving.serialize_keras_object(theirs)))
    read_by_us = layers.deserialize(written_by_keras)
    assert type(read_by_us) is type(ours)
    assert getattr(layers, case.class_name).from_config(theirs.get_config()).name == theirs.name

    for written_by_us in (layers.serialize(read_by_us), layers.serialize(ours)):
        read_by_keras = keras.saving.deserialize_keras_object(json.loads(json.dumps(written_by_us)))
        expected = _without_names(written_by_keras)
        assert _without_names(keras.saving.serialize_keras_object(read_by_keras)) == expected


def _without_names(config: Any) -> Any:
    """The configuration as JSON has it, names and build shapes left out."""
    config = json.loads(json.dumps(config)) if not isinstance(config, dict | list) else config
    if isinstance(config, dict):
        kept = {key: value for key, value in config.items() if key not in ("name", "build_config")}
        if config.get("class_name") == "DTypePolicy":
            kept["name"] = config["config"]["name"]
        return {key: _without_names(value) for key, value in kept.items()}
    return [_without_names(value) for value in config] if isinstance(config, list | tuple) else config


@pytest.mark.parametrize(
    "arguments",
    [
        {"shape": (TIME, FEATURES)},
        {"shape": (None, FEATURES), "batch_size": BATCH, "dtype": "float64"},
        {"batch_shape": (None, TIME), "dtype": "int32"},
    ],
    ids=str,
)
def test_input_layer_configurations_pass_both_ways(arguments: dict[str, Any]) -> None:
    theirs = KERAS.InputLayer(**arguments)
    ours = layers.InputLayer.from_config(json.loads(json.dumps(theirs.get_config())))
    assert ours.batch_shape == theirs.batch_shape
    read_by_keras = keras.saving.deserialize_keras_object(layers.serialize(ours))
    assert read_by_keras.get_config() == theirs.get_config()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_outputs_in_lower_precision_have_the_layers_dtype(case: Case, dtype: str) -> None:
    inputs = case.inputs(np.random.default_rng(5))
    ours, theirs = case.make(layers, dtype), case.make(KERAS, dtype)
    expected = theirs(inputs)
    assert str(ours(inputs).dtype).removeprefix("torch.") == expected.dtype.name


def test_dropout_keeps_the_share_and_the_scale_that_keras_keeps() -> None:
    inputs = np.ones((200, 100))
    ours = layers.Dropout(0.25, seed=1, dtype="float64")(inputs, training=True)
    theirs = KERAS.Dropout(0.25, seed=1, dtype="float64")(inputs, training=True).numpy()
    assert np.array_equal(np.unique(ours), np.unique(theirs))
    assert abs(float(ours.mean()) - theirs.mean()) < 0.05


@pytest.mark.parametrize("training", [False, None])
def test_full_dropout_gives_zeros_in_training_and_nothing_else_otherwise(training: bool | None) -> None:
    inputs = np.random.default_rng(6).standard_normal((BATCH, FEATURES))
    ours, theirs = layers.Dropout(1.0, dtype="float64").eval(), KERAS.Dropout(1.0, dtype="float64")
    assert np.array_equal(ours(inputs, training=True), theirs(inputs, training=True).numpy())
    assert np.array_equal(ours(inputs, training=training), theirs(inputs, training=training).numpy())


def test_the_mask_reaches_the_inner_layer_of_time_distributed_step_by_step() -> None:
    rng = np.random.default_rng(7)
    inputs, mask = rng.standard_normal((BATCH, TIME, 6, FEATURES)), rng.random((BATCH, TIME, 6)) < 0.6
    mask[..., 0] = True
    weights = [rng.standard_normal(shape) for shape in ((FEATURES, UNITS), (UNITS,))]
    outputs = []
    for namespace in (layers, KERAS):
        inner = namespace.TimeDistributed(namespace.Dense(UNITS, dtype="float64"), dtype="float64")
        outer = namespace.TimeDistributed(inner, dtype="float64")
        outer.build(inputs.shape)
        outer.set_weights(weights)
        outputs.append(
            np.asarray(outer(inputs, mask=mask).detach() if namespace is layers else outer(inputs, mask=mask))
        )
    assert_close(outputs[0], outputs[1], "float64")
