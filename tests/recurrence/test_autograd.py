"""Other activations, dropout of each gate's own, derivatives of any order, on each backend written by hand."""

import copy
from collections.abc import Iterator

import numpy as np
import pytest
import torch

from tests.parity.lstm_cases import MASKS, draw_mask
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
from tests.recurrence.numpy_lstm import Draw, draw_lstm, numpy_lstm
from tests.step_backends import running_on, step_backends
from tests.tolerances import assert_all_close, assert_close
from torch_keras_lstm import activations
from torch_keras_lstm.recurrence import (
    LSTMState,
    LSTMWeights,
    Request,
    SequenceOptions,
    lstm_loop,
    lstm_reference,
    use_backends,
)
from torch_keras_lstm.recurrence.backends.torch_ops import TORCH_OPS as OPS

MASK_KINDS = pytest.mark.parametrize("kind", MASKS)


@pytest.fixture(params=step_backends(), autouse=True)
def way(request: pytest.FixtureRequest) -> Iterator[str]:
    """Each test runs in torch's operations, and in C with the vectors of each kind that this processor has."""
    with running_on(request.param):
        yield request.param


@MASK_KINDS
@pytest.mark.parametrize("go_backwards", [True, False])
def test_any_activations(kind: str, go_backwards: bool) -> None:
    draw, mask = draw_lstm(BATCH, TIME, FEATURES, UNITS), mask_of(kind)
    options = SequenceOptions(activation=torch.sin, recurrent_activation=torch.cos, go_backwards=go_backwards)
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
    options = SequenceOptions(go_backwards=go_backwards, input_dropout=for_inputs, recurrent_dropout=for_hidden)
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
        output, final = lstm_loop(*again(draw, tensors), mask, SequenceOptions())
        assert final is not None
        return output, *final

    assert torch.autograd.gradgradcheck(run, grown(draw))


@MASK_KINDS
def test_several_models_at_once_by_vmap(kind: str) -> None:
    draws = [draw_lstm(BATCH, TIME, FEATURES, UNITS, seed=seed) for seed in range(3)]
    inputs, state, mask = draws[0].inputs, draws[0].state, mask_of(kind)

    def run(weights: LSTMWeights) -> torch.Tensor:
        return lstm_loop(inputs, state, weights, mask, SequenceOptions())[0]

    stacked = LSTMWeights(*(torch.stack(parts) for parts in zip(*(draw.weights for draw in draws), strict=True)))
    for got, draw in zip(torch.func.vmap(run)(stacked), draws, strict=True):
        assert_close(got, run(draw.weights), "float64")


def both(
    draw: Draw, mask: torch.Tensor | None, options: SequenceOptions
) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    return results(lstm_loop, draw, mask, options), results(lstm_reference, draw, mask, options)


@MASK_KINDS
@pytest.mark.parametrize("name", sorted(set(activations._NAMES) - {"glu", "threshold"}))
def test_every_activation_of_keras_is_differentiated_by_hand_as_autograd_does(name: str, kind: str) -> None:
    draw, mask = draw_lstm(BATCH, TIME, FEATURES, UNITS), mask_of(kind)
    # exponentials of exponentials: small weights and few steps keep them finite
    small = LSTMWeights(*(0.1 * weight for weight in draw.weights if weight is not None))
    draw = draw._replace(inputs=draw.inputs[:, :3], weights=small)
    mask = None if mask is None else mask[:, :3]
    for options in (
        SequenceOptions(activation=activations.get(name)),
        SequenceOptions(recurrent_activation=activations.get(name), go_backwards=True),
        SequenceOptions(activation=activations.get(name), recurrent_activation=activations.get(name)),
    ):
        assert_all_close(*both(draw, mask, options), "float64")


@MASK_KINDS
@pytest.mark.parametrize("for_inputs", [0, 1, 4])
@pytest.mark.parametrize("for_hidden", [0, 1, 4])
@pytest.mark.parametrize("flags", [(True, True, True, False), (True, False, True, True), (False, True, False, False)])
def test_dropout_is_differentiated_by_hand_as_autograd_does(
    kind: str, for_inputs: int, for_hidden: int, flags: tuple[bool, ...]
) -> None:
    draw, mask = draw_lstm(BATCH, TIME, FEATURES, UNITS, use_bias=flags[0]), mask_of(kind)
    factors = [
        torch.rand(count, BATCH, width, dtype=torch.float64) if count else None
        for count, width in ((for_inputs, FEATURES), (for_hidden, UNITS))
    ]
    options = SequenceOptions(
        **dict(zip(FLAGS, flags, strict=True)),  # type: ignore[arg-type]
        input_dropout=factors[0],
        recurrent_dropout=factors[1],
    )
    assert_all_close(*both(draw, mask, options), "float64")


@MASK_KINDS
@pytest.mark.parametrize("steps", [1, 2, 3])
def test_where_a_chunk_of_steps_ends_changes_nothing(kind: str, steps: int) -> None:
    draw, mask = draw_lstm(BATCH, 7, FEATURES, UNITS), None
    if kind != "none":
        mask = torch.tensor(draw_mask(np.random.default_rng(5), kind, BATCH, 7))
    options = SequenceOptions(input_dropout=torch.rand(4, BATCH, FEATURES, dtype=torch.float64))
    expected = results(lstm_loop, draw, mask, options)
    with torch.no_grad():
        without_tape = lstm_loop(*draw, mask, options)[0]
    chunked = copy.copy(OPS)  # the kernels in C have chunks of their own, by what a cache holds
    chunked.chunk_numbers, chunked.chunk_rows, chunked.product_rows = 0, steps * BATCH, 2 * BATCH
    with use_backends(chunked):
        assert_all_close(results(lstm_loop, draw, mask, options), expected, "float64")
        for got in (without_tape, lstm_loop(*draw, mask, options)[0].detach()):
            assert_close(got, expected["output"], "float64")


