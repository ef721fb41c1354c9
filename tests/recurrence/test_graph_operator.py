"""The operator that a graph holds in the place of a run: the same numbers, and what torch demands of an operator."""

from functools import partial
from itertools import product
from typing import Any

import pytest
import torch

from tests.parity.lstm_cases import ACTIVATIONS
from tests.recurrence.backends.test_torch_kernels import (
    BATCH,
    FEATURES,
    FLAGS,
    TIME,
    UNITS,
    again,
    grown,
    mask_of,
    results,
)
from tests.recurrence.numpy_lstm import draw_lstm
from tests.tolerances import assert_all_close
from torch_keras_lstm import activations
from torch_keras_lstm.recurrence import SequenceOptions, lstm_fused, lstm_loop
from torch_keras_lstm.recurrence.backends.c_runs import compiled_module
from torch_keras_lstm.recurrence.graph_operator import LSTM_OPERATOR, Operator, can_be_one_node, lstm_as_one_node
from torch_keras_lstm.recurrence.gru import GRU_OPERATOR
from torch_keras_lstm.recurrence.simple_rnn import SIMPLE_RNN_OPERATOR

RUNS = {"fused": lstm_fused, "loop": lstm_loop}
WITH_C = pytest.mark.skipif(compiled_module is None, reason="no C compiler was there when the package was installed")
PATHS = pytest.mark.parametrize("path", RUNS)
# From 2.14 on it looks at the gradients of the tensors that it checks an operator with, leaves or not.
OF_TORCHS_OWN_TRACING = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore:The .grad attribute of a Tensor"
)


def dropped(path: str) -> dict[str, Any]:
    """Dropout masks that a path can take."""
    generator = torch.Generator().manual_seed(5)
    masks = 1 if path == "fused" else 4
    for_inputs = torch.rand(masks, BATCH, FEATURES, dtype=torch.float64, generator=generator)
    if path == "fused":
        return {"input_dropout": for_inputs}
    for_hidden = torch.rand(masks, BATCH, UNITS, dtype=torch.float64, generator=generator)
    return {"input_dropout": for_inputs, "recurrent_dropout": for_hidden}


@PATHS
@pytest.mark.parametrize("kind", ["none", "left-padded", "empty-rows"])
def test_results_and_gradients_are_those_of_the_path(path: str, kind: str) -> None:
    mask = mask_of(kind)
    for seed, flags in enumerate(product([False, True], repeat=len(FLAGS))):
        draw = draw_lstm(BATCH, TIME, FEATURES, UNITS, seed=seed, use_bias=seed % 3 > 0)
        masks = dropped(path) if seed % 2 else {}
        named: dict[str, Any] = dict(zip(FLAGS, flags, strict=True))
        options = SequenceOptions(**named, hold_initial_state=seed % 5 == 0, **masks)
        got = results(partial(lstm_as_one_node, path=path), draw, mask, options)
        expected = results(RUNS[path], draw, mask, options)
        assert_all_close(got, expected, "float64")


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_activations_pass_by_name(activation: str) -> None:
    draw = draw_lstm(BATCH, TIME, FEATURES, UNITS)
    options = SequenceOptions(
        activation=activations.get(activation), recurrent_activation=activations.hard_sigmoid_keras2
    )
    got = results(partial(lstm_as_one_node, path="loop"), draw, None, options)
    assert_all_close(got, results(lstm_loop, draw, None, options), "float64")


def test_functions_of_ones_own_have_no_name() -> None:
    assert can_be_one_node(SequenceOptions(activation=activations.softsign, recurrent_activation=torch.relu))
    assert not can_be_one_node(SequenceOptions(activation=torch.sin))
    assert not can_be_one_node(SequenceOptions(recurrent_activation=lambda x: x))


