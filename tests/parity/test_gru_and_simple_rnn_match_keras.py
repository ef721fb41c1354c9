"""GRU and SimpleRNN, and RNN over their cells, against Keras 3 on TensorFlow, run live: values and gradients."""

from dataclasses import dataclass
from itertools import chain
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
import torch

from tests.parity.lstm_cases import Case, draw_case, draw_mask, factors, name_outputs
from tests.parity.one_layer import without_names
from tests.step_backends import TORCH_OPS, running_on, step_backends
from tests.tolerances import FLOAT32_ERROR_FLOOR, FLOAT32_ERROR_RATIO, assert_all_close, assert_close, largest_error
from torch_keras_lstm import layers
from torch_keras_lstm.layers.recurrent_cell import RecurrentCell

OF_THE_LAYER = {"return_sequences", "return_state", "go_backwards", "stateful", "unroll", "zero_output_for_mask"}
# Where Keras has gate k of a GRU, torch has gate TORCH_GATES[k].
TORCH_GATES = (1, 0, 2)


@dataclass(frozen=True)
class Drawn:
    """A configuration of one class, and whether the layer or RNN over its cell runs it."""

    class_name: str
    case: Case
    config: dict[str, Any]
    over_cell: bool
    use_cudnn: Any

    def __str__(self) -> str:
        way = f"RNN({self.class_name}Cell)" if self.over_cell else f"{self.class_name}-{self.use_cudnn}"
        return f"{way}-{self.config.get('reset_after')}-{self.case.label}"

    @property
    def gates(self) -> int:
        return 3 if self.class_name == "GRU" else 1

    def make(self, namespace: Any, dtype: str) -> Any:
        config = {**self.config, "dtype": dtype}
        if not self.over_cell:
            return getattr(namespace, self.class_name)(**config)
        cell = {name: value for name, value in config.items() if name not in OF_THE_LAYER}
        of_layer = {name: value for name, value in config.items() if name in OF_THE_LAYER | {"dtype"}}
        return namespace.RNN(getattr(namespace, f"{self.class_name}Cell")(**cell), **of_layer)

    def arrays(self) -> dict[str, Any]:
        rng = np.random.default_rng(self.case.seed)
        batch, time, features, units = self.case.sizes
        width, scale = self.gates * units, self.case.weight_scale
        arrays: dict[str, Any] = {
            "inputs": rng.normal(size=(batch, time, features)),
            "more": rng.normal(size=(batch, time + 1, features)),
            "hidden": rng.normal(size=(batch, units)),
            "mask": draw_mask(rng, self.case.mask_kind, batch, time),
            "weights": [
                rng.normal(scale=0.6 * scale, size=(features, width)),
                rng.normal(scale=0.4 * scale, size=(units, width)),
            ],
        }
        if self.config["use_bias"]:
            shape = (2, width) if self.config.get("reset_after") else (width,)
            arrays["weights"].append(rng.normal(scale=0.5 * scale, size=shape))
        for name, size in (("dropout", features), ("recurrent_dropout", units)):
            rate = self.config.get(name, 0.0)
            arrays[name] = (rng.random((3, batch, size)) >= rate) / (1.0 - rate)
        return arrays


def draw(class_name: str, seed: int, *, over_cell: bool, use_cudnn: Any = "auto") -> Drawn:
    case = draw_case(seed, fusable=not over_cell and use_cudnn is True)
    config = dict(case.config)
    if class_name == "GRU":
        # Keras computes `dropout` with `implementation=1` only through its plain loop.
        config["reset_after"] = use_cudnn is True or seed % 3 > 0
    else:
        del config["recurrent_activation"]
        config.pop("implementation", None)
    if config["go_backwards"] and config["zero_output_for_mask"]:
        config["unroll"] = False  # unrolled, Keras zeroes masked outputs of a reversed sequence at the wrong steps
    return Drawn(class_name, case, config, over_cell, use_cudnn)


