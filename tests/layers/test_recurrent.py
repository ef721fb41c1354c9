"""What every layer over time has: states, masks, shapes. Shown on the LSTM, on both of its paths, and on RNN."""

import copy
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from tests.tolerances import assert_close
from torch_keras_lstm.layers import GRU, LSTM, RNN, LSTMCell, SimpleRNN
from torch_keras_lstm.layers.recurrent import RecurrentLayer

BATCH, TIME, FEATURES, UNITS = 3, 7, 4, 2


def fused(**arguments: Any) -> RecurrentLayer:
    return LSTM(UNITS, use_cudnn=True, input_size=FEATURES, name="layer", **arguments)


def loop(**arguments: Any) -> RecurrentLayer:
    return LSTM(UNITS, use_cudnn=False, input_size=FEATURES, name="layer", **arguments)


def cell(**arguments: Any) -> RecurrentLayer:
    return RNN(LSTMCell(UNITS, input_size=FEATURES), name="layer", **arguments)


Make = Callable[..., RecurrentLayer]
LAYERS = pytest.mark.parametrize("make", [fused, loop, cell], ids=["LSTM fused", "LSTM loop", "RNN"])


def inputs_and_mask() -> tuple[torch.Tensor, torch.Tensor]:
    mask = torch.rand(BATCH, TIME) < 0.6
    mask[0] = False
    return torch.randn(BATCH, TIME, FEATURES), mask


def states_of(layer: RecurrentLayer) -> tuple[torch.Tensor, ...]:
    assert layer.states is not None
    return layer.states


# -- stateful ---------------------------------------------------------------------------------------------------------


@LAYERS
@pytest.mark.parametrize("go_backwards", [True, False])
@pytest.mark.parametrize("masked", [True, False])
def test_a_stateful_layer_goes_on_where_it_stopped(make: Make, go_backwards: bool, masked: bool) -> None:
    arguments: dict[str, Any] = {"return_sequences": True, "go_backwards": go_backwards, "zero_output_for_mask": True}
    whole, pieces = make(**arguments, return_state=True), make(**arguments, stateful=True)
    pieces.set_weights(whole.get_weights())
    inputs, mask = inputs_and_mask()
    cuts = [slice(0, 3), slice(3, 4), slice(4, TIME)]
    outputs = [
        pieces(inputs[:, cut], mask=mask[:, cut] if masked else None)
        for cut in (reversed(cuts) if go_backwards else cuts)
    ]
    expected, *states = whole(inputs, mask=mask if masked else None)
    assert_close(torch.cat(outputs, 1).detach(), expected.detach(), "float32 elementwise")
    for kept, state in zip(states_of(pieces), states, strict=True):
        assert_close(kept, state.detach(), "float32 elementwise")


@LAYERS
def test_kept_states_are_detached_and_forgotten_on_request(make: Make) -> None:
    layer = make(stateful=True)
    inputs, _ = inputs_and_mask()
    assert layer.states is None
    first = layer(inputs)
    assert not any(state.requires_grad for state in states_of(layer))
    second = layer(inputs)
    assert not torch.equal(first, second)
    second.sum().backward()
    layer.reset_state()
    assert layer.states is None
    assert torch.equal(layer(inputs), first)
    layer.reset_states()
    assert layer(inputs[:2]).shape == (2, UNITS)


@LAYERS
def test_only_a_stateful_layer_keeps_states_and_uses_them(make: Make) -> None:
    layer = make(return_state=True)
    inputs, _ = inputs_and_mask()
    first, *_ = layer(inputs)
    assert layer.states is None
    layer.stateful = True
    layer(inputs)
    layer.stateful = False
    assert torch.equal(layer(inputs)[0], first)


@LAYERS
def test_kept_states_move_with_the_module_but_stay_out_of_its_state_dict(make: Make) -> None:
    layer = make(stateful=True)
    names = list(layer.state_dict())
    inputs, _ = inputs_and_mask()
    layer(inputs)
    assert list(layer.state_dict()) == names
    layer.double()
    assert {state.dtype for state in states_of(layer)} == {torch.float64}
    assert layer(inputs).dtype == torch.float64


