"""Bidirectional LSTMs against Keras 3 on TensorFlow, run live."""

from itertools import product
from typing import Any

import keras
import numpy as np
import pytest

from tests.parity import keras_lstm, our_lstm
from tests.parity.lstm_cases import Case, draw_case
from tests.tolerances import assert_all_close
from torch_keras_lstm.layers import LSTM, Bidirectional
from torch_keras_lstm.recurrence.backends.c_runs import compiled_module

MERGE_MODES = ("concat", "sum", "ave", "mul", None)
# Keras' Bidirectional forgets its layer's `implementation`, so those cases are drawn as if it had none.
CASES = [
    (draw_case(seed, fusable=seed % 2 == 0).without("implementation"), merge_mode, bool(seed % 3 == 0))
    for seed, merge_mode in zip(range(2000, 2120), MERGE_MODES * 24, strict=True)
]
STATES = ["hidden_0", "cell_0", "hidden_1", "cell_1"]


def label(value: Any) -> str:
    return value.label if isinstance(value, Case) else str(value)


def halves(case: Case, lstm: Any, config: dict[str, Any], own_backward_layer: bool) -> dict[str, Any]:
    """The arguments ``layer`` and ``backward_layer``, the latter with units of its own if it is given."""
    config = {**config, "go_backwards": False}
    if not own_backward_layer:
        return {"layer": lstm(**config)}
    return {"layer": lstm(**config), "backward_layer": lstm(**{**config, "go_backwards": True, "name": "other_way"})}


@pytest.mark.parametrize(("case", "merge_mode", "own_backward_layer"), CASES, ids=label)
def test_bidirectional_matches_keras(case: Case, merge_mode: str | None, own_backward_layer: bool) -> None:
    arrays = case.arrays(halves=2)
    weights = case.weights(arrays, 0) + case.weights(arrays, 1)
    batch, _, features, _ = case.sizes
    # Unrolled, Keras zeroes masked outputs of its backward half at the wrong steps; see keras_lstm.as_keras_config.
    config = {**keras_lstm.as_keras_config(case, "float64"), "unroll": False}
    theirs = keras.layers.Bidirectional(
        **halves(case, keras.layers.LSTM, config, own_backward_layer), merge_mode=merge_mode, dtype="float64"
    )
    theirs.build((batch, None, features))
    theirs.set_weights(weights)
    children = [theirs.forward_layer, theirs.backward_layer]
    expected = keras_lstm.run(theirs, children, case, arrays, STATES, "float64")

    # on torch's kernels where those can, and on what runs by itself; together, and kept apart by hooks
    for fused, path in product((True, False) if runs_together(case, arrays) else (False,), ("together", "apart")):
        forced = {"use_cudnn": True} if fused else {}
        ours = Bidirectional(
            **halves(case, LSTM, {**case.config, "dtype": "float64", **forced}, own_backward_layer),
            merge_mode=merge_mode,
            dtype="float64",
        )
        ours.build((batch, None, features))
        ours.set_weights(weights)
        for half, layer in enumerate((ours.forward_layer, ours.backward_layer)):
            assert isinstance(layer, LSTM)
            our_lstm.hand_dropout(layer, case, arrays, half)
            if fused:
                assert layer.path_for(arrays["inputs"], training=False).name == "fused"
            if path == "apart":
                layer.register_forward_hook(lambda *_: None)
        if fused or path == "apart" or runs_together_in_c(case):
            assert ours.path_for(arrays["inputs"], arrays.get("mask"), case.training).name == path
        assert_all_close(our_lstm.run(ours, case, arrays, STATES), expected, "float64")


def is_fusable(case: Case) -> bool:
    """Whether torch's kernels compute these activations."""
    return bool(case.config["activation"] == "tanh" and case.config["recurrent_activation"] == "sigmoid")


def runs_together(case: Case, arrays: dict[str, np.ndarray]) -> bool:
    """Whether both halves can be one call: no step is masked, and nothing is dropped."""
    dropped = case.training and any(name in case.config for name in ("dropout", "recurrent_dropout"))
    return is_fusable(case) and not dropped and bool(np.all(arrays.get("mask", True)))


def runs_together_in_c(case: Case) -> bool:
    """Whether the kernels in C have these activations, and there is more than a single step."""
    known = compiled_module.ACTIVATIONS if compiled_module else ()
    return {case.config["activation"], case.config["recurrent_activation"]} <= {*known} and case.sizes[1] > 1


def test_enough_cases_run_together() -> None:
    assert sum(runs_together(case, case.arrays(halves=2)) for case, _, _ in CASES) > 10
    assert compiled_module is None or sum(runs_together_in_c(case) for case, _, _ in CASES) > 60


@pytest.mark.parametrize("return_sequences", [True, False])
@pytest.mark.parametrize("return_state", [True, False])
@pytest.mark.parametrize("merge_mode", MERGE_MODES)
def test_shapes_and_masks_go_on_as_in_keras(merge_mode: str | None, return_state: bool, return_sequences: bool) -> None:
    flags: dict[str, Any] = {"return_sequences": return_sequences, "return_state": return_state}
    ours = Bidirectional(LSTM(3, **flags), merge_mode=merge_mode)
    theirs = keras.layers.Bidirectional(keras.layers.LSTM(3, **flags), merge_mode=merge_mode)
    assert ours.compute_output_shape((2, 5, 4)) == theirs.compute_output_shape((2, 5, 4))
    mask = np.array([[True] * 5, [False] * 5])
    got, expected = ([value is mask for value in _flat(layer.compute_mask(None, mask))] for layer in (ours, theirs))
    assert got[: len(expected)] == expected
    assert not any(got[len(expected) :])  # the states' masks, which Keras leaves out while it has no states


def _flat(masks: Any) -> list[Any]:
    return [part for mask in masks for part in _flat(mask)] if isinstance(masks, (list, tuple)) else [masks]
