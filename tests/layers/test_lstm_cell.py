import copy
import re
from typing import Any

import pytest
import torch
from torch import nn

from tests.tolerances import assert_close
from torch_keras_lstm.layers import LSTMCell
from torch_keras_lstm.recurrence import LSTMState

BATCH, FEATURES, UNITS = 3, 4, 2


def draw() -> tuple[torch.Tensor, list[torch.Tensor]]:
    return torch.randn(BATCH, FEATURES), [torch.randn(BATCH, UNITS), torch.randn(BATCH, UNITS)]


@pytest.mark.parametrize("use_bias", [True, False], ids=["bias", "no bias"])
def test_one_step_is_that_of_torchs_cell(use_bias: bool) -> None:
    theirs = nn.LSTMCell(FEATURES, UNITS, bias=use_bias)
    ours = LSTMCell(UNITS, use_bias=use_bias)
    ours.load_state_dict(theirs.state_dict())  # both biases of theirs become one
    back = nn.LSTMCell(FEATURES, UNITS, bias=use_bias)
    back.load_state_dict(ours.state_dict())
    inputs, (hidden, cell) = draw()
    output, states = ours(inputs, [hidden, cell])
    assert output is states[0]
    for cell_of_torch in (theirs, back):
        for got, expected in zip(states, cell_of_torch(inputs, (hidden, cell)), strict=True):
            assert_close(got.detach(), expected.detach(), "float32 elementwise")


def test_states_in_any_form() -> None:
    cell = LSTMCell(UNITS, input_size=FEATURES)
    inputs, states = draw()
    expected, _ = cell(inputs, states)
    forms: list[Any] = [tuple(states), LSTMState(*states), [state.numpy() for state in states]]
    for given in forms:
        assert torch.equal(cell(inputs.numpy(), given)[0], expected)


def test_it_starts_from_zeros_of_its_own_dtype() -> None:
    cell = LSTMCell(UNITS, dtype="float64")
    assert cell.state_size == [UNITS, UNITS]
    assert cell.output_size == UNITS
    for state in cell.get_initial_state(BATCH):
        assert state.dtype == torch.float64
        assert state.tolist() == [[0.0] * UNITS] * BATCH
    assert cell.compute_output_shape((BATCH, FEATURES)) == (BATCH, UNITS)


def test_dropout_masks_are_drawn_once_for_all_steps() -> None:
    cell = LSTMCell(UNITS, dropout=0.5, recurrent_dropout=0.5, input_size=FEATURES)
    inputs, states = draw()
    step = cell.step_for(inputs, training=True)
    first, _ = step(inputs, tuple(states))
    assert torch.equal(step(inputs, tuple(states))[0], first)
    assert not torch.equal(cell(inputs, states)[0], first)
    assert torch.equal(cell(inputs, states, training=False)[0], cell.eval()(inputs, states)[0])


@pytest.mark.parametrize("rates", [{"dropout": 0.5}, {"recurrent_dropout": 0.5}], ids=str)
def test_dropout_touches_what_enters_the_gates_only(rates: dict[str, float]) -> None:
    cell = LSTMCell(UNITS, seed=2, dtype="float64", input_size=FEATURES, **rates)  # type: ignore[arg-type]
    inputs, states = (torch.randn(BATCH, width, dtype=torch.float64) for width in (FEATURES, UNITS))
    zeros = torch.zeros(BATCH, UNITS, dtype=torch.float64)
    for_inputs, for_hidden = copy.deepcopy(cell).draw_dropout(inputs, True)
    got, _ = cell(inputs, [states, zeros], training=True)
    gates = []
    blocks = (parameter.chunk(4) for parameter in cell.parameters())
    for gate, (kernel, recurrent, bias) in enumerate(zip(*blocks, strict=True)):
        kept = inputs if for_inputs is None else inputs * for_inputs[gate % len(for_inputs)]
        hidden = states if for_hidden is None else states * for_hidden[gate]
        gates.append(kept @ kernel.T + hidden @ recurrent.T + bias)
    i, _, g, o = gates
    assert_close(got.detach(), (o.sigmoid() * (i.sigmoid() * g.tanh()).tanh()).detach(), "float64")


@pytest.mark.parametrize("shape", [(FEATURES,), (BATCH, 5, FEATURES)], ids=str)
def test_inputs_are_one_step(shape: tuple[int, ...]) -> None:
    message = f"Cell `c` takes one step of shape (batch, features), got {len(shape)} axes: {shape}."
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        LSTMCell(UNITS, name="c")(torch.randn(shape), draw()[1])


def test_integers_are_cast() -> None:
    cell, states, whole = LSTMCell(UNITS, name="c"), draw()[1], torch.arange(BATCH * FEATURES).reshape(BATCH, FEATURES)
    assert torch.equal(cell(whole, states)[0], cell(whole.float(), states)[0])


def test_states_must_fit() -> None:
    cell = LSTMCell(UNITS, name="c", input_size=FEATURES)
    inputs, (hidden, state) = draw()
    with pytest.raises(ValueError, match=r"^`states` of cell `c` must hold 2 states, got 1\.$"):
        cell(inputs, [hidden])
    message = "`states[1]` of cell `c` must have shape (batch, units) = (3, 2), got (1, 2)."
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        cell(inputs, [hidden, state[:1]])