@LAYERS
def test_a_copy_goes_on_with_states_of_its_own(make: Make) -> None:
    layer = make(stateful=True)
    inputs, _ = inputs_and_mask()
    layer(inputs)
    other = copy.deepcopy(layer)
    assert torch.equal(other(inputs), layer(inputs))
    other.reset_state()
    assert layer.states is not None


@LAYERS
def test_changing_the_output_in_place_leaves_the_kept_states_alone(make: Make) -> None:
    layer = make(stateful=True)
    inputs, _ = inputs_and_mask()
    output = layer(inputs)
    before = [state.clone() for state in states_of(layer)]
    torch.relu_(output)
    assert all(torch.equal(*pair) for pair in zip(states_of(layer), before, strict=True))


@LAYERS
def test_states_kept_under_autocast_have_the_type_of_the_layer(make: Make) -> None:
    layer = make(stateful=True)
    inputs, mask = inputs_and_mask()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        layer(inputs)
        layer(inputs, mask=mask)
    assert {state.dtype for state in states_of(layer)} == {torch.float32}
    assert layer(inputs).dtype == torch.float32


@LAYERS
def test_a_stateful_layer_refuses_another_batch_size(make: Make) -> None:
    layer = make(stateful=True)
    inputs, _ = inputs_and_mask()
    layer(inputs)
    message = "Stateful layer `layer` keeps states of batch size 3, got a batch of 2. Call `reset_state()` before"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        layer(inputs[:2])
    layer(inputs[:2], initial_state=[torch.zeros(2, UNITS)] * 2)


# -- initial states ---------------------------------------------------------------------------------------------------


@LAYERS
def test_initial_states_come_before_kept_ones_in_any_form(make: Make) -> None:
    layer = make(stateful=True, return_sequences=True)
    inputs, _ = inputs_and_mask()
    layer(inputs[:, :3])
    states = states_of(layer)
    expected = layer(inputs[:, 3:])
    for given in (states, list(states), [state.numpy() for state in states], [state.tolist() for state in states]):
        layer(inputs)
        assert torch.equal(layer(inputs[:, 3:], initial_state=given), expected)


@LAYERS
def test_initial_states_get_gradients(make: Make) -> None:
    states = [torch.randn(BATCH, UNITS, requires_grad=True) for _ in range(2)]
    make()(inputs_and_mask()[0], initial_state=states).sum().backward()
    assert all(state.grad is not None and bool(state.grad.any()) for state in states)


@LAYERS
@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        ([(BATCH, UNITS)], "`initial_state` of layer `layer` must hold 2 states, got 1."),
        ([(BATCH, UNITS)] * 3, "`initial_state` of layer `layer` must hold 2 states, got 3."),
        (
            [(BATCH, UNITS), (BATCH, UNITS + 1)],
            "`initial_state[1]` of layer `layer` must have shape (batch, units) = (3, 2), got (3, 3).",
        ),
        (
            [(1, UNITS), (BATCH, UNITS)],
            "`initial_state[0]` of layer `layer` must have shape (batch, units) = (3, 2), got (1, 2).",
        ),
    ],
)
def test_initial_states_must_fit(make: Make, shapes: list[tuple[int, ...]], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        make()(inputs_and_mask()[0], initial_state=[torch.zeros(shape) for shape in shapes])


# -- masks and inputs -------------------------------------------------------------------------------------------------


@LAYERS
def test_masks_may_be_arrays_or_lists(make: Make) -> None:
    layer = make(return_sequences=True)
    inputs, mask = inputs_and_mask()
    expected = layer(inputs, mask=mask)
    assert not torch.equal(expected, layer(inputs))
    for given in (mask.numpy(), mask.tolist()):
        assert torch.equal(layer(inputs, mask=given), expected)


@LAYERS
@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (
            torch.ones(BATCH, TIME, dtype=torch.int64),
            "must be boolean (True where a step counts), got int64: pass `mask.bool()` or `values != 0`.",
        ),
        (np.ones((BATCH, TIME)), "must be boolean (True where a step counts), got float64: pass"),
        (torch.ones(BATCH, TIME - 1).bool(), "must have shape (batch, time) = (3, 7), got (3, 6)."),
        (torch.ones(BATCH, TIME, 1).bool(), "must have shape (batch, time) = (3, 7), got (3, 7, 1)."),
        (torch.ones(TIME).bool(), "must have shape (batch, time) = (3, 7), got (7,)."),
    ],
    ids=["int64", "float64", "time", "axes", "one row"],
)
def test_masks_must_fit(make: Make, mask: Any, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape('`mask` of layer `layer` ' + message)}"):
        make()(inputs_and_mask()[0], mask=mask)


