import copy
from itertools import product
from typing import Any

import pytest
import torch
from torch import nn

from tests.tolerances import assert_close
from torch_keras_lstm.layers import LSTM, RNN, Dense, LSTMCell

BATCH, TIME, FEATURES, UNITS = 3, 5, 4, 2
FLAGS = ("return_sequences", "return_state", "go_backwards", "zero_output_for_mask")


class RunningSum(nn.Module):
    """A cell of the user's own: one state, which comes and goes without a list around it."""

    state_size = FEATURES
    output_size = 1

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(2.0))

    def forward(self, inputs: torch.Tensor, states: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, torch.Tensor]:
        total = states[0] + self.scale * inputs
        return total.sum(-1, keepdim=True), total


def draw() -> tuple[torch.Tensor, torch.Tensor]:
    mask = torch.rand(BATCH, TIME) < 0.6
    mask[1] = False
    return torch.randn(BATCH, TIME, FEATURES), mask


def as_tuple(result: Any) -> tuple[torch.Tensor, ...]:
    return result if isinstance(result, tuple) else (result,)


@pytest.mark.parametrize("flags", list(product([False, True], repeat=4)), ids=str)
@pytest.mark.parametrize("masked", [True, False])
@pytest.mark.parametrize("dropout", [{}, {"dropout": 0.4, "recurrent_dropout": 0.3, "seed": 5}], ids=str)
def test_over_an_lstm_cell_it_is_the_lstm(flags: tuple[bool, ...], masked: bool, dropout: dict[str, Any]) -> None:
    named: dict[str, Any] = dict(zip(FLAGS, flags, strict=True))
    lstm = LSTM(UNITS, **named, **dropout, dtype="float64", input_size=FEATURES)
    rnn = RNN(LSTMCell(UNITS, **dropout, dtype="float64", input_size=FEATURES), **named)
    rnn.set_weights(lstm.get_weights())
    inputs, mask = draw()
    states = [torch.randn(BATCH, UNITS) for _ in range(2)]
    for _ in range(2):
        results = [layer(inputs, mask=mask if masked else None, initial_state=states) for layer in (rnn, lstm)]
        for got, expected in zip(*map(as_tuple, results), strict=True):
            assert_close(got.detach(), expected.detach(), "float64")


def test_a_cell_of_ones_own() -> None:
    layer = RNN(RunningSum(), return_sequences=True, return_state=True)
    inputs, mask = draw()
    outputs, total = layer(inputs, mask=mask)
    kept = 2 * inputs * mask.unsqueeze(-1)
    assert_close(total.detach(), kept.sum(1), "float32 elementwise")
    # while nothing is added, the last output is that of the step before it
    assert_close(outputs.detach(), kept.cumsum(1).sum(-1, keepdim=True), "float32 elementwise")
    assert layer.built
    assert layer.compute_output_shape((BATCH, TIME, FEATURES)) == ((BATCH, TIME, 1), (BATCH, FEATURES))
    assert layer.compute_mask(inputs, mask) == [mask, None]
    assert list(dict(layer.named_parameters())) == ["cell.scale"]


def test_a_single_state_may_be_given_and_kept() -> None:
    layer = RNN(RunningSum(), stateful=True, return_state=True)
    inputs, _ = draw()
    start = torch.randn(BATCH, FEATURES)
    expected = start + 4 * inputs.sum(1)
    layer(inputs, initial_state=start)
    assert_close(layer(inputs)[1].detach(), expected, "float32 elementwise")
    with pytest.raises(ValueError, match=r"must hold 1 states, got 2\."):
        layer(inputs, initial_state=[start, start])


