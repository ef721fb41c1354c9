"""What the peers on TensorFlow share: a layer inside tf.function."""

from typing import Any

import numpy as np
import tensorflow as tf

from benchmarks.cases import Case
from benchmarks.peers.job import Job


def set_threads(threads: int) -> None:
    """Called before TensorFlow computes anything."""
    tf.get_logger().setLevel("ERROR")  # it warns of tracing each case anew
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)


def tensorflow_job(case: Case, layer: Any) -> Job:
    """The job of a Keras layer; a layer that streams is stateful."""
    training = case.mode == "training"
    mask = None if case.mask is None else tf.constant(case.mask)
    inputs, output_gradient = tf.constant(case.inputs), tf.constant(case.output_gradient)

    def call(inputs: Any) -> Any:
        return layer(inputs, training=training) if mask is None else layer(inputs, mask=mask, training=training)

    @tf.function  # type: ignore[untyped-decorator]
    def forward(inputs: Any) -> Any:
        return call(inputs)

    @tf.function  # type: ignore[untyped-decorator]
    def step(inputs: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            output = call(inputs)
        gradients = tape.gradient(output, [inputs, *layer.trainable_variables], output_gradient)
        return output, gradients

    def training_results() -> dict[str, Any]:
        output, (of_inputs, *of_weights) = step(inputs)
        weights = {f"weight {index}": gradient.numpy() for index, gradient in enumerate(of_weights)}
        return {"output": output.numpy(), "inputs": of_inputs.numpy(), **weights}

    if training:
        return Job(lambda: step(inputs), training_results)
    if case.mode == "forward":
        return Job(lambda: forward(inputs), lambda: {"output": forward(inputs).numpy()})
    steps = [inputs[:, index : index + 1] for index in range(inputs.shape[1])]

    def stream_results() -> dict[str, Any]:
        return {"output": np.concatenate([forward(step).numpy() for step in steps], axis=1)}

    return Job(lambda: forward(steps[0]), stream_results)