@PATHS
@pytest.mark.parametrize("kind", ["none", "gaps", "empty-rows"])
def test_gradients_are_the_limits_of_differences(path: str, kind: str) -> None:
    draw, mask = draw_lstm(BATCH, 3, FEATURES, UNITS), mask_of(kind)
    mask = mask if mask is None else mask[:, :3]

    def run(*tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
        output, final = lstm_as_one_node(*again(draw, tensors), mask, SequenceOptions(), path)
        assert final is not None
        return output, *final

    assert torch.autograd.gradcheck(run, grown(draw), fast_mode=True)


def arguments(path: str, keep: bool, kind: str, **flags: Any) -> tuple[Any, ...]:
    """What the bare operator is called with."""
    inputs, state, weights = draw_lstm(BATCH, TIME, FEATURES, UNITS)
    tensors = [tensor.float().requires_grad_() for tensor in (inputs, *state, *weights) if tensor is not None]
    flags = {"return_sequences": True, "return_state": True, **flags}
    given = (flags.get(name, False) for name, kind in LSTM_OPERATOR.option_settings.items() if kind == "bool")
    return (*tensors, mask_of(kind), None, None, "tanh", "sigmoid", *given, path, keep)


@pytest.mark.parametrize(
    ("path", "keep"),
    [
        ("fused", False),
        ("loop", False),
        pytest.param("loop", True, marks=WITH_C),
    ],
    ids=["fused", "loop", "loop that keeps"],
)
@pytest.mark.parametrize(
    ("kind", "flags"),
    [
        ("none", {}),
        ("none", {"return_sequences": False, "return_state": False}),
        ("gaps", {"go_backwards": True, "recompute": True}),
    ],
    ids=["plain", "last", "masked"],
)
@OF_TORCHS_OWN_TRACING
def test_it_is_what_torch_demands_of_an_operator(path: str, keep: bool, kind: str, flags: dict[str, bool]) -> None:
    """Schema, the fake's shapes and strides against the real ones, and autograd in a graph of any shape."""
    torch.library.opcheck(torch.ops.torch_keras_lstm.lstm.default, arguments(path, keep, kind, **flags))


@pytest.mark.parametrize("flags", [{}, {"return_sequences": False, "return_state": False}], ids=["plain", "last"])
@pytest.mark.parametrize(
    ("operator", "path", "keep"),
    [
        (GRU_OPERATOR, "fused", False),
        (GRU_OPERATOR, "loop", False),
        pytest.param(GRU_OPERATOR, "loop", True, marks=WITH_C),
        pytest.param(SIMPLE_RNN_OPERATOR, "loop", True, marks=WITH_C),
    ],
    ids=lambda value: value.name if isinstance(value, Operator) else str(value),
)
@OF_TORCHS_OWN_TRACING
def test_those_of_single_states_are_too(operator: Operator, path: str, keep: bool, flags: dict[str, bool]) -> None:
    rows = UNITS if operator is SIMPLE_RNN_OPERATOR else 3 * UNITS
    shapes = ((BATCH, TIME, FEATURES), (BATCH, UNITS), (rows, FEATURES), (rows, UNITS), (rows,), (rows,))
    tensors = [torch.randn(shape, requires_grad=True) for shape in shapes]
    named = {"return_sequences": True, "return_state": True, "reset_after": True, **flags}
    given = (named.get(name, False) for name, kind in operator.option_settings.items() if kind == "bool")
    found = (*tensors, mask_of("gaps"), None, None, "tanh", "sigmoid", *given, path, keep)
    torch.library.opcheck(getattr(torch.ops.torch_keras_lstm, operator.name).default, found)


@PATHS
@pytest.mark.parametrize("time", [1, 3])
def test_results_are_no_views_of_each_other(path: str, time: int) -> None:
    draw = draw_lstm(1, time, FEATURES, UNITS)
    for return_sequences in (True, False):
        output, final = lstm_as_one_node(*draw, None, SequenceOptions(return_sequences=return_sequences), path)
        assert final is not None
        places = {tensor.untyped_storage().data_ptr() for tensor in (*draw.state, draw.inputs, output, *final)}
        assert len(places) == 6


@PATHS
def test_it_is_differentiated_once(path: str) -> None:
    draw = draw_lstm(BATCH, TIME, FEATURES, UNITS)
    inputs = draw.inputs.requires_grad_()
    output, _ = lstm_as_one_node(inputs, *draw[1:], None, SequenceOptions(), path)
    (gradient,) = torch.autograd.grad(output.square().sum(), inputs, create_graph=True)
    with pytest.raises(RuntimeError, match="In a compiled graph an LSTM can be differentiated once"):
        gradient.sum().backward()
