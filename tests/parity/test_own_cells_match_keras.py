"""Cells of somebody's own, and classes derived from Keras' cells, against Keras 3 on TensorFlow, run live."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
import torch

from tests.parity.own_cells import cell_classes
from tests.parity.precision import float64
from tests.tolerances import assert_close
from torch_keras_lstm import layers, ops
from torch_keras_lstm.layers.nested_states import flat_states
from torch_keras_lstm.models import load_model

B, T, F = 3, 5, 4
THEIRS, OURS = cell_classes(keras.layers, keras.ops), cell_classes(layers, ops)
# What makes a cell, or a list of cells, of a namespace of classes and one of layers.
CELLS: dict[str, Callable[[Any, Any], Any]] = {
    "one state": lambda own, of: own.Leaky(3, dtype="float64"),
    "weights of its own": lambda own, of: own.Minimal(3, dtype="float64"),
    "two states": lambda own, of: own.Pair(3, dtype="float64"),
    "a start of its own": lambda own, of: own.FromOnes(3, dtype="float64"),
    "derived LSTMCell": lambda own, of: own.Residual(F, dtype="float64"),
    "derived GRUCell": lambda own, of: own.Damped(3, dtype="float64"),
    "derived SimpleRNNCell": lambda own, of: own.Scaled(3, dtype="float64"),
    "stack": lambda own, of: [
        own.Pair(3, dtype="float64"),
        of.LSTMCell(2, dtype="float64"),
        own.Leaky(5, dtype="float64"),
    ],
    "stack of derived ones": lambda own, of: [own.Residual(F, dtype="float64"), own.Damped(2, dtype="float64")],
    "derived stack": lambda own, of: own.Doubled(
        [of.GRUCell(3, dtype="float64"), own.Leaky(2, dtype="float64")], dtype="float64"
    ),
}
FLAGS: dict[str, dict[str, Any]] = {
    "last": {},
    "all, with states": {"return_sequences": True, "return_state": True},
    "backwards": {"go_backwards": True, "return_sequences": True, "return_state": True},
    "stateful": {"stateful": True, "return_state": True},
    "zeros where masked": {"return_sequences": True, "zero_output_for_mask": True},
}


@pytest.fixture(autouse=True)
def _double_precision() -> Iterator[None]:
    """Keras' stacks of cells have no type of their own."""
    with float64(keras):
        yield


