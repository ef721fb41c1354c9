"""StackedRNNCells: states, dropout and bad input; its numbers are compared with Keras' elsewhere."""

import pytest
import torch

from torch_keras_lstm.layers import RNN, Dense, GRUCell, LSTMCell, StackedRNNCells

B, T, F = 3, 5, 4


def test_one_step_takes_and_gives_the_states_of_each_cell() -> None:
    cell = StackedRNNCells([LSTMCell(2), GRUCell(3)])
    states = cell.get_initial_state(B)
    output, new = cell(torch.randn(B, F), states)
    assert (cell.state_size, cell.output_size) == ([[2, 2], 3], 3)
    assert [[tuple(state.shape) for state in one] for one in new] == [[(B, 2), (B, 2)], [(B, 3)]]
    assert torch.equal(output, new[1][0])
    assert torch.equal(cell(torch.randn(B, F), new)[1][1][0].isfinite(), torch.ones(B, 3, dtype=torch.bool))


def test_a_list_of_cells_becomes_a_stack_and_keeps_its_states() -> None:
    layer = RNN([LSTMCell(2), GRUCell(3)], stateful=True, return_state=True)
    inputs = torch.randn(B, T, F)
    output, (hidden, _), (last,) = layer(inputs)
    assert torch.equal(output, last)
    assert layer.states is not None
    assert torch.equal(layer.states[0], hidden)
    assert not torch.equal(layer(inputs)[0], output)
    again = layer(inputs, initial_state=[[torch.zeros(B, 2)] * 2, [torch.zeros(B, 3)]])
    assert torch.equal(again[0], output)


def test_every_call_draws_dropout_anew() -> None:
    cells = [GRUCell(6, dropout=0.5, seed=1, kernel_initializer="ones"), LSTMCell(2, dropout=0.5, seed=2)]
    layer = RNN(cells, return_sequences=True)
    once = torch.randn(1, 1, F).expand(1, T, F)
    assert not torch.equal(layer(once, training=True), layer(once, training=True))
    assert layer(once, training=False).shape == (1, T, 2)


def test_bad_cells_are_named() -> None:
    with pytest.raises(ValueError, match="`cells` must hold at least one cell"):
        StackedRNNCells([])
    with pytest.raises(TypeError, match="`cells` must hold cells such as LSTMCell\\(units\\), got Dense"):
        StackedRNNCells([Dense(2)])
