import numpy as np
import pytest
import torch

from tests.recurrence.numpy_lstm import draw_lstm, numpy_lstm
from tests.tolerances import assert_close
from torch_keras_lstm.recurrence import SequenceOptions, lstm_step, project

BATCH, TIME, FEATURES, UNITS = 3, 5, 4, 2


@pytest.mark.parametrize("use_bias", [True, False], ids=["bias", "no bias"])
def test_one_step_is_the_equation_of_the_paper(use_bias: bool) -> None:
    draw = draw_lstm(BATCH, 1, FEATURES, UNITS, use_bias=use_bias)
    projected = project(draw.inputs[:, 0], draw.weights, None)
    state = lstm_step(projected, draw.state, draw.weights.weight_hh, SequenceOptions())
    _, hidden, cell = numpy_lstm(draw)
    assert_close(state.hidden, hidden, "float64 elementwise")
    assert_close(state.cell, cell, "float64 elementwise")


def test_each_activation_stands_where_keras_has_it() -> None:
    draw = draw_lstm(BATCH, 1, FEATURES, UNITS)
    options = SequenceOptions(activation=torch.sin, recurrent_activation=torch.cos)
    state = lstm_step(project(draw.inputs[:, 0], draw.weights, None), draw.state, draw.weights.weight_hh, options)
    _, hidden, cell = numpy_lstm(draw, activation=np.sin, recurrent_activation=np.cos)
    assert_close(state.hidden, hidden, "float64 elementwise")
    assert_close(state.cell, cell, "float64 elementwise")


@pytest.mark.parametrize("leading", [(BATCH,), (BATCH, TIME), (BATCH, TIME, 7)], ids=str)
@pytest.mark.parametrize("use_bias", [True, False], ids=["bias", "no bias"])
@pytest.mark.parametrize("masks", [0, 1, 4])
def test_projection(leading: tuple[int, ...], use_bias: bool, masks: int) -> None:
    weights = draw_lstm(BATCH, TIME, FEATURES, UNITS, use_bias=use_bias).weights
    inputs = torch.randn(*leading, FEATURES, dtype=torch.float64)
    dropout = torch.rand(masks, BATCH, FEATURES, dtype=torch.float64) if masks else None
    expected = []
    for gate in range(4):
        rows = slice(gate * UNITS, (gate + 1) * UNITS)
        kept = inputs
        if dropout is not None:
            mask = dropout[gate % masks]
            kept = torch.stack([inputs[row] * mask[row] for row in range(BATCH)])
        bias = weights.bias_ih[rows] + weights.bias_hh[rows] if use_bias else 0.0  # type: ignore[index]
        expected.append(kept @ weights.weight_ih[rows].T + bias)
    assert_close(project(inputs, weights, dropout), torch.cat(expected, -1), "float64 elementwise")


def test_recurrent_dropout_enters_each_gate_by_its_own_mask_and_leaves_the_carried_state_alone() -> None:
    draw = draw_lstm(BATCH, 1, FEATURES, UNITS)
    masks = torch.rand(4, BATCH, UNITS, dtype=torch.float64)
    projected = project(draw.inputs[:, 0], draw.weights, None)
    got = lstm_step(projected, draw.state, draw.weights.weight_hh, SequenceOptions(recurrent_dropout=masks))
    hidden, blocks = draw.state.hidden, draw.weights.weight_hh.chunk(4)
    recurrent = torch.cat([(hidden * mask) @ block.T for mask, block in zip(masks, blocks, strict=True)], -1)
    i, f, g, o = (projected + recurrent).chunk(4, -1)
    cell = f.sigmoid() * draw.state.cell + i.sigmoid() * g.tanh()
    assert_close(got.cell, cell, "float64 elementwise")
    assert_close(got.hidden, o.sigmoid() * cell.tanh(), "float64 elementwise")
