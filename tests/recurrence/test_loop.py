"""What only the loop computes: other activations, dropout of each gate's own, derivatives of any order."""

import numpy as np
import pytest
import torch

from tests.parity.lstm_cases import MASKS
from tests.recurrence.numpy_lstm import Draw, draw_lstm, numpy_lstm
from tests.recurrence.test_fused import BATCH, FEATURES, TIME, UNITS, again, grown, mask_of
from tests.tolerances import assert_close
from torch_keras_lstm.recurrence import LSTMOptions, LSTMState, LSTMWeights, lstm_loop

MASK_KINDS = pytest.mark.parametrize("kind", MASKS)


@MASK_KINDS
@pytest.mark.parametrize("go_backwards", [True, False])
def test_any_activations(kind: str, go_backwards: bool) -> None:
    draw, mask = draw_lstm(BATCH, TIME, FEATURES, UNITS), mask_of(kind)
    options = LSTMOptions(activation=torch.sin, recurrent_activation=torch.cos, go_backwards=go_backwards)
    output, final = lstm_loop(*draw, mask, options)
    expected, hidden, cell = numpy_lstm(
        draw,
        None if mask is None else mask.numpy(),
        go_backwards=go_backwards,
        activation=np.sin,
        recurrent_activation=np.cos,
    )
    assert final is not None
    assert_close(output, expected, "float64")
    assert_close(final.hidden, hidden, "float64")
    assert_close(final.cell, cell, "float64")


@MASK_KINDS
@pytest.mark.parametrize("go_backwards", [True, False])
def test_dropout_masks_are_constant_in_time_and_one_a_gate(kind: str, go_backwards: bool) -> None:
    """Each gate's masks are multiplied into its weights, row by row: an LSTM without dropout is left."""
    draw, mask = draw_lstm(BATCH, TIME, FEATURES, UNITS), mask_of(kind)
    for_inputs = torch.rand(4, BATCH, FEATURES, dtype=torch.float64)
    for_hidden = torch.rand(4, BATCH, UNITS, dtype=torch.float64)
    options = LSTMOptions(go_backwards=go_backwards, input_dropout=for_inputs, recurrent_dropout=for_hidden)
    output, final = lstm_loop(*draw, mask, options)
    assert final is not None
    for row in range(BATCH):
        weights = draw.weights._replace(
            weight_ih=draw.weights.weight_ih * for_inputs[:, row].repeat_interleave(UNITS, 0),
            weight_hh=draw.weights.weight_hh * for_hidden[:, row].repeat_interleave(UNITS, 0),
        )
        alone = Draw(draw.inputs[row : row + 1], LSTMState(*(state[row : row + 1] for state in draw.state)), weights)
        row_mask = None if mask is None else mask[row : row + 1].numpy()
        expected, hidden, cell = numpy_lstm(alone, row_mask, go_backwards=go_backwards)
        assert_close(output[row : row + 1], expected, "float64")
        assert_close(final.hidden[row : row + 1], hidden, "float64")
        assert_close(final.cell[row : row + 1], cell, "float64")


@pytest.mark.parametrize("kind", ["none", "gaps", "empty-rows"])
def test_second_derivatives(kind: str) -> None:
    draw, mask = draw_lstm(BATCH, 2, FEATURES, UNITS), mask_of(kind)
    mask = mask if mask is None else mask[:, :2]

    def run(*tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
        output, final = lstm_loop(*again(draw, tensors), mask, LSTMOptions())
        assert final is not None
        return output, *final

    assert torch.autograd.gradgradcheck(run, grown(draw))


@MASK_KINDS
def test_several_models_at_once_by_vmap(kind: str) -> None:
    draws = [draw_lstm(BATCH, TIME, FEATURES, UNITS, seed=seed) for seed in range(3)]
    inputs, state, mask = draws[0].inputs, draws[0].state, mask_of(kind)

    def run(weights: LSTMWeights) -> torch.Tensor:
        return lstm_loop(inputs, state, weights, mask, LSTMOptions())[0]

    stacked = LSTMWeights(*(torch.stack(parts) for parts in zip(*(draw.weights for draw in draws), strict=True)))
    for got, draw in zip(torch.func.vmap(run)(stacked), draws, strict=True):
        assert_close(got, run(draw.weights), "float64")
