"""ConvLSTM1D, 2D and 3D against Keras 3 on TensorFlow: outputs, states and gradients over every argument."""

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
import torch

from tests.parity.spatial_cases import Case, compare_shapes_and_configurations, weight_gradients
from tests.tolerances import assert_all_close, assert_close
from torch_keras_lstm import layers

BATCH, TIME, CHANNELS, FILTERS = 3, 4, 2, 5
SIZES = {1: [7], 2: [6, 7], 3: [4, 6, 5]}


@dataclass
class Sequence:
    """A layer, how it is called, and the arrays of the call."""

    seed: int
    rank: int
    arguments: dict[str, Any]
    mask: str
    with_initial_state: bool
    training: bool

    def __str__(self) -> str:
        flags = [name for name, value in self.arguments.items() if value is True]
        return "-".join([f"{self.seed}", f"{self.rank}D", self.arguments["data_format"], self.mask, *flags])

    @property
    def case(self) -> Case:
        first = self.arguments["data_format"] == "channels_first"
        sizes = (CHANNELS, *SIZES[self.rank]) if first else (*SIZES[self.rank], CHANNELS)
        return Case(f"ConvLSTM{self.rank}D", self.arguments, (BATCH, TIME, *sizes))

    def arrays(self) -> dict[str, Any]:
        rng = np.random.default_rng(self.seed)
        ours = self.case.make(layers)
        state = ours.state_shapes(self.case.shape)[0]
        arrays: dict[str, Any] = {
            "inputs": rng.standard_normal(self.case.shape),
            "before": rng.standard_normal(self.case.shape),
        }
        arrays |= {name: rng.standard_normal(state) for name in ("hidden", "cell")}
        step = (BATCH, *self.case.shape[2:])
        arrays["input_dropout"] = (rng.random((4, *step)) > 0.4) / 0.6
        arrays["recurrent_dropout"] = (rng.random((4, *state)) > 0.3) / 0.7
        if self.mask != "no mask":
            places = ours.sizes_of(state) if self.mask == "mask of places" else ()
            arrays["mask"] = rng.random((BATCH, TIME, *places)) < 0.6
            arrays["mask"][1] = False
        shapes = ours.weight_shapes(self.case.shape)
        for name in shapes if self.arguments["use_bias"] else ("kernel", "recurrent_kernel"):
            arrays[name] = rng.standard_normal(shapes[name]) * 0.3
        return arrays

    def weights(self, arrays: dict[str, Any]) -> list[np.ndarray]:
        return [arrays[name] for name in ("kernel", "recurrent_kernel", "bias") if name in arrays]


def draw(seed: int) -> Sequence:
    rng = np.random.default_rng(seed)
    rank = int(rng.choice([1, 2, 2, 2, 3]))
    mask = str(rng.choice(["no mask", "mask", "mask of places"]))

    def flag(probability: float = 0.5) -> bool:
        return bool(rng.random() < probability)

    arguments = {
        "filters": FILTERS,
        "kernel_size": rng.integers(1, 4, rank).tolist(),
        "padding": str(rng.choice(["valid", "same"])),
        "data_format": str(rng.choice(["channels_last"] * 3 + ["channels_first"])),
        "activation": str(rng.choice(["tanh", "relu", "softmax"])),
        "recurrent_activation": str(rng.choice(["sigmoid", "hard_sigmoid", "softmax"])),
        "dropout": 0.4 if flag(0.3) else 0.0,
        "recurrent_dropout": 0.3 if flag(0.3) else 0.0,
        "activity_regularizer": "l2" if flag(0.3) else None,
        **{name: flag() for name in ("use_bias", "return_sequences", "return_state", "go_backwards")},
        **{name: flag(0.3) for name in ("stateful", "unroll", "zero_output_for_mask")},
    }
    if mask == "mask of places":
        arguments["data_format"] = "channels_last"  # TensorFlow expands it along the last axis
        arguments["padding"] = "same"  # it has the inputs' sizes, so the outputs must have them too
        arguments["unroll"] = False  # Keras 3.15 mistakes such a mask then
    else:  # XLA cannot differentiate a dilated convolution in a loop
        dilated = flag() and arguments["data_format"] == "channels_last"
        arguments["dilation_rate" if dilated else "strides"] = rng.integers(1, 3, rank).tolist()
    return Sequence(seed, rank, arguments, mask, flag(0.4), flag())


CASES = [draw(seed) for seed in range(24)]
every_case = pytest.mark.parametrize("sequence", CASES, ids=str)


def named(outputs: Any) -> dict[str, Any]:
    parts = outputs if isinstance(outputs, (tuple, list)) else (outputs,)
    return dict(zip(("output", "hidden", "cell"), parts, strict=False))