@LAYERS
@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((BATCH, FEATURES), "takes inputs of shape (batch, time, features), got 2 axes: (3, 4)."),
        ((BATCH, 2, TIME, FEATURES), "takes inputs of shape (batch, time, features), got 4 axes: (3, 2, 7, 4)."),
        ((BATCH, 0, FEATURES), "needs at least one time step, got an input of shape (3, 0, 4)."),
        ((BATCH, TIME, 5), "was built for 4 features, got an input of shape"),
    ],
    ids=str,
)
def test_inputs_must_have_the_right_shape(make: Make, shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(ValueError, match=f"` {re.escape(message)}"):
        make()(torch.randn(shape))


@LAYERS
@pytest.mark.parametrize("dtype", [torch.int64, torch.uint8, torch.bool], ids=str)
def test_integers_and_booleans_are_cast_as_in_keras(make: Make, dtype: torch.dtype) -> None:
    layer, inputs = make(), torch.randint(0, 2, (BATCH, TIME, FEATURES)).to(dtype)
    assert torch.equal(layer(inputs), layer(inputs.to(layer.dtype.torch)))


@LAYERS
def test_inputs_must_be_real(make: Make) -> None:
    with pytest.raises(ValueError, match="takes real numbers, got an input of dtype complex64"):
        make()(torch.ones(BATCH, TIME, FEATURES, dtype=torch.complex64))


@LAYERS
def test_inputs_are_cast_to_the_dtype_of_the_layer(make: Make) -> None:
    layer = make()
    inputs, _ = inputs_and_mask()
    for given in (inputs.double(), inputs.numpy(), inputs.tolist()):
        assert torch.equal(layer(given), layer(inputs))


@LAYERS
@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_what_stands_at_masked_steps_reaches_no_gradient(make: Make, value: float) -> None:
    layer = make()
    inputs, mask = inputs_and_mask()
    spoilt = inputs.masked_fill(~mask.unsqueeze(-1), value).requires_grad_()
    output = layer(spoilt, mask=mask)
    assert torch.equal(output, layer(inputs, mask=mask))
    output.sum().backward()
    for tensor in (spoilt, *layer.parameters()):
        assert tensor.grad is not None
        assert tensor.grad.isfinite().all()


# -- what is returned -------------------------------------------------------------------------------------------------


@LAYERS
@pytest.mark.parametrize("return_sequences", [True, False])
@pytest.mark.parametrize("return_state", [True, False])
def test_shapes_and_masks_of_what_is_returned(make: Make, return_sequences: bool, return_state: bool) -> None:
    layer = make(return_sequences=return_sequences, return_state=return_state)
    inputs, mask = inputs_and_mask()
    result = layer(inputs, mask=mask)
    output = (BATCH, TIME, UNITS) if return_sequences else (BATCH, UNITS)
    state = (BATCH, UNITS)
    expected = (output, state, state) if return_state else output
    assert (tuple(value.shape for value in result) if return_state else result.shape) == expected
    assert layer.compute_output_shape(inputs.shape) == expected
    on_output = mask if return_sequences else None
    masks = layer.compute_mask(inputs, mask)
    assert masks == [on_output, None, None] if return_state else masks is on_output


@LAYERS
def test_unrolling_changes_no_number(make: Make) -> None:
    rolled, unrolled = make(), make(unroll=True)
    unrolled.set_weights(rolled.get_weights())
    inputs, mask = inputs_and_mask()
    assert torch.equal(unrolled(inputs, mask=mask), rolled(inputs, mask=mask))


@LAYERS
def test_flags_are_in_the_configuration(make: Make) -> None:
    flags = ["return_sequences", "return_state", "go_backwards", "stateful", "unroll", "zero_output_for_mask"]
    for flag in flags:
        config = make(**{flag: True}).get_config()
        assert [name for name in flags if config[name]] == [flag]


@LAYERS
@pytest.mark.parametrize("return_state", [False, True])
def test_an_activity_regularizer_sees_all_that_is_returned(make: Make, return_state: bool) -> None:
    layer = make(return_sequences=True, return_state=return_state, activity_regularizer=torch.sum)
    outputs = layer(inputs_and_mask()[0])
    (loss,) = layer.losses
    expected = sum(part.detach().sum() for part in (outputs if return_state else [outputs]))
    assert_close(loss.detach(), expected / BATCH, "float32 elementwise")


# -- inference first --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stateful", [True, False])
def test_a_layer_first_called_for_inference_trains_afterwards(stateful: bool) -> None:
    """Neither the weights that the call built nor the states that it kept are inference tensors."""
    layer = LSTM(UNITS, stateful=stateful)
    inputs, _ = inputs_and_mask()
    with torch.inference_mode():
        layer(inputs)
    layer(inputs).sum().backward()
    assert layer.weight_hh_l0.grad is not None


# -- masked steps before the first other one --------------------------------------------------------------------------


def others(layer_class: Any, use_cudnn: bool) -> Make:
    """A layer whose one state is its output, on either of its paths."""
    return lambda **arguments: layer_class(UNITS, use_cudnn=use_cudnn, input_shape=(None, FEATURES), **arguments)


HOLDING = pytest.mark.parametrize(
    "make",
    [fused, loop, cell, *(others(layer, path) for layer in (GRU, SimpleRNN) for path in (True, False))],
    ids=["LSTM fused", "LSTM loop", "RNN", "GRU fused", "GRU loop", "SimpleRNN fused", "SimpleRNN loop"],
)


@HOLDING
@pytest.mark.parametrize("go_backwards", [True, False])
@pytest.mark.parametrize("return_sequences", [True, False])
def test_an_initial_state_may_be_held_where_zeros_would_stand(
    make: Make, go_backwards: bool, return_sequences: bool
) -> None:
    inputs, mask = inputs_and_mask()
    mask[1, [0, -1]] = False
    flags = {"go_backwards": go_backwards, "return_sequences": return_sequences, "return_state": True}
    zeros, holding = make(**flags), make(**flags, hold_initial_state=True)
    holding.load_state_dict(zeros.state_dict())
    states = [torch.randn(BATCH, UNITS) for _ in zeros.state_sizes]
    expected, *final = zeros(inputs, mask=mask, initial_state=states)
    output, *held = holding(inputs, mask=mask, initial_state=states)
    assert all(map(torch.equal, held, final))
    seen = (mask.flip(1) if go_backwards else mask).cumsum(1) > 0
    seen, first = (seen.unsqueeze(-1), states[0].unsqueeze(1)) if return_sequences else (seen[:, -1:], states[0])
    assert torch.equal(output, torch.where(seen, expected, first))
    assert not torch.equal(output, expected)


@HOLDING
def test_holding_is_written_down_only_when_it_is_so(make: Make) -> None:
    assert "hold_initial_state" not in make().get_config()
    again = type(make()).from_config(make(hold_initial_state=True).get_config())
    assert again.hold_initial_state
