"""The reference: an LSTM case run by Keras 3 on TensorFlow, outputs and gradients by name."""

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tests.parity.lstm_cases import Case, factors, name_outputs


def as_keras_config(case: Case, dtype: str) -> dict[str, Any]:
    """The case's arguments for Keras, always through its plain loop.

    Unrolled, Keras zeroes masked outputs of a reversed sequence at the wrong steps; the rolled loop is the rule that we
    follow (docs/numerics.md). And with `use_cudnn='auto'` it crashes on `dropout` with `implementation=1`.
    """
    config = {**case.config, "dtype": dtype, "use_cudnn": False}
    if config["go_backwards"] and config["zero_output_for_mask"]:
        config["unroll"] = False
    return config


def set_dropout(layer: Any, case: Case, arrays: Mapping[str, np.ndarray], dtype: str, half: int = 0) -> None:
    """Hand the layer the dropout masks of its next call, which it forgets after it."""
    masks = [tf.constant(mask, dtype) for mask in arrays[f"input_dropout_{half}"]]
    layer.cell._dropout_mask = masks if case.masks_per_gate else masks[0]
    layer.cell._recurrent_dropout_mask = [tf.constant(mask, dtype) for mask in arrays[f"recurrent_dropout_{half}"]]


def reference_keras_lstm(case: Case, dtype: str = "float64") -> dict[str, np.ndarray]:
    """Outputs, final states and gradients of the case in Keras, as NumPy arrays by name."""
    arrays = case.arrays()
    layer = keras.layers.LSTM(**as_keras_config(case, dtype))
    layer.build((case.sizes[0], None, case.sizes[2]))
    layer.set_weights(case.weights(arrays))
    return run(layer, [layer], case, arrays, ["hidden_0", "cell_0"], dtype)


def run(
    layer: Any, halves: list[Any], case: Case, arrays: Mapping[str, np.ndarray], state_names: list[str], dtype: str
) -> dict[str, np.ndarray]:
    """Call a recurrent layer with the case's inputs; a stateful one after a first call that leaves it a state.

    ``halves`` are the layers with a cell to hand dropout masks to.
    """

    def call(inputs: Any, **arguments: Any) -> Any:
        for half, one in enumerate(halves):
            set_dropout(one, case, arrays, dtype, half)
        # Not layer(...), whose bookkeeping of masks crashes for a stateful Bidirectional with `return_state`.
        return layer.call(inputs, training=case.training, **arguments)

    inputs = tf.Variable(arrays["inputs"], dtype=dtype)
    states = {name: tf.Variable(arrays[name], dtype=dtype) for name in state_names}
    if case.config["stateful"]:
        call(tf.constant(arrays["more_inputs"], dtype), mask=arrays.get("more_mask"))
    with tf.GradientTape() as tape:
        initial_state = list(states.values()) if case.with_initial_state else None
        named = name_outputs(call(inputs, mask=arrays.get("mask"), initial_state=initial_state))
        loss = tf.add_n([tf.reduce_sum(value * factors(case, name, value.shape)) for name, value in named.items()])
    sources = {"d inputs": inputs}
    sources |= {f"d {index} {weight.name}": weight.value for index, weight in enumerate(layer.trainable_weights)}
    if case.with_initial_state:
        sources |= {f"d {name}": state for name, state in states.items()}
    gradients = tape.gradient(loss, sources, unconnected_gradients="zero")
    return {name: np.asarray(value) for name, value in {**named, **gradients}.items()}
