"""Sequential stacks with masks against Keras 3 on TensorFlow, run live: what each layer does with a mask adds up."""

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
import torch

import torch_keras_lstm
from tests.parity.our_lstm import weight_gradients
from tests.tolerances import assert_all_close
from torch_keras_lstm.layers import Layer
from torch_keras_lstm.models import Sequential

Config = dict[str, Any]


@dataclass(frozen=True)
class Stack:
    """Layers as (class, arguments), where an argument may be such a pair itself, and an input for them."""

    seed: int
    layers: tuple[tuple[str, Config], ...]
    inputs: np.ndarray

    @property
    def label(self) -> str:
        """A readable test id."""
        return f"{self.seed}-" + "-".join(name for name, _ in self.layers)

    def build(self, layers: Any) -> list[Any]:
        """The layers from a namespace: keras.layers, or ours."""

        def make(name: str, config: Config) -> Any:
            made = {key: make(*value) if isinstance(value, tuple) else value for key, value in config.items()}
            return getattr(layers, name)(**made, dtype="float64")

        # Without an Input of its own Keras casts the model's inputs to float32.
        entry = layers.Input(self.inputs.shape[1:], dtype=self.inputs.dtype.name)
        return [entry, *(make(name, config) for name, config in self.layers)]


def draw_stack(seed: int) -> Stack:
    """A source of a mask, one to three recurrent layers with layers between them, and a head."""
    rng = np.random.default_rng(seed)

    def size() -> int:
        return int(rng.integers(2, 7))

    def flag() -> bool:
        return bool(rng.random() < 0.5)

    def recurrent(return_sequences: bool) -> tuple[str, Config]:
        config: Config = {"units": size(), "return_sequences": return_sequences, "go_backwards": flag()}
        config["recurrent_activation"] = str(rng.choice(["sigmoid", "hard_sigmoid"]))
        kind = rng.choice(["LSTM", "Bidirectional", "RNN"])
        if kind == "LSTM":
            return "LSTM", {**config, "zero_output_for_mask": flag()}
        if kind == "RNN":
            cell = {"units": config.pop("units"), "activation": "softsign"}
            del config["recurrent_activation"]
            return "RNN", {**config, "cell": ("LSTMCell", cell)}
        config["go_backwards"] = False
        merge_mode = str(rng.choice(["concat", "sum", "ave", "mul"]))
        return "Bidirectional", {"layer": ("LSTM", config), "merge_mode": merge_mode}

    batch, time, features = 3, 7, 4
    layers: list[tuple[str, Config]]
    inputs: np.ndarray
    if flag():
        layers = [("Embedding", {"input_dim": 6, "output_dim": size(), "mask_zero": True})]
        inputs = rng.integers(0, 6, size=(batch, time)) * (rng.random((batch, time)) < 0.7)
    else:
        value = float(rng.choice([0.0, -1.0]))
        layers = [("Masking", {"mask_value": value})]
        inputs = rng.normal(size=(batch, time, features))
        inputs[rng.random((batch, time)) < 0.4] = value
    for _ in range(int(rng.integers(0, 3))):
        layers.append(recurrent(return_sequences=True))
        between = rng.choice(["", "Dropout", "TimeDistributed", "Activation", "Dense"])
        if between == "Dropout":
            layers.append(("Dropout", {"rate": 0.5}))
        elif between == "Activation":
            layers.append(("Activation", {"activation": "tanh"}))
        elif between == "Dense":
            layers.append(("Dense", {"units": size(), "activation": "relu"}))
        elif between == "TimeDistributed":
            layers.append(("TimeDistributed", {"layer": ("Dense", {"units": size()})}))
    last = str(rng.choice(["vector", "sequence", "flatten", "repeat"]))
    layers.append(recurrent(return_sequences=last in ("sequence", "flatten")))
    if last == "flatten":
        layers.append(("Flatten", {}))
    elif last == "repeat":
        layers += [("RepeatVector", {"n": 3}), recurrent(return_sequences=True)]
    layers.append(("Dense", {"units": size()}))
    return Stack(seed, tuple(layers), inputs)


# Keras' Flatten warns that it ends the mask, which is what is compared here.
pytestmark = pytest.mark.filterwarnings("ignore:Layer 'flatten:UserWarning")

STACKS = [draw_stack(seed) for seed in range(80)]


@pytest.mark.parametrize("stack", STACKS, ids=lambda stack: stack.label)
def test_stack_matches_keras(stack: Stack) -> None:
    theirs = keras.Sequential(stack.build(keras.layers))
    rng = np.random.default_rng(stack.seed)
    weights = [rng.normal(scale=0.5, size=weight.shape) for weight in theirs.weights]
    theirs.set_weights(weights)
    inputs = tf.Variable(stack.inputs)
    factors = rng.normal(size=theirs.compute_output_shape(stack.inputs.shape))
    with tf.GradientTape() as tape:
        output = theirs(inputs)
        loss = tf.reduce_sum(output * factors)
    sources = {f"d {index} {weight.name}": weight.value for index, weight in enumerate(theirs.trainable_weights)}
    if stack.inputs.dtype == np.float64:
        sources["d inputs"] = inputs
    gradients = tape.gradient(loss, sources, unconnected_gradients="zero")
    expected = {"output": output, **{name: tf.convert_to_tensor(value) for name, value in gradients.items()}}

    ours = Sequential(stack.build(torch_keras_lstm.layers))
    ours.build(stack.inputs.shape)
    ours.set_weights(weights)
    ours.eval()
    tensor = torch.tensor(stack.inputs, requires_grad=stack.inputs.dtype == np.float64)
    result = ours(tensor)
    (result * torch.tensor(factors)).sum().backward()
    got = {"output": result, **weight_gradients(ours)}
    if tensor.grad is not None:
        got["d inputs"] = tensor.grad
    assert_all_close(
        {name: value.detach().numpy() for name, value in got.items()},
        {name: value.numpy() for name, value in expected.items()},
        "float64",
    )


@pytest.mark.parametrize("stack", STACKS[:20], ids=lambda stack: stack.label)
def test_configurations_travel_both_ways(stack: Stack) -> None:
    """Keras builds our model from our configuration, we build Keras' from Keras', and all four agree."""
    theirs = keras.Sequential(stack.build(keras.layers))
    expected = theirs(tf.constant(stack.inputs)).numpy()
    weights = theirs.get_weights()
    ours = Sequential.from_config(theirs.get_config())
    ours.build(stack.inputs.shape)
    ours.set_weights(weights)
    assert_all_close({"ours": ours.eval()(stack.inputs).detach().numpy()}, {"ours": expected}, "float64")
    back = keras.Sequential.from_config(ours.get_config())
    back.set_weights(weights)
    assert_all_close({"back": back(tf.constant(stack.inputs)).numpy()}, {"back": expected}, "float64")


def test_the_draws_reach_every_layer() -> None:
    drawn = {name for stack in STACKS for name, _ in stack.layers}
    assert drawn == {
        "Embedding", "Masking", "LSTM", "Bidirectional", "RNN", "Dropout", "Activation", "Dense", "TimeDistributed",
        "Flatten", "RepeatVector",
    }  # fmt: skip
    assert all(issubclass(getattr(torch_keras_lstm.layers, name), Layer) for name in drawn)