def test_the_backward_pass_may_run_twice_and_leaves_what_it_was_given_alone() -> None:
    draw = draw_lstm(BATCH, TIME, FEATURES, UNITS)
    tensors = grown(draw)
    before = [tensor.detach().clone() for tensor in tensors]
    output, final = lstm_loop(*again(draw, tensors), mask_of("gaps"), SequenceOptions(recurrent_activation=torch.relu))
    assert final is not None
    given = [torch.ones_like(value) for value in (output, *final)]
    first = torch.autograd.grad((output, *final), tensors, given, retain_graph=True)
    second = torch.autograd.grad((output, *final), tensors, given)
    assert all(torch.equal(*pair) for pair in zip(first, second, strict=True))
    assert all(bool((value == 1).all()) for value in given)
    assert all(torch.equal(*pair) for pair in zip(before, (tensor.detach() for tensor in tensors), strict=True))


def test_the_output_may_be_written_to_but_not_before_its_gradient_is_computed() -> None:
    draw = draw_lstm(BATCH, TIME, FEATURES, UNITS)
    output, final = lstm_loop(*again(draw, grown(draw)), None, SequenceOptions())
    assert final is not None
    hidden = final.hidden.detach().clone()
    output.mul_(2)
    assert torch.equal(final.hidden.detach(), hidden)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        output.sum().backward()


@pytest.mark.parametrize("wanted", range(6))
def test_a_single_operand_gets_its_gradient_alone(wanted: int) -> None:
    draw = draw_lstm(BATCH, TIME, FEATURES, UNITS)
    everything = results(lstm_loop, draw, None, SequenceOptions())
    tensors = tuple(tensor.detach().requires_grad_(index == wanted) for index, tensor in enumerate(grown(draw)))
    inputs, state, weights = again(draw, tensors)
    output, final = lstm_loop(inputs, state, weights, None, SequenceOptions())
    assert final is not None
    generator = torch.Generator().manual_seed(3)
    for value in (output, *final):
        factor = torch.randint(1, 8, value.shape, generator=generator)
        value.backward(factor.to(value.dtype), retain_graph=True)
    gradient = tensors[wanted].grad
    assert gradient is not None
    assert_close(gradient, everything[f"d {wanted}"], "float64")
    assert all(tensor.grad is None for index, tensor in enumerate(tensors) if index != wanted)


@MASK_KINDS
@pytest.mark.filterwarnings("ignore:.*torch.jit.script")  # torch's own use of it; which warning depends on the release
def test_forward_mode_derivatives(kind: str) -> None:
    draw, mask = draw_lstm(BATCH, TIME, FEATURES, UNITS), mask_of(kind)
    tangent = torch.randn_like(draw.inputs)

    def run(inputs: torch.Tensor) -> torch.Tensor:
        return lstm_loop(inputs, draw.state, draw.weights, mask, SequenceOptions(activation=torch.relu))[0]

    with torch.autograd.forward_ad.dual_level():
        dual = run(torch.autograd.forward_ad.make_dual(draw.inputs, tangent))
        got = torch.autograd.forward_ad.unpack_dual(dual).tangent
    _, expected = torch.autograd.functional.jvp(run, draw.inputs, tangent)
    assert got is not None
    assert_close(got, expected, "float64")


def test_second_derivatives_with_all_that_the_backward_pass_knows() -> None:
    draw, mask = draw_lstm(BATCH, 2, FEATURES, UNITS), mask_of("gaps")
    assert mask is not None
    options = SequenceOptions(
        activation=activations.softplus,
        go_backwards=True,
        input_dropout=torch.rand(4, BATCH, FEATURES, dtype=torch.float64),
        recurrent_dropout=torch.rand(4, BATCH, UNITS, dtype=torch.float64),
    )

    def run(*tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
        output, final = lstm_loop(*again(draw, tensors), mask[:, :2], options)
        assert final is not None
        return output, *final

    assert torch.autograd.gradcheck(run, grown(draw))
    assert torch.autograd.gradgradcheck(run, grown(draw))


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (SequenceOptions(), None),
        (SequenceOptions(activation=activations.softmax), "`activation` is no activation of single elements that"),
        (SequenceOptions(recurrent_activation=torch.sin), "`recurrent_activation` is no activation of single elements"),
    ],
)
def test_what_is_left_to_autograd(options: SequenceOptions, reason: str | None) -> None:
    draw = draw_lstm(BATCH, TIME, FEATURES, UNITS)
    got = OPS.why_not(Request.of(*draw, None, options))
    assert (got is None) if reason is None else (got is not None and got.startswith(reason))


def test_a_tape_is_left_of_the_whole_sequence_not_of_each_step() -> None:
    draw = draw_lstm(BATCH, TIME, FEATURES, UNITS)
    output, _ = lstm_loop(*again(draw, grown(draw)), None, SequenceOptions(activation=torch.relu))
    names, frontier = [], [output.grad_fn]
    while frontier:
        node = frontier.pop()
        if node is not None:
            names.append(node.name())
            frontier += [following for following, _ in node.next_functions]
    assert "_StepsBackward" in names
    assert len(names) < 12
