import copy
import pickle
import re
from typing import Any

import pytest
import torch

from torch_keras_lstm.layers import ConvLSTM1D, ConvLSTM2D, Layer

BATCH, TIME, HEIGHT, WIDTH, CHANNELS, FILTERS = 2, 3, 6, 7, 5, 4
INPUTS = torch.randn(BATCH, TIME, HEIGHT, WIDTH, CHANNELS)


def make(**arguments: Any) -> Any:
    return ConvLSTM2D(**{"filters": FILTERS, "kernel_size": 3, "name": "c", **arguments})


def test_a_state_dict_builds_it_and_copies_go_on_where_it_stands() -> None:
    layer = make(stateful=True, return_sequences=True)
    layer(INPUTS)
    other = make(return_sequences=True)
    other.load_state_dict(layer.state_dict())
    assert torch.equal(other(INPUTS), copy.deepcopy(other)(INPUTS))
    copied = pickle.loads(pickle.dumps(layer))
    assert torch.equal(copied(INPUTS), layer(INPUTS))
    layer.reset_state()
    assert torch.equal(layer(INPUTS), other(INPUTS))


def test_it_trains_with_dropout_of_its_own_seed() -> None:
    one, two = (make(dropout=0.3, recurrent_dropout=0.2, seed=7) for _ in range(2))
    one(INPUTS)
    two.load_state_dict(one.state_dict())
    one = make(dropout=0.3, recurrent_dropout=0.2, seed=7)
    one.load_state_dict(two.state_dict())
    assert torch.equal(one(INPUTS), two(INPUTS))
    assert not torch.equal(one(INPUTS), one.eval()(INPUTS))
    one.train()(INPUTS).sum().backward()
    assert all(parameter.grad is not None for parameter in one.parameters())


def test_the_forget_gate_starts_open() -> None:
    bias = make(input_shape=(None, HEIGHT, WIDTH, CHANNELS)).get_weights()[2]
    assert bias.tolist() == [0.0] * FILTERS + [1.0] * FILTERS + [0.0] * 2 * FILTERS


def test_masked_steps_reach_nothing_whatever_they_hold() -> None:
    layer = make(return_sequences=True)
    broken = INPUTS.clone()
    broken[0, 1] = torch.nan
    mask = torch.tensor([[True, False, True], [True, True, True]])
    assert torch.equal(layer(broken, mask=mask), layer(INPUTS, mask=mask))


@pytest.mark.parametrize("return_sequences", [True, False])
def test_an_initial_state_may_be_held_where_zeros_would_stand(return_sequences: bool) -> None:
    zeros = make(return_sequences=return_sequences, padding="same")
    holding = make(return_sequences=return_sequences, padding="same", hold_initial_state=True)
    zeros.build(INPUTS.shape)
    holding.load_state_dict(zeros.state_dict())
    states = [torch.randn(BATCH, HEIGHT, WIDTH, FILTERS) for _ in range(2)]
    mask = torch.tensor([[False, False, True], [False, False, False]])
    expected = zeros(INPUTS, mask=mask, initial_state=states)
    output = holding(INPUTS, mask=mask, initial_state=states)
    seen = mask.cumsum(1) > 0 if return_sequences else mask.any(1)
    held = states[0].unsqueeze(1) if return_sequences else states[0]
    assert torch.equal(output, torch.where(seen.reshape(*seen.shape, 1, 1, 1), expected, held))
    assert type(zeros).from_config(holding.get_config()).hold_initial_state


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"mask": torch.ones(BATCH, TIME + 1, dtype=torch.bool)},
            "`mask` of layer `c` must have shape (batch, time) =",
        ),
        (
            {"mask": torch.ones(BATCH, TIME, HEIGHT, WIDTH, dtype=torch.bool)},
            "`mask` of layer `c` must have shape (batch, time) = (2, 3), or that and the output's sizes in space, (4",
        ),
        (
            {"mask": torch.ones(BATCH, TIME, 4, 5)},
            "`mask` of layer `c` must be boolean (True where a step counts), got",
        ),
        (
            {"initial_state": [torch.zeros(BATCH, 4, 5, FILTERS), torch.zeros(BATCH, 4, 5, 1)]},
            "`initial_state[1]` of layer `c` must have shape (batch, height, width, filters) = (2, 4, 5, 4), g",
        ),
        ({"initial_state": []}, "`initial_state` of layer `c` must hold 2 states, got 0."),
    ],
)
def test_calls_that_do_not_fit(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        make()(INPUTS, **arguments)


@pytest.mark.parametrize(
    ("layer", "shape", "message"),
    [
        (make(), (2, 3, 6, 5), "Layer `c` takes inputs of shape (batch, time, height, width, channels), got 4 axes"),
        (make(), (2, 0, 6, 7, 5), "Layer `c` needs at least one time step, got an input of shape (2, 0, 6, 7, 5)."),
        (make(), (2, 3, 2, 7, 5), "Layer `c` has a window larger than its input of shape (2, 2, 7, 5)"),
        (
            ConvLSTM1D(2, 3, data_format="channels_first", name="c"),
            (2, 3, 4),
            "Layer `c` takes inputs of shape (batch, time, channels, length), got 3 axes: (2, 3, 4).",
        ),
    ],
)
def test_inputs_that_do_not_fit(layer: Layer, shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        layer(torch.zeros(shape))


def test_integers_are_cast() -> None:
    layer, whole = make(), (INPUTS * 3).long()
    assert torch.equal(layer(whole), layer(whole.to(layer.dtype.torch)))


def test_arguments_out_of_range() -> None:
    with pytest.raises(ValueError, match=r"argument `padding`: expected one of 'valid', 'same', got 'causal'\."):
        ConvLSTM1D(2, 3, padding="causal")
    with pytest.raises(ValueError, match=r"`strides` and `dilation_rate` of layer `c` cannot both be above 1"):
        make(strides=2, dilation_rate=2)
