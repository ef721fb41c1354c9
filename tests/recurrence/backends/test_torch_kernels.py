"""torch's kernels against the equations and against the steps of this package, with any mask."""

from collections.abc import Callable
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.parity.lstm_cases import MASKS, draw_mask
from tests.recurrence.numpy_lstm import Draw, draw_lstm, numpy_lstm
from tests.tolerances import assert_all_close, assert_close
from torch_keras_lstm.recurrence import LSTMState, SequenceOptions, lstm_fused, lstm_fused_both_ways, lstm_loop
from torch_keras_lstm.recurrence.backends.torch_kernels import flatten_for_cudnn

BATCH, TIME, FEATURES, UNITS = 4, 5, 3, 2
PATHS = pytest.mark.parametrize("path", [lstm_fused, lstm_loop], ids=["fused", "loop"])
MASK_KINDS = pytest.mark.parametrize("kind", MASKS)
FLAGS = ("go_backwards", "return_sequences", "return_state", "zero_output_for_mask")
Run = Callable[..., tuple[torch.Tensor, LSTMState | None]]


def mask_of(kind: str, seed: int = 1) -> torch.Tensor | None:
    mask = draw_mask(np.random.default_rng(seed), kind, BATCH, TIME)
    return None if mask is None else torch.tensor(mask)


def grown(draw: Draw) -> tuple[torch.Tensor, ...]:
    """All tensors of the draw as leaves that get gradients: inputs, both states, the weights."""
    tensors = (draw.inputs, *draw.state, *(weight for weight in draw.weights if weight is not None))
    return tuple(tensor.detach().clone().requires_grad_() for tensor in tensors)


def again(draw: Draw, tensors: tuple[torch.Tensor, ...]) -> Draw:
    inputs, hidden, cell, *weights = tensors
    return Draw(inputs, LSTMState(hidden, cell), type(draw.weights)(*weights))


def results(run: Run, draw: Draw, mask: torch.Tensor | None, options: SequenceOptions) -> dict[str, torch.Tensor]:
    """Outputs, final states and the gradients of all that goes in."""
    tensors = grown(draw)
    inputs, state, weights = again(draw, tensors)
    output, final = run(inputs, state, weights, mask, options)
    named = {"output": output, **({} if final is None else final._asdict())}
    generator = torch.Generator().manual_seed(3)
    loss = torch.zeros((), dtype=inputs.dtype)
    for value in named.values():
        # small integers, which every type holds exactly
        loss = loss + (value * torch.randint(1, 8, value.shape, generator=generator)).sum()
    gradients = torch.autograd.grad(loss, tensors, allow_unused=True)
    named |= {
        f"d {index}": torch.zeros_like(tensor) if gradient is None else gradient
        for index, (tensor, gradient) in enumerate(zip(tensors, gradients, strict=True))
    }
    return {name: value.detach() for name, value in named.items()}


@PATHS
@given(
    rows=st.integers(1, 4).flatmap(
        lambda time: st.lists(st.lists(st.booleans(), min_size=time, max_size=time), min_size=1, max_size=4)
    ),
    features=st.integers(1, 4),
    units=st.integers(1, 4),
    flags=st.tuples(st.booleans(), st.booleans(), st.booleans()),
    use_bias=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
@settings(deadline=None, max_examples=80)
def test_any_mask_runs_each_rows_unmasked_steps_alone(
    path: Run,
    rows: list[list[bool]],
    features: int,
    units: int,
    flags: tuple[bool, bool, bool],
    use_bias: bool,
    seed: int,
) -> None:
    draw = draw_lstm(len(rows), len(rows[0]), features, units, seed=seed, use_bias=use_bias)
    named = dict(zip(("go_backwards", "return_sequences", "zero_output_for_mask"), flags, strict=True))
    output, final = path(*draw, torch.tensor(rows), SequenceOptions(**named))  # type: ignore[arg-type]
    assert final is not None
    expected = numpy_lstm(draw, np.array(rows), **named)  # type: ignore[arg-type]
    assert_all_close(
        {"output": output, **final._asdict()}, dict(zip(("output", *final._fields), expected, strict=True)), "float64"
    )


@MASK_KINDS
@pytest.mark.parametrize("use_bias", [True, False], ids=["bias", "no bias"])
@pytest.mark.parametrize("flags", list(product([False, True], repeat=4)), ids=str)
def test_both_paths_agree_in_values_and_gradients(kind: str, use_bias: bool, flags: tuple[bool, ...]) -> None:
    draw = draw_lstm(BATCH, TIME, FEATURES, UNITS, use_bias=use_bias)
    options = SequenceOptions(**dict(zip(FLAGS, flags, strict=True)))  # type: ignore[arg-type]
    mask = mask_of(kind)
    assert_all_close(results(lstm_fused, draw, mask, options), results(lstm_loop, draw, mask, options), "float64")


@MASK_KINDS
def test_input_dropout_is_the_same_on_both_paths(kind: str) -> None:
    draw = draw_lstm(BATCH, TIME, FEATURES, UNITS)
    options = SequenceOptions(input_dropout=torch.rand(1, BATCH, FEATURES, dtype=torch.float64))
    fused, loop = (results(path, draw, mask_of(kind), options) for path in (lstm_fused, lstm_loop))
    assert_all_close(fused, loop, "float64")
    without = lstm_fused(*draw, mask_of(kind), replace(options, input_dropout=None))[0]
    assert not torch.equal(fused["output"], without)


@PATHS
@MASK_KINDS
def test_gradients_are_those_of_the_values(path: Run, kind: str) -> None:
    draw = draw_lstm(BATCH, 3, FEATURES, UNITS)
    mask = mask_of(kind)
    mask = mask if mask is None else mask[:, :3]

    def run(*tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
        output, final = path(*again(draw, tensors), mask, SequenceOptions(go_backwards=True))
        assert final is not None
        return output, *final

    assert torch.autograd.gradcheck(run, grown(draw))


@PATHS
@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf])
@pytest.mark.parametrize("return_state", [True, False])
@pytest.mark.parametrize("kind", ["right-padded", "left-padded", "gaps", "empty-rows"])
def test_what_stands_at_masked_steps_has_no_effect(path: Run, value: float, return_state: bool, kind: str) -> None:
    draw, mask = draw_lstm(BATCH, TIME, FEATURES, UNITS), mask_of(kind)
    assert mask is not None
    options = SequenceOptions(
        return_state=return_state, input_dropout=torch.ones(1, BATCH, FEATURES, dtype=torch.float64)
    )
    spoilt = draw._replace(inputs=draw.inputs.masked_fill(~mask.unsqueeze(-1), value))
    expected = results(path, draw, mask, options)
    for name, got in results(path, spoilt, mask, options).items():
        assert torch.equal(got, expected[name]), name


