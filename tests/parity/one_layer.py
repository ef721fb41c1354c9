"""One layer on both sides of a comparison: the same arguments, weights, inputs and mask."""

import inspect
import json
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
import tensorflow as tf
import torch

from tests.tolerances import FLOAT32_ERROR_FLOOR, FLOAT32_ERROR_RATIO, assert_close, largest_error
from torch_keras_lstm import layers

BATCH, TIME, FEATURES = 4, 5, 3


def normal(*shape: int) -> Callable[[np.random.Generator], Any]:
    return lambda rng: rng.standard_normal(shape)


@dataclass(frozen=True)
class Case:
    """A layer and what it is called with.

    Attributes:
        masked: whether the call gets a random mask of the inputs' shape without the last axis.
        training: whether the call is one of training; layers that draw random numbers are compared elsewhere.
    """

    class_name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    inputs: Callable[[np.random.Generator], Any] = normal(BATCH, TIME, FEATURES)  # noqa: RUF009 - a pure function
    masked: bool = False
    training: bool = False

    def __str__(self) -> str:
        shown = [f"{name}={value}" for name, value in self.arguments.items()]
        return "-".join([self.class_name, *shown, *["masked"] * self.masked, *["training"] * self.training])[:100]

    def make(self, namespace: Any, dtype: str = "float64") -> Any:
        return getattr(namespace, self.class_name)(**{"dtype": dtype, **self.arguments})


def built_pair(case: Case, dtype: str = "float64") -> tuple[Any, Any, Any, Any]:
    """Our layer and Keras' with the same random weights, the inputs and the mask."""
    rng = np.random.default_rng(1)
    inputs = case.inputs(rng)
    mask = rng.random(inputs.shape[:-1]) < 0.6 if case.masked else None
    ours, theirs = case.make(layers, dtype), case.make(keras.layers, dtype)
    theirs.build(inputs.shape)
    ours.build(inputs.shape)
    weights = [_random_weight(rng, weight) for weight in theirs.get_weights()]
    theirs.set_weights(weights)
    if isinstance(theirs, keras.layers.Normalization):
        theirs.finalize_state()  # which takes the weights into use
    ours.set_weights(weights)
    return ours, theirs, inputs, mask


def _random_weight(rng: np.random.Generator, like: Any) -> Any:
    # Positive, because variances are among them.
    return rng.uniform(0.3, 1.7, like.shape).astype(like.dtype)


def check_outputs_gradients_and_weights(case: Case) -> None:
    """Outputs, losses, gradients of inputs and weights, and the weights after the call, moving averages among them."""
    ours, theirs, inputs, mask = built_pair(case)
    x = torch.tensor(inputs, requires_grad=True)
    keywords = {"mask": None if mask is None else torch.tensor(mask), "training": case.training}
    outputs = ours(x, **{name: value for name, value in keywords.items() if name in ours.call_arguments})
    scale = np.random.default_rng(2).standard_normal(tuple(outputs.shape))
    loss = (outputs * torch.tensor(scale)).sum() + sum(ours.losses)
    sources = [x, *(getattr(ours, row.parameter) for row in ours._rows if row.trainable and ours.trainable)]
    gradients = torch.autograd.grad(loss, sources)

    with tf.GradientTape() as tape:
        tensor = tf.constant(inputs)
        tape.watch(tensor)
        expected = theirs(tensor, **_keras_keywords(theirs, mask, case.training))
        expected_loss = tf.reduce_sum(expected * scale) + sum(theirs.losses)
    watched = [tensor, *(weight.value for weight in theirs.trainable_weights)]
    expected_gradients = tape.gradient(expected_loss, watched)

    assert outputs.dtype == torch.float64
    assert_close(outputs.detach(), expected.numpy(), "float64", "outputs")
    assert_close(loss.detach(), expected_loss.numpy(), "float64", "loss with regularization")
    for index, (gradient, keras_gradient) in enumerate(zip(gradients, expected_gradients, strict=True)):
        assert_close(gradient, keras_gradient.numpy(), "float64", f"gradient {index}")
    for ours_after, theirs_after in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        assert_close(ours_after, theirs_after, "float64", "a weight after the call")


def check_float32(case: Case) -> None:
    """In float32 our error against float64 is at most twice Keras'."""
    truth = built_pair(case)
    exact = truth[1](truth[2], **_keras_keywords(truth[1], truth[3], case.training)).numpy()
    ours, theirs, inputs, mask = built_pair(case, "float32")
    expected = theirs(inputs, **_keras_keywords(theirs, mask, case.training)).numpy()
    keywords = {"mask": mask, "training": case.training}
    got = ours(inputs, **{name: value for name, value in keywords.items() if name in ours.call_arguments})
    assert got.dtype == torch.float32
    allowed = max(FLOAT32_ERROR_RATIO * largest_error(expected, exact), FLOAT32_ERROR_FLOOR)
    assert largest_error(got.detach(), exact) <= allowed


def check_shape_and_mask(case: Case) -> None:
    """The shape of the output, free sizes or not, and what becomes of a mask."""
    ours, theirs, inputs, mask = built_pair(case)
    free = (None, *inputs.shape[1:])
    assert tuple(ours.compute_output_shape(free)) == tuple(theirs.compute_output_shape(free))
    tensor = tf.constant(inputs)
    if mask is not None:
        tensor._keras_mask = tf.constant(mask)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Layer .* was passed an input with a mask")
        called = theirs(tensor)
    assert tuple(ours(inputs).shape) == tuple(called.shape)
    expected = getattr(called, "_keras_mask", None)
    got = ours.compute_mask(torch.tensor(inputs), None if mask is None else torch.tensor(mask))
    assert (got is None) == (expected is None)
    if expected is not None:
        assert np.array_equal(got.numpy(), expected.numpy())


def check_configurations(case: Case) -> None:
    """What Keras writes is read by us, and what we write by Keras, without loss."""
    ours, theirs = case.make(layers), case.make(keras.layers)
    written_by_keras = json.loads(json.dumps(keras.saving.serialize_keras_object(theirs)))
    read_by_us = layers.deserialize(written_by_keras)
    assert type(read_by_us) is type(ours)
    assert read_by_us.name == theirs.name
    for written_by_us in (layers.serialize(read_by_us), layers.serialize(ours)):
        read_by_keras = keras.saving.deserialize_keras_object(json.loads(json.dumps(written_by_us)))
        assert without_names(keras.saving.serialize_keras_object(read_by_keras)) == without_names(written_by_keras)


def check_lazy_loading(case: Case) -> None:
    """A `state_dict` builds a layer that was not."""
    ours, _, inputs, _ = built_pair(case)
    fresh = case.make(layers)
    fresh.load_state_dict(ours.state_dict())
    assert fresh.built
    with torch.no_grad():
        assert torch.equal(fresh.eval()(inputs), ours.eval()(inputs))


def without_names(config: Any) -> Any:
    """The configuration as JSON has it, names and build shapes left out."""
    if isinstance(config, dict):
        kept = {key: value for key, value in config.items() if key not in ("name", "build_config")}
        if config.get("class_name") == "DTypePolicy":
            kept["name"] = config["config"]["name"]
        return {key: without_names(value) for key, value in kept.items()}
    return [without_names(value) for value in config] if isinstance(config, list | tuple) else config


def _keras_keywords(layer: Any, mask: Any, training: bool) -> dict[str, Any]:
    keywords = {"training": training} if layer._call_has_training_arg else {}
    takes_mask = mask is not None and "mask" in inspect.signature(layer.call).parameters
    return {**keywords, "mask": mask} if takes_mask else keywords