def draw(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    mask = rng.random((B, T)) < 0.6
    mask[1] = False
    return rng.standard_normal((B, T, F)), mask


def same_weights(ours: Any, theirs: Any) -> None:
    rng = np.random.default_rng(3)
    weights = [rng.standard_normal(weight.shape) * 0.5 for weight in theirs.get_weights()]
    theirs.set_weights(weights)
    ours.set_weights(weights)


def compare(ours: Any, theirs: Any, mask: np.ndarray | None, training: bool = False, **states: Any) -> None:
    """Two calls, so that what is kept counts; outputs and states in their structure, and all gradients of both."""
    inputs, _ = draw()
    x, tensor = torch.tensor(inputs, requires_grad=True), tf.Variable(inputs)
    for _ in range(2):
        with tf.GradientTape() as tape:
            expected = theirs(tensor, mask=mask, training=training, **states)
            loss = tf.add_n([tf.reduce_sum(one**2) for one in flat_states(expected)])
        given = {name: structure_of_tensors(value) for name, value in states.items()}
        got = ours(x, mask=None if mask is None else torch.tensor(mask), training=training, **given)
        assert structure(got) == structure(expected)
        for one, other in zip(flat_states(got), flat_states(expected), strict=True):
            assert_close(one.detach(), other.numpy(), "float64")
        ours.zero_grad()
        x.grad = None
        sum((one**2).sum() for one in flat_states(got)).backward()
        of_inputs, *of_weights = tape.gradient(loss, [tensor, *theirs.trainable_variables])
        assert_close(x.grad, of_inputs, "float64", "gradient of the inputs")
        # Sublayers come in another order here and there, so the gradients of the weights are told by their sizes.
        assert_close(
            sorted(float((one**2).sum()) for one in weight_gradients(ours)),
            sorted(float(tf.reduce_sum(one**2)) for one in of_weights),
            "float64",
            "gradients of the weights",
        )


def weight_gradients(module: Any) -> list[Any]:
    """In Keras' layouts."""
    return [
        row.to_keras(*(getattr(layer, name).grad for name in row.parameters))
        for layer in module.weighted_layers()
        for row, _ in layer.own_weights()
    ]


def structure(value: Any) -> Any:
    return [structure(entry) for entry in value] if isinstance(value, (list, tuple)) else tuple(value.shape)


def structure_of_tensors(value: Any) -> Any:
    if isinstance(value, list):
        return [structure_of_tensors(entry) for entry in value]
    return torch.tensor(value)


@pytest.mark.parametrize("masked", [False, True], ids=["", "masked"])
@pytest.mark.parametrize("flags", FLAGS)
@pytest.mark.parametrize("cell", CELLS)
def test_rnn_runs_the_cell_as_keras(cell: str, flags: str, masked: bool) -> None:
    make = CELLS[cell]
    theirs = keras.layers.RNN(make(THEIRS, keras.layers), dtype="float64", **FLAGS[flags])
    ours = layers.RNN(make(OURS, layers), dtype="float64", **FLAGS[flags])
    theirs.build((B, T, F))
    ours.build((B, T, F))
    same_weights(ours, theirs)
    compare(ours, theirs, draw()[1] if masked else None)


@pytest.mark.parametrize("cell", [cell for cell in CELLS if cell != "a start of its own"])
def test_bidirectional_runs_the_cell_as_keras(cell: str) -> None:
    # Keras finds the classes again by their names.
    with keras.saving.custom_object_scope(vars(THEIRS)):
        theirs = keras.layers.Bidirectional(
            keras.layers.RNN(CELLS[cell](THEIRS, keras.layers), dtype="float64", return_sequences=True), dtype="float64"
        )
    ours = layers.Bidirectional(
        layers.RNN(CELLS[cell](OURS, layers), dtype="float64", return_sequences=True), dtype="float64"
    )
    theirs.build((B, T, F))
    ours.build((B, T, F))
    same_weights(ours, theirs)
    compare(ours, theirs, draw()[1])


def test_training_reaches_the_cell() -> None:
    theirs, ours = keras.layers.RNN(THEIRS.Pair(3)), layers.RNN(OURS.Pair(3, dtype="float64"))
    theirs.build((B, T, F))
    ours.build((B, T, F))
    same_weights(ours, theirs)
    compare(ours, theirs, None, training=True)


@pytest.mark.parametrize("cell", ["two states", "stack", "one state"])
def test_states_are_given_as_keras_takes_them(cell: str) -> None:
    theirs = keras.layers.RNN(CELLS[cell](THEIRS, keras.layers), dtype="float64", return_state=True)
    ours = layers.RNN(CELLS[cell](OURS, layers), dtype="float64", return_state=True)
    theirs.build((B, T, F))
    ours.build((B, T, F))
    same_weights(ours, theirs)
    rng = np.random.default_rng(5)
    sizes: dict[str, Any] = {"two states": [3, 2], "stack": [[3, 2], [2, 2], 5], "one state": [3]}

    def states(size: Any) -> Any:
        return [states(one) for one in size] if isinstance(size, list) else rng.standard_normal((B, size))

    compare(ours, theirs, None, initial_state=states(sizes[cell]))


def test_dropout_of_a_derived_cell_is_one_for_all_steps() -> None:
    """As Keras' ``RNN`` has it: the factors of a cell are kept from the first step to the last."""
    rnn = layers.RNN(OURS.Residual(F, dropout=0.5, seed=3), return_sequences=True)
    rnn.build((B, T, F))
    plain = layers.RNN(layers.LSTMCell(F, dropout=0.5, seed=3), return_sequences=True)
    plain.build((B, T, F))
    plain.set_weights(rnn.get_weights())
    inputs = torch.randn(B, T, F)
    for _ in range(2):
        assert_close(
            rnn(inputs, training=True).detach(), (plain(inputs, training=True) + inputs).detach(), "float32 elementwise"
        )


@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept:DeprecationWarning")  # of Keras' own writer
@pytest.mark.parametrize("extension", [".keras", ".h5"])
@pytest.mark.parametrize("cell", [*CELLS, "both ways", "stepped"])
def test_files_hold_cells_of_ones_own(cell: str, extension: str, tmp_path: Path) -> None:
    """Keras' file is read here, and what is written here is read by Keras, with the classes given."""

    def model(own: Any, of: Any, make: Any) -> Any:
        inputs = of.Input((T, F))
        if cell == "stepped":
            hidden = of.Input((3,))
            output, states = of.LSTMCell(3)(of.Flatten()(inputs), [hidden, hidden])
            return make([inputs, hidden], [output, *states])
        if cell == "both ways":
            return make(inputs, of.Bidirectional(of.RNN(own.Leaky(3)))(inputs))
        outputs = of.RNN(CELLS[cell](own, of), return_state=True)(inputs)
        return make(inputs, list(outputs))

    with keras.saving.custom_object_scope(vars(THEIRS)):
        theirs = model(THEIRS, keras.layers, keras.Model)
        rng = np.random.default_rng(2)
        theirs.set_weights([rng.standard_normal(weight.shape) * 0.4 for weight in theirs.get_weights()])
        given = [rng.standard_normal((B, *tensor.shape[1:])) for tensor in theirs.inputs]
        expected = flat_states(theirs(given if len(given) > 1 else given[0]))
        theirs.save(tmp_path / f"theirs{extension}")
        ours = load_model(tmp_path / f"theirs{extension}", custom_objects=vars(OURS))
        tensors = [torch.tensor(one) for one in given]
        got = flat_states(ours(tensors if len(given) > 1 else tensors[0]))
        for one, other in zip(got, expected, strict=True):
            assert_close(one.detach(), other.numpy(), "float64")
        ours.save(tmp_path / f"ours{extension}")
        back = keras.saving.load_model(tmp_path / f"ours{extension}", custom_objects=vars(THEIRS))
        for one, other in zip(flat_states(back(given if len(given) > 1 else given[0])), expected, strict=True):
            assert_close(one.numpy(), other.numpy(), "float64")
