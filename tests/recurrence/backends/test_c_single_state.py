"""GRU, in both conventions, and the simple cell in C against the readable loop: sizes, masks, threads, activations."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
import torch

from tests.recurrence.backends.test_c_kernels import ACTIVATIONS, PRECISION, TYPES
from tests.step_backends import c_kernels
from tests.tolerances import assert_all_close, assert_close
from torch_keras_lstm.recurrence import SequenceOptions, SingleStateWeights, select, use_backends
from torch_keras_lstm.recurrence.backends.base import Backend, Request
from torch_keras_lstm.recurrence.backends.c_runs import VECTORS, compiled_module
from torch_keras_lstm.recurrence.backends.c_single_state import SingleStateCKernels
from torch_keras_lstm.recurrence.gru import GRU_BACKENDS, GRUOptions
from torch_keras_lstm.recurrence.simple_rnn import SIMPLE_RNN_BACKENDS

pytestmark = pytest.mark.skipif(
    compiled_module is None, reason="no C compiler was there when the package was installed"
)
CELLS = ["gru", "gru with the reset gate before", "simple_rnn"]
OF_EACH_CELL = pytest.mark.parametrize("cell", CELLS)


@pytest.fixture(params=VECTORS, autouse=True)
def vectors(request: pytest.FixtureRequest) -> Iterator[str]:
    with use_backends(*c_kernels(request.param)):
        yield request.param


class Draw(NamedTuple):
    """One problem of a cell."""

    cell: str
    inputs: torch.Tensor
    hidden: torch.Tensor
    weights: SingleStateWeights

    @property
    def backends(self) -> tuple[Backend, ...]:
        return SIMPLE_RNN_BACKENDS if self.cell == "simple_rnn" else GRU_BACKENDS

    def options(self, **arguments: Any) -> SequenceOptions:
        if self.cell == "simple_rnn":
            return SequenceOptions(**arguments)
        return GRUOptions(reset_after=self.cell == "gru", **arguments)


def drawn(cell: str, dtype: torch.dtype, *sizes: int, use_bias: bool = True) -> Draw:
    batch, time, features, units = sizes
    rows = units if cell == "simple_rnn" else 3 * units

    def normal(*shape: int) -> torch.Tensor:
        drawn_: torch.Tensor = torch.randn(shape, dtype=dtype) / shape[-1] ** 0.5
        return drawn_

    weights = SingleStateWeights(normal(rows, features), normal(rows, units))
    if use_bias:
        second = normal(rows) if cell == "gru" else torch.zeros(rows, dtype=dtype)
        weights = weights._replace(bias_ih=normal(rows), bias_hh=second)
    return Draw(cell, normal(batch, time, features), normal(batch, units), weights)


def results(
    draw: Draw, backend: Backend, mask: torch.Tensor | None, options: SequenceOptions
) -> dict[str, torch.Tensor]:
    """Outputs, the final state and the gradients of all that goes in."""
    tensors = [
        one.detach().clone().requires_grad_() for one in (draw.inputs, draw.hidden, *draw.weights) if one is not None
    ]
    if draw.cell != "gru" and len(tensors) > 4:
        tensors[-1].requires_grad_(False)  # zeros, which nobody trains
    inputs, hidden, *weights = tensors
    output, final = backend.run(inputs, (hidden,), SingleStateWeights(*weights), mask, options)
    named = {"output": output, **({} if final is None else {"final": final[0]})}
    generator = torch.Generator().manual_seed(3)
    loss = torch.zeros((), dtype=inputs.dtype)
    for value in named.values():
        loss = loss + (value * torch.randint(1, 8, value.shape, generator=generator)).sum()
    wanted = [tensor for tensor in tensors if tensor.requires_grad]
    gradients = torch.autograd.grad(loss, wanted, allow_unused=True, materialize_grads=True)
    named |= {f"d {index}": gradient for index, gradient in enumerate(gradients)}
    with torch.no_grad():
        named["without a way back"] = backend.run(inputs, (hidden,), SingleStateWeights(*weights), mask, options)[0]
    return {name: value.detach() for name, value in named.items()}


def assert_as_the_readable_loop(draw: Draw, mask: torch.Tensor | None, options: SequenceOptions) -> None:
    request = Request.of(draw.inputs, (draw.hidden,), draw.weights, mask, options)
    kernels = select(draw.backends, request)
    assert isinstance(kernels, SingleStateCKernels)
    got, expected = (results(draw, backend, mask, options) for backend in (kernels, draw.backends[-1]))
    is_long = draw.inputs.dtype is torch.float32 and draw.inputs.shape[1] > 12  # beyond what the row of steps is for
    assert_all_close(got, expected, "float32 model" if is_long else PRECISION[draw.inputs.dtype])


@pytest.mark.parametrize("dtype", TYPES, ids=str)
@pytest.mark.parametrize("masked", [True, False])
@OF_EACH_CELL
def test_any_sizes(cell: str, masked: bool, dtype: torch.dtype) -> None:
    for sizes in (
        (1, 1, 1, 1),
        (1, 7, 3, 2),
        (2, 3, 1, 33),
        (7, 2, 17, 16),
        (9, 3, 65, 31),
        (70, 4, 3, 5),
        (3, 50, 2, 3),
    ):
        draw = drawn(cell, dtype, *sizes)
        mask = torch.rand(sizes[:2]) > 0.4 if masked else None
        assert_as_the_readable_loop(draw, mask, draw.options())
        flags = {"return_sequences": False, "return_state": False, "go_backwards": True, "zero_output_for_mask": True}
        assert_as_the_readable_loop(draw, mask, draw.options(**flags))


@pytest.mark.parametrize("batch", [0, 3])
@OF_EACH_CELL
def test_no_rows_and_no_bias(cell: str, batch: int) -> None:
    draw = drawn(cell, torch.float64, batch, 3, 2, 5, use_bias=False)
    assert_as_the_readable_loop(draw, None, draw.options())


@pytest.mark.parametrize("masked", [True, False])
@OF_EACH_CELL
def test_dropout_of_inputs_and_states(cell: str, masked: bool) -> None:
    count = 1 if cell == "simple_rnn" else 3
    for features in (2, 40):
        draw = drawn(cell, torch.float64, 11, 5, features, 19)
        mask = torch.rand(11, 5) > 0.3 if masked else None
        for_inputs, for_hidden = (torch.rand(count, 11, width, dtype=torch.float64) for width in (features, 19))
        for given in ((for_inputs, None), (None, for_hidden), (for_inputs, for_hidden), (for_inputs[:1], for_hidden)):
            options = draw.options(input_dropout=given[0], recurrent_dropout=given[1])
            assert_as_the_readable_loop(draw, mask, options)


@OF_EACH_CELL
def test_every_activation_that_the_kernels_have(cell: str) -> None:
    draw = drawn(cell, torch.float64, 5, 4, 3, 7)
    mask = torch.rand(5, 4) > 0.3
    for activation in ACTIVATIONS:
        for recurrent in ACTIVATIONS[:1] if cell == "simple_rnn" else ACTIVATIONS:
            options = draw.options(activation=activation, recurrent_activation=recurrent)
            assert_as_the_readable_loop(draw, mask, options)


@pytest.mark.parametrize("threads", [1, 2, 3, 5])
@OF_EACH_CELL
def test_any_number_of_threads(cell: str, threads: int, vectors: str) -> None:
    """However little there is to do; the last with so many weights for its rows that threads share the columns."""
    backends, before = c_kernels(vectors), torch.get_num_threads()
    for backend in backends:
        backend.fewest_for_threads = 0
    torch.set_num_threads(threads)
    try:
        with use_backends(*backends):
            for sizes in ((1, 4, 3, 6), (5, 4, 3, 6), (150, 4, 3, 6), (2, 9, 3, 161 if cell != "simple_rnn" else 263)):
                draw = drawn(cell, torch.float64, *sizes)
                assert_as_the_readable_loop(draw, torch.rand(sizes[:2]) > 0.3, draw.options())
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@OF_EACH_CELL
def test_what_stands_at_masked_steps_reaches_nothing(cell: str, value: float) -> None:
    draw = drawn(cell, torch.float64, 5, 6, 3, 4)
    mask = torch.rand(5, 6) > 0.4
    spoilt, clean = (
        draw._replace(inputs=draw.inputs.masked_fill(~mask.unsqueeze(-1), filler)) for filler in (value, 0.0)
    )
    kernels = select(draw.backends, Request.of(draw.inputs, (draw.hidden,), draw.weights, mask, draw.options()))
    got, expected = (results(one, kernels, mask, draw.options()) for one in (spoilt, clean))
    assert all(torch.equal(got[name], expected[name]) for name in expected)


@pytest.mark.parametrize("vectors", VECTORS[:1], indirect=True)
@OF_EACH_CELL
def test_tensors_may_lie_in_memory_in_any_way_and_be_differentiated_twice(cell: str) -> None:
    draw = drawn(cell, torch.float64, 3, 2, 3, 4)
    mask = torch.tensor([[True, False], [True, True], [False, False]])
    scattered = draw._replace(
        inputs=draw.inputs.transpose(0, 2).contiguous().transpose(0, 2),
        hidden=draw.hidden.t().contiguous().t(),
        weights=SingleStateWeights(
            *(one.repeat_interleave(2, -1)[..., ::2] for one in draw.weights if one is not None)
        ),
    )
    assert_as_the_readable_loop(scattered, mask, draw.options())

    def run(inputs: torch.Tensor, hidden: torch.Tensor, weight_hh: torch.Tensor) -> torch.Tensor:
        weights = draw.weights._replace(weight_hh=weight_hh)
        request = Request.of(inputs, (hidden,), weights, mask, draw.options())
        output, _ = select(draw.backends, request).run(inputs, (hidden,), weights, mask, draw.options())
        return output

    tensors = [one.detach().requires_grad_() for one in (draw.inputs, draw.hidden, draw.weights.weight_hh)]
    assert torch.autograd.gradcheck(run, tensors)
    assert torch.autograd.gradgradcheck(run, tensors)


@pytest.mark.parametrize("vectors", VECTORS[:1], indirect=True)
@OF_EACH_CELL
def test_a_graph_that_is_kept_can_be_differentiated_again(cell: str) -> None:
    draw = drawn(cell, torch.float64, 4, 5, 3, 6)
    leaf = draw.inputs.clone().requires_grad_()
    kernels = select(draw.backends, Request.of(leaf, (draw.hidden,), draw.weights, None, draw.options()))
    output, _ = kernels.run(leaf, (draw.hidden,), draw.weights, None, draw.options())
    first, second = (torch.autograd.grad(output.sum(), leaf, retain_graph=keep)[0] for keep in (True, False))
    assert torch.equal(first, second)
    assert_close(
        output[0, 0].detach(),
        kernels.run(leaf, (draw.hidden,), draw.weights, None, draw.options())[0][0, 0].detach(),
        "float64",
    )