@PATHS
@pytest.mark.parametrize("go_backwards", [True, False])
def test_a_mask_of_true_is_no_mask(path: Run, go_backwards: bool) -> None:
    draw, options = draw_lstm(BATCH, TIME, FEATURES, UNITS), SequenceOptions(go_backwards=go_backwards)
    masked = results(path, draw, torch.ones(BATCH, TIME, dtype=torch.bool), options)
    for name, expected in results(path, draw, None, options).items():
        assert torch.equal(masked[name], expected), name


@PATHS
def test_a_fully_masked_row_returns_the_state_that_it_was_given_and_zeros(path: Run) -> None:
    draw = draw_lstm(BATCH, TIME, FEATURES, UNITS)
    mask = torch.ones(BATCH, TIME, dtype=torch.bool)
    mask[1] = False
    for return_sequences in (True, False):
        output, final = path(*draw, mask, SequenceOptions(return_sequences=return_sequences))
        assert final is not None
        assert torch.equal(final.hidden[1], draw.state.hidden[1])
        assert torch.equal(final.cell[1], draw.state.cell[1])
        assert not output[1].any()


@PATHS
def test_the_state_is_left_out_when_nobody_asks_for_it(path: Run) -> None:
    draw, mask = draw_lstm(BATCH, TIME, FEATURES, UNITS), mask_of("gaps")
    output, final = path(*draw, mask, SequenceOptions())
    alone, nothing = path(*draw, mask, SequenceOptions(return_state=False))
    assert final is not None
    assert nothing is None
    assert_close(alone, output, "float64")


@PATHS
@pytest.mark.parametrize("batch", [0, 1])
@pytest.mark.parametrize("return_sequences", [True, False])
@pytest.mark.parametrize("masked", [True, False])
def test_the_smallest_shapes(path: Run, batch: int, return_sequences: bool, masked: bool) -> None:
    draw = draw_lstm(batch, 1, FEATURES, UNITS)
    mask = torch.zeros(batch, 1, dtype=torch.bool) if masked else None
    output, final = path(*draw, mask, SequenceOptions(return_sequences=return_sequences))
    assert output.shape == ((batch, 1, UNITS) if return_sequences else (batch, UNITS))
    assert final is not None
    assert final.hidden.shape == final.cell.shape == (batch, UNITS)


@PATHS
@MASK_KINDS
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_low_precision_keeps_its_type_and_its_values(path: Run, kind: str, dtype: torch.dtype) -> None:
    draw = draw_lstm(BATCH, TIME, FEATURES, UNITS)
    low = again(draw, tuple(tensor.detach().to(dtype) for tensor in grown(draw)))
    exact = results(
        path, again(draw, tuple(tensor.detach().double() for tensor in grown(low))), mask_of(kind), SequenceOptions()
    )
    for name, got in results(path, low, mask_of(kind), SequenceOptions()).items():
        assert got.dtype == dtype
        assert_close(got.double(), exact[name], f"{str(dtype).removeprefix('torch.')} recurrence", name)


@pytest.mark.parametrize("use_bias", [True, False])
def test_both_ways_are_two_runs(use_bias: bool) -> None:
    there = draw_lstm(BATCH, TIME, FEATURES, UNITS, use_bias=use_bias)
    back = draw_lstm(BATCH, TIME, FEATURES, UNITS, seed=1, use_bias=use_bias)
    outputs, finals = lstm_fused_both_ways(there.inputs, (there.state, back.state), (there.weights, back.weights))
    forward, forward_final = lstm_fused(*there, None, SequenceOptions())
    backward, backward_final = lstm_fused(
        there.inputs, back.state, back.weights, None, SequenceOptions(go_backwards=True)
    )
    assert_close(outputs, torch.cat((forward, backward.flip(1)), -1), "float64")
    for final, expected in zip(finals, (forward_final, backward_final), strict=True):
        assert expected is not None
        assert_all_close(final._asdict(), expected._asdict(), "float64")


@pytest.mark.parametrize("directions", [1, 2])
def test_weights_on_a_cpu_are_not_flattened(directions: int) -> None:
    weights = directions * draw_lstm(BATCH, TIME, FEATURES, UNITS).weights
    before = [weight.data_ptr() for weight in weights if weight is not None]
    flatten_for_cudnn(weights, directions=directions)
    assert [weight.data_ptr() for weight in weights if weight is not None] == before
