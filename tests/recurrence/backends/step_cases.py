"""Draws for the steps of an LSTM, what they should give, and what those under the contract of steps give."""

from typing import NamedTuple

import torch
from torch import Tensor

from tests.tolerances import assert_close
from torch_keras_lstm import activations
from torch_keras_lstm.recurrence import LSTMState, SequenceOptions, lstm_step
from torch_keras_lstm.recurrence.backends.base import Cell, Downstream, Trace, Upstream
from torch_keras_lstm.recurrence.backends.projection import ProjectedSteps
from torch_keras_lstm.recurrence.options import Activation

MASKS = ("none", "gaps", "empty-rows")
DROPOUTS = (0, 1, 4)
GRADIENTS = ("grad_hidden", "grad_h_n", "grad_c_n")


class Case(NamedTuple):
    """What goes into the steps, gates in the order output, input, forget, candidate."""

    projected: Tensor
    state: LSTMState
    weight_hh: Tensor
    mask: Tensor | None
    dropout: Tensor | None
    activation: Activation
    recurrent_activation: Activation
    grad_hidden: Tensor | None
    grad_h_n: Tensor | None
    grad_c_n: Tensor | None


class Results(NamedTuple):
    """What comes out of them: hidden states of all steps, the last cell state, and gradients."""

    hidden: Tensor
    cell: Tensor
    of_projected: Tensor
    of_hidden: Tensor
    of_cell: Tensor


def draw(
    mask: str = "none",
    dropouts: int = 0,
    dtype: torch.dtype = torch.float32,
    *,
    time: int = 3,
    batch: int = 5,
    units: int = 7,
    activation: Activation = activations.tanh,
    recurrent_activation: Activation = activations.sigmoid,
) -> Case:
    """A random case; the mask is one of ``MASKS``."""
    keep = None if mask == "none" else torch.rand(time, batch) > 0.5
    if keep is not None and mask == "empty-rows":
        keep[:, 1::3] = False
    dropout = (torch.rand(dropouts, batch, units) > 0.3) / 0.7 if dropouts else None
    return Case(
        torch.randn(time, batch, 4 * units, dtype=dtype),
        LSTMState(torch.randn(batch, units, dtype=dtype) / 2, torch.randn(batch, units, dtype=dtype)),
        (torch.randn(4 * units, units) / units**0.5).to(dtype),
        keep,
        None if dropout is None else dropout.to(dtype),
        activation,
        recurrent_activation,
        torch.randn(time, batch, units, dtype=dtype),
        torch.randn(batch, units, dtype=dtype),
        torch.randn(batch, units, dtype=dtype),
    )


def with_gradient(case: Case, given: str) -> Case:
    """The case with the one of ``GRADIENTS`` that is named, and no other."""
    of_outputs, of_hidden, of_cell = (getattr(case, name) if name == given else None for name in GRADIENTS)
    return case._replace(grad_hidden=of_outputs, grad_h_n=of_hidden, grad_c_n=of_cell)


def expected(case: Case, dtype: torch.dtype = torch.float64) -> Results:
    """By the readable step and autograd."""
    projected, hidden, cell = (tensor.to(dtype).requires_grad_() for tensor in (case.projected, *case.state))
    dropout = None if case.dropout is None else case.dropout.to(dtype)
    in_type = case._replace(
        projected=projected, state=LSTMState(hidden, cell), weight_hh=case.weight_hh.to(dtype), dropout=dropout
    )
    outputs, cells = _run(in_type)
    ends = (outputs, case.grad_hidden), (outputs[-1], case.grad_h_n), (cells[-1], case.grad_c_n)
    total = torch.stack([(end * gradient.to(dtype)).sum() for end, gradient in ends if gradient is not None]).sum()
    gradients = torch.autograd.grad(total, (projected, hidden, cell))
    return Results(outputs.detach(), cells[-1].detach(), *gradients)


def _run(case: Case) -> tuple[Tensor, Tensor]:
    """Hidden and cell states of all steps."""
    dropout = case.dropout
    if dropout is not None:
        dropout = dropout.expand(4, *dropout.shape[1:]).roll(-1, 0)
    options = SequenceOptions(case.activation, case.recurrent_activation, recurrent_dropout=dropout)
    weight_hh = _rolled(case.weight_hh, 0, -1)

    state, hidden, cells = case.state, [], []
    for index, projected in enumerate(_rolled(case.projected, -1, -1).unbind(0)):
        after = lstm_step(projected, state, weight_hh, options)
        if case.mask is not None:
            counts = case.mask[index].unsqueeze(-1)
            after = LSTMState(*(torch.where(counts, new, old) for new, old in zip(after, state, strict=True)))
        state = after
        hidden.append(after.hidden)
        cells.append(after.cell)
    return torch.stack(hidden), torch.stack(cells)


class ReadableSteps(ProjectedSteps):
    """The readable step, under the contract of steps; it keeps the pre-activations as the gates."""

    def forward_steps(self, cell: Cell, state: LSTMState, mask: Tensor | None, trace: Trace) -> None:
        for into, result in zip((trace.hidden, trace.cells), _run(_case(cell, trace, state, mask)), strict=True):
            into.copy_(result)

    def backward(
        self,
        cell: Cell,
        trace: Trace,
        state: LSTMState,
        mask: Tensor | None,
        upstream: Upstream,
    ) -> Downstream:
        with torch.enable_grad():
            results = expected(_case(cell, trace, state, mask, upstream), trace.kept.dtype)
        assert torch.equal(trace.hidden, results.hidden), "what the way forth left comes back"
        assert torch.equal(trace.cells[-1], results.cell)
        return results.of_projected, results.of_hidden, results.of_cell


READABLE = ReadableSteps()


def _case(cell: Cell, trace: Trace, state: LSTMState, mask: Tensor | None, upstream: Upstream | None = None) -> Case:
    """Arguments of steps as a case."""
    upstream = upstream or Upstream(None, None, None)
    return Case(trace.kept, state, cell.weight_hh, mask, *cell[1:4], *upstream)


def cell_of(case: Case) -> Cell:
    """The case's cell."""
    return Cell(case.weight_hh, case.dropout, case.activation, case.recurrent_activation)


def empty_trace(case: Case) -> Trace:
    """What steps get: gates that are projected, and states that are not there yet."""
    gates = case.projected.clone()
    cells, hidden = (gates.new_full((*gates.shape[:2], gates.shape[2] // 4), torch.nan) for _ in range(2))
    return Trace(gates, cells, hidden)


@torch.no_grad()
def run_case(steps: ProjectedSteps, case: Case) -> Results:
    """By ``steps``."""
    trace, cell = empty_trace(case), cell_of(case)
    steps.forward_steps(cell, case.state, case.mask, trace)
    upstream = Upstream(case.grad_hidden, case.grad_h_n, case.grad_c_n)
    gradients = steps.backward(cell, trace, case.state, case.mask, upstream)
    return Results(trace.hidden, trace.cells[-1], *gradients)


def check(steps: ProjectedSteps, case: Case, tolerance: str = "float32 recurrence") -> None:
    """Compare ``steps`` with the readable step."""
    for name, got, truth in zip(Results._fields, run_case(steps, case), expected(case), strict=True):
        assert_close(got.double(), truth, tolerance, name)


def _rolled(gates: Tensor, axis: int, blocks: int) -> Tensor:
    return gates.roll(blocks * gates.shape[axis] // 4, axis)
