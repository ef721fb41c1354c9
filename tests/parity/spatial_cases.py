"""Layers over the axes of space: the same layer here and in Keras, and the comparison of all they compute."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf
import torch

from tests.tolerances import assert_close
from torch_keras_lstm import layers


@dataclass
class Case:
    """A layer by its class and arguments, and the shape of its inputs, batch axis included."""

    class_name: str
    arguments: dict[str, Any]
    shape: tuple[int, ...]
    dtype: str = "float64"

    @property
    def tolerance(self) -> str:
        return {"float64": "float64", "float32": "float32 model"}[self.dtype]

    def __str__(self) -> str:
        return "-".join([self.class_name, *(f"{name}={value}" for name, value in self.arguments.items())])

    def make(self, namespace: Any) -> Any:
        return getattr(namespace, self.class_name)(**self.arguments, dtype=self.dtype)

    @property
    def seed(self) -> list[int]:
        return [*str(self).encode()]


def same_weights(case: Case) -> tuple[Any, Any, np.ndarray]:
    """Our layer and Keras' with the same random weights, and the inputs."""
    rng = np.random.default_rng(case.seed)
    ours, theirs = case.make(layers), case.make(keras.layers)
    theirs.build(case.shape)
    ours.build(case.shape)
    weights = [rng.standard_normal(weight.shape) for weight in theirs.get_weights()]
    theirs.set_weights(weights)
    ours.set_weights(weights)
    return ours, theirs, rng.standard_normal(case.shape).astype(case.dtype)


def weight_gradients(layer: layers.Layer) -> Iterator[tuple[str, torch.Tensor]]:
    """Each weight's name and gradient, in Keras' layout and order."""
    for row in layer._rows:
        gradient = getattr(layer, row.parameter).grad
        assert gradient is not None, row.name
        yield row.name, row.to_keras(gradient)


def compare_outputs_and_gradients(case: Case) -> None:
    """Outputs, losses, and gradients of the inputs and of every weight."""
    ours, theirs, inputs = same_weights(case)
    x = torch.tensor(inputs, requires_grad=True)
    outputs = ours(x)
    scale = np.random.default_rng(case.seed[::-1]).standard_normal(tuple(outputs.shape)).astype(case.dtype)
    loss = (outputs * torch.tensor(scale)).sum() + sum(ours.losses)
    loss.backward()

    def reference(inputs: Any, scale: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            expected = theirs(inputs)
            expected_loss = tf.reduce_sum(expected * scale) + sum(theirs.losses)
        return expected, expected_loss, tape.gradient(expected_loss, [inputs, *(w.value for w in theirs.weights)])

    # TensorFlow's own CPU kernels lack groups, channels in front, means of volumes in float64 and dilated
    # transposed convolutions; XLA has them, but takes long to compile.
    compiled = case.arguments.get("groups", 1) > 1 or case.arguments.get("data_format") == "channels_first"
    compiled = compiled or case.class_name == "AveragePooling3D"
    compiled = compiled or ("Transpose" in case.class_name and "dilation_rate" in case.arguments)
    run = tf.function(reference, jit_compile=True) if compiled else reference
    expected, expected_loss, gradients = run(tf.constant(inputs), tf.constant(scale))
    assert outputs.dtype == x.dtype
    assert_close(outputs.detach(), expected, case.tolerance, "outputs")
    assert_close(loss.detach(), expected_loss, case.tolerance, "loss with regularization")
    assert_close(x.grad, gradients[0], case.tolerance, "gradient of the inputs")
    for (name, gradient), keras_gradient in zip(weight_gradients(ours), gradients[1:], strict=True):
        assert_close(gradient, keras_gradient, case.tolerance, f"gradient of {name}")


def compare_shapes_and_configurations(case: Case) -> None:
    """Output shapes with sizes free and known, and configurations in both directions."""
    ours, theirs = case.make(layers), case.make(keras.layers)
    rank = len(case.shape) - 2
    first = case.arguments.get("data_format") == "channels_first"
    free = (None, case.shape[1], *(None,) * rank) if first else (None, *(None,) * rank, case.shape[-1])
    for shape in (case.shape, free):
        assert tuple(ours.compute_output_shape(shape)) == tuple(theirs.compute_output_shape(shape)), shape
    read_by_us = layers.deserialize(keras.saving.serialize_keras_object(theirs))
    for written, name in ((layers.serialize(ours), ours.name), (layers.serialize(read_by_us), theirs.name)):
        assert keras.saving.deserialize_keras_object(written).get_config() == theirs.get_config() | {"name": name}