CASES = [
    *(draw("GRU", seed, over_cell=False, use_cudnn=True) for seed in range(5000, 5018)),
    *(draw("GRU", seed, over_cell=False, use_cudnn=False) for seed in range(5100, 5118)),
    *(draw("GRU", seed, over_cell=True) for seed in range(5200, 5208)),
    *(draw("SimpleRNN", seed, over_cell=False) for seed in range(5300, 5320)),
    *(draw("SimpleRNN", seed, over_cell=True) for seed in range(5400, 5408)),
]


def run_keras(drawn: Drawn, dtype: str = "float64") -> dict[str, np.ndarray]:
    case, arrays = drawn.case, drawn.arrays()
    layer = drawn.make(keras.layers, dtype)
    if drawn.class_name == "GRU" and not drawn.over_cell:
        layer.use_cudnn = False
    layer.build((case.sizes[0], None, case.sizes[2]))
    layer.set_weights(arrays["weights"])

    def call(inputs: Any, **keywords: Any) -> Any:
        per_gate = case.masks_per_gate and drawn.class_name == "GRU"
        for attribute, name in (("_dropout_mask", "dropout"), ("_recurrent_dropout_mask", "recurrent_dropout")):
            masks = [tf.constant(mask, dtype) for mask in arrays[name]]
            setattr(layer.cell, attribute, masks if per_gate else masks[0])
        return layer.call(inputs, training=case.training, **keywords)

    inputs, hidden = tf.Variable(arrays["inputs"], dtype=dtype), tf.Variable(arrays["hidden"], dtype=dtype)
    if case.config["stateful"]:
        call(tf.constant(arrays["more"], dtype))
    with tf.GradientTape() as tape:
        given = [hidden] if case.with_initial_state else None
        named = name_outputs(call(inputs, mask=arrays["mask"], initial_state=given))
        loss = tf.add_n([tf.reduce_sum(value * factors(case, name, value.shape)) for name, value in named.items()])
    sources = {"d inputs": inputs} | ({"d hidden": hidden} if case.with_initial_state else {})
    sources |= {f"d {weight.name}": weight.value for weight in layer.trainable_weights}
    gradients = tape.gradient(loss, sources, unconnected_gradients="zero")
    return {name: np.asarray(value) for name, value in {**named, **gradients}.items()}


def run_ours(drawn: Drawn, dtype: str = "float64") -> dict[str, np.ndarray]:
    case, arrays = drawn.case, drawn.arrays()
    layer = drawn.make(layers, dtype)
    if not drawn.over_cell:
        layer.use_cudnn = drawn.use_cudnn
    layer.build((None, None, case.sizes[2]))
    layer.set_weights(arrays["weights"])
    cell = layer.cell if drawn.over_cell else layer
    hand_dropout(cell, arrays, drawn.gates)
    inputs = torch.tensor(arrays["inputs"], dtype=layer.dtype.torch, requires_grad=True)
    hidden = torch.tensor(arrays["hidden"], dtype=layer.dtype.torch, requires_grad=True)
    if case.config["stateful"]:
        layer(arrays["more"], training=case.training)
    given = [hidden] if case.with_initial_state else None
    named = name_outputs(layer(inputs, mask=arrays["mask"], initial_state=given, training=case.training))
    loss = sum((value * torch.tensor(factors(case, name, value.shape))).sum() for name, value in named.items())
    loss.backward()
    results = {**named, "d inputs": inputs.grad} | ({"d hidden": hidden.grad} if case.with_initial_state else {})
    for row in cell._rows:
        gradients = [getattr(cell, parameter).grad for parameter in row.parameters]
        results[f"d {row.name}"] = row.to_keras(*gradients)
    return {name: value.detach().numpy() for name, value in results.items()}


def hand_dropout(cell: RecurrentCell, arrays: dict[str, Any], gates: int) -> None:
    """Let the cell take the case's dropout masks, in torch's order of gates, instead of drawing its own."""

    def given(inputs: torch.Tensor, training: bool) -> tuple[torch.Tensor | None, torch.Tensor | None]:
        order = TORCH_GATES if gates == 3 else (0,)
        masks = []
        for name, count in zip(("dropout", "recurrent_dropout"), cell.dropout_counts(training), strict=True):
            chosen = arrays[name][list(order)] if count > 1 else arrays[name][:1]
            masks.append(torch.tensor(chosen, dtype=inputs.dtype) if count else None)
        return masks[0], masks[1]

    cell.draw_dropout = given  # type: ignore[method-assign]