def test_a_cell_says_where_sequences_start() -> None:
    class FromOne(RunningSum):
        def get_initial_state(self, batch_size: int) -> torch.Tensor:
            return torch.ones(batch_size, FEATURES)

    inputs, mask = draw()
    layer = RNN(FromOne(), return_state=True)
    assert_close(layer(inputs)[1].detach(), 1 + 2 * inputs.sum(1), "float32 elementwise")
    output, total = layer(inputs, mask=mask)
    assert total[1].tolist() == [1.0] * FEATURES
    assert output[1].tolist() == [0.0]


def test_dropout_masks_are_drawn_anew_at_each_call() -> None:
    layer = RNN(LSTMCell(10, dropout=0.5, input_size=FEATURES))
    inputs, _ = draw()
    assert not torch.equal(layer(inputs), layer(inputs))
    assert torch.equal(layer(inputs, training=False), layer.eval()(inputs))


def test_a_lazy_cell_is_built_with_the_layer() -> None:
    layer = RNN(LSTMCell(UNITS))
    assert not layer.built
    layer(draw()[0])
    assert layer.built
    assert isinstance(layer.cell, LSTMCell)
    assert layer.cell.input_size == FEATURES
    assert RNN(LSTMCell(UNITS), input_shape=(None, FEATURES)).built
    built = RNN(LSTMCell(UNITS))
    built.build((None, None, FEATURES))
    built.load_state_dict(layer.state_dict())
    assert torch.equal(built(torch.ones(BATCH, TIME, FEATURES)), layer(torch.ones(BATCH, TIME, FEATURES)))


def test_the_dtype_is_that_of_the_cell() -> None:
    layer = RNN(LSTMCell(UNITS, dtype="float64"))
    assert layer.dtype == layer(draw()[0]).dtype == torch.float64


def test_a_frozen_layer_freezes_its_cell() -> None:
    layer = RNN(LSTMCell(UNITS), trainable=False)
    layer(draw()[0])
    assert [parameter.requires_grad for parameter in layer.parameters()] == [False] * 3


def test_the_configuration_holds_the_cell() -> None:
    layer = RNN(LSTMCell(UNITS, "relu", name="c"), go_backwards=True, return_sequences=True, name="r")
    config = layer.get_config()
    assert config["cell"]["class_name"] == "LSTMCell"
    rebuilt = RNN.from_config(copy.deepcopy(config))
    assert rebuilt.get_config() == config
    assert rebuilt.cell is not layer.cell


def test_a_cell_of_ones_own_has_no_configuration() -> None:
    with pytest.raises(ValueError, match=r"^Layer `r` has no configuration: its cell RunningSum is no layer\.$"):
        RNN(RunningSum(), name="r").get_config()


def test_what_is_no_cell() -> None:
    with pytest.raises(ValueError, match=r"^`cell` must be a torch module with a `state_size`, .*got 'lstm'\.$"):
        RNN("lstm")
    with pytest.raises(ValueError, match=r"^`cell` Dense has no `state_size`: give it one, an integer or a list"):
        RNN(Dense(UNITS))


@pytest.mark.parametrize("return_state", [True, False])
def test_kept_states_are_nobody_elses(return_state: bool) -> None:
    """Neither what a call returned nor what a cell kept a hold of changes them."""
    seen = []

    class Remembering(RunningSum):
        def forward(self, inputs: torch.Tensor, states: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, torch.Tensor]:
            output, total = super().forward(inputs, states)
            seen.append(total)
            return output, total

    inputs, _ = draw()
    flags: dict[str, Any] = {"stateful": True, "return_state": return_state}
    for layer in (RNN(Remembering(), **flags), LSTM(UNITS, **flags)):
        for tape in (torch.no_grad(), torch.inference_mode(), torch.enable_grad()):
            with tape:
                outputs = as_tuple(layer(inputs))
                assert layer.states is not None
                kept, copies = layer.states, [state.clone() for state in layer.states]
                for tensor in (*outputs, *seen):
                    tensor.detach().add_(1.0)
            assert all(torch.equal(state, copied) for state, copied in zip(kept, copies, strict=True))
            seen.clear()
