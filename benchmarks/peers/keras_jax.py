"""Keras 3 on JAX, its stateless calls under ``jax.jit``."""

from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np

from benchmarks.cases import Case
from benchmarks.peers.job import Job
from benchmarks.peers.keras_layer import keras_layer


def set_threads(threads: int) -> None:
    """XLA takes as many as the process may use."""


def prepare(case: Case) -> Job:
    """The layer's stateless call; a stream hands its states from call to call."""
    layer = keras_layer(keras, case, return_state=case.mode == "stream", seed=0)
    weights = [variable.value for variable in layer.trainable_variables]
    others = [variable.value for variable in layer.non_trainable_variables]
    mask = None if case.mask is None else jnp.asarray(case.mask)
    inputs, training = jnp.asarray(case.inputs), case.mode == "training"

    def call(weights: Any, others: Any, inputs: Any, **arguments: Any) -> Any:
        if mask is not None:
            arguments["mask"] = mask
        return layer.stateless_call(weights, others, inputs, training=training, **arguments)

    if case.mode == "forward":
        forward = jax.jit(lambda weights, others, inputs: call(weights, others, inputs)[0])
        return Job(
            lambda: jax.block_until_ready(forward(weights, others, inputs)),
            lambda: {"output": np.asarray(forward(weights, others, inputs))},
        )
    if case.mode == "stream":
        return stream(case, jax.jit(lambda x, states: call(weights, others, x, initial_state=states)[0]))
    output_gradient = jnp.asarray(case.output_gradient)

    @jax.jit  # type: ignore[untyped-decorator]
    def step(weights: Any, others: Any, inputs: Any) -> Any:
        output, gradients, others = jax.vjp(
            lambda weights, inputs: call(weights, others, inputs), weights, inputs, has_aux=True
        )
        return output, gradients(output_gradient), others

    def run() -> Any:
        nonlocal others
        output, gradients, others = jax.block_until_ready(step(weights, others, inputs))
        return output, gradients

    def results() -> dict[str, Any]:
        output, (of_weights, of_inputs) = run()
        named = {f"weight {index}": np.asarray(gradient) for index, gradient in enumerate(of_weights)}
        return {"output": np.asarray(output), "inputs": np.asarray(of_inputs), **named}

    return Job(run, results)


def stream(case: Case, step: Any) -> Job:
    """The job of a function from one step and the states before it to the output and the states after it."""
    batch, _, _, units = case.shape
    states = [jnp.zeros((batch, units))] * 2
    steps = [jnp.asarray(case.inputs[:, index : index + 1]) for index in range(case.inputs.shape[1])]

    def run(inputs: Any = steps[0]) -> Any:
        nonlocal states
        output, *states = jax.block_until_ready(step(inputs, states))
        return output

    return Job(run, lambda: {"output": np.concatenate([np.asarray(run(inputs)) for inputs in steps], axis=1)})