@pytest.mark.parametrize("drawn", CASES, ids=str)
def test_values_and_gradients_match_keras(drawn: Drawn) -> None:
    """On each backend that there is."""
    expected = run_keras(drawn)
    for name in [TORCH_OPS] if drawn.over_cell else step_backends():
        with running_on(name):
            assert_all_close(run_ours(drawn), expected, "float64")


@pytest.mark.parametrize("drawn", CASES[::9], ids=str)
def test_single_precision_is_as_exact_as_keras(drawn: Drawn) -> None:
    truth, expected, ours = run_keras(drawn), run_keras(drawn, "float32"), run_ours(drawn, "float32")
    for name, exact in truth.items():
        allowed = max(FLOAT32_ERROR_RATIO * largest_error(expected[name], exact), FLOAT32_ERROR_FLOOR)
        assert largest_error(ours[name], exact) <= allowed, name


@pytest.mark.usefixtures("without_c_kernels")
def test_both_paths_of_both_classes_are_taken() -> None:
    paths = {
        (drawn.class_name, drawn.make(layers, "float64").path_for(None, training=drawn.case.training).name)
        for drawn in CASES
        if not drawn.over_cell
    }
    assert paths == {(name, path) for name in ("GRU", "SimpleRNN") for path in ("fused", "loop")}


@pytest.mark.parametrize("drawn", CASES[::10], ids=str)
def test_configurations_pass_both_ways(drawn: Drawn) -> None:
    theirs = drawn.make(keras.layers, "float64")
    written = keras.saving.serialize_keras_object(theirs)
    ours = layers.deserialize(written)
    back = keras.saving.deserialize_keras_object(layers.serialize(ours))
    assert without_names(keras.saving.serialize_keras_object(back)) == without_names(written)


@pytest.mark.parametrize("return_sequences", [False, True])
@pytest.mark.parametrize("masked", [False, True])
def test_stacked_cells_match_keras(return_sequences: bool, masked: bool) -> None:
    rng = np.random.default_rng(8)
    inputs, mask = rng.standard_normal((4, 6, 3)), rng.random((4, 6)) < 0.6
    states = [[rng.standard_normal((4, 5)) for _ in range(2)], [rng.standard_normal((4, 2))]]
    results = []
    for namespace in (layers, keras.layers):
        cells = [namespace.LSTMCell(5, dtype="float64"), namespace.GRUCell(2, dtype="float64")]
        cell = namespace.StackedRNNCells(cells, dtype="float64")
        layer = namespace.RNN(cell, return_sequences=return_sequences, return_state=True, dtype="float64")
        layer.build((4, 6, 3))
        weights = np.random.default_rng(9)
        layer.set_weights([weights.standard_normal(weight.shape) for weight in layer.get_weights()])
        keywords = {"mask": mask} if masked else {}
        results.append([layer(inputs, **keywords), layer(inputs, initial_state=states, **keywords)])
    for ours, theirs in zip(*results, strict=True):
        assert [len(part) for part in ours[1:]] == [len(part) for part in theirs[1:]] == [2, 1]
        for got, expected in zip(*([output, *chain(*states)] for output, *states in (ours, theirs)), strict=True):
            assert_close(got.detach(), expected.numpy(), "float64")


def test_stacked_cells_pass_as_a_configuration_both_ways() -> None:
    theirs = keras.layers.RNN([keras.layers.LSTMCell(5), keras.layers.SimpleRNNCell(2)])
    written = keras.saving.serialize_keras_object(theirs)
    back = keras.saving.deserialize_keras_object(layers.serialize(layers.deserialize(written)))
    assert without_names(keras.saving.serialize_keras_object(back)) == without_names(written)