def factor(sequence: Sequence, name: str, shape: Any) -> np.ndarray:
    """What the loss multiplies an output by."""
    return np.random.default_rng([sequence.seed, *name.encode()]).standard_normal(tuple(shape))


def ours(sequence: Sequence) -> dict[str, Any]:
    arrays = sequence.arrays()
    layer = sequence.case.make(layers)
    layer.build(sequence.case.shape)
    layer.set_weights(sequence.weights(arrays))

    def draw_dropout(inputs: torch.Tensor, training: bool) -> tuple[torch.Tensor | None, torch.Tensor | None]:
        rates = {"input_dropout": "dropout", "recurrent_dropout": "recurrent_dropout"}
        drawn = [
            torch.tensor(arrays[name]) if training and sequence.arguments[rate] else None
            for name, rate in rates.items()
        ]
        return drawn[0], drawn[1]

    layer.draw_dropout = draw_dropout
    sources = {name: torch.tensor(arrays[name], requires_grad=True) for name in ("inputs", "hidden", "cell")}
    if sequence.arguments["stateful"]:
        layer(arrays["before"], training=sequence.training)
    outputs = layer(
        sources["inputs"],
        mask=arrays.get("mask"),
        initial_state=[sources["hidden"], sources["cell"]] if sequence.with_initial_state else None,
        training=sequence.training,
    )
    results = named(outputs)
    loss = sum((value * torch.tensor(factor(sequence, name, value.shape))).sum() for name, value in results.items())
    (loss + sum(layer.losses)).backward()
    results |= {f"d {name}": source.grad for name, source in sources.items() if source.grad is not None}
    results |= {f"d {name}": gradient for name, gradient in weight_gradients(layer)}
    return {name: value.detach().numpy() for name, value in results.items()}


def reference_keras_conv_lstm(sequence: Sequence) -> dict[str, Any]:
    arrays = sequence.arrays()
    layer = sequence.case.make(keras.layers)
    layer.build(sequence.case.shape)
    layer.set_weights(sequence.weights(arrays))

    def call(inputs: Any, **given: Any) -> Any:
        layer.cell._dropout_mask = list(tf.unstack(tf.constant(arrays["input_dropout"])))
        layer.cell._recurrent_dropout_mask = list(tf.unstack(tf.constant(arrays["recurrent_dropout"])))
        return layer(inputs, training=sequence.training, **given)

    def run(inputs: Any, hidden: Any, cell: Any) -> dict[str, Any]:
        if sequence.arguments["stateful"]:
            call(tf.constant(arrays["before"]))
        states = {"hidden": hidden, "cell": cell} if sequence.with_initial_state else {}
        sources = {"inputs": inputs, **states}
        mask = tf.constant(arrays["mask"]) if "mask" in arrays else None
        with tf.GradientTape() as tape:
            tape.watch(sources)
            results = named(call(inputs, mask=mask, initial_state=list(states.values()) or None))
            loss = sum(tf.reduce_sum(value * factor(sequence, name, value.shape)) for name, value in results.items())
            loss += sum(layer.losses)
        sources |= {weight.name: weight.value for weight in layer.trainable_weights}
        gradients = tape.gradient(loss, sources)
        return results | {f"d {name}": gradient for name, gradient in gradients.items()}

    compiled = sequence.arguments["data_format"] == "channels_first"
    results = (tf.function(run, jit_compile=True) if compiled else run)(
        *(tf.constant(arrays[name]) for name in ("inputs", "hidden", "cell"))
    )
    return {name: value.numpy() for name, value in results.items()}


@every_case
def test_outputs_states_and_gradients(sequence: Sequence) -> None:
    assert_all_close(ours(sequence), reference_keras_conv_lstm(sequence), "float64")


@every_case
def test_shapes_and_configurations(sequence: Sequence) -> None:
    case = sequence.case
    compare_shapes_and_configurations(Case(case.class_name, {**case.arguments, "seed": 3}, case.shape))


def test_a_masking_layer_in_front_masks_places() -> None:
    inputs = np.random.default_rng(1).standard_normal((2, 4, 5, 6, 3))
    inputs[0, 1], inputs[1, 2, :2] = 0.0, 0.0
    outputs = []
    for namespace in (layers, keras.layers):
        masking = namespace.Masking(dtype="float64")
        layer = namespace.ConvLSTM2D(2, 3, padding="same", return_sequences=True, dtype="float64")
        layer.build(inputs.shape)
        rng = np.random.default_rng(2)
        layer.set_weights([rng.standard_normal(weight.shape) for weight in layer.get_weights()])
        mask = masking.compute_mask(inputs)
        result = layer(masking(inputs), mask=mask)
        outputs.append(result.detach().numpy() if namespace is layers else result.numpy())
    assert_close(outputs[0], outputs[1], "float64")
