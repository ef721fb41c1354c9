"""Draws for the two sweeps over time, what they should give, and what a pair of sweeps gives."""

from typing import Any, NamedTuple

import torch
from torch import Tensor

from tests.tolerances import assert_close
from torch_keras_lstm import activations
from torch_keras_lstm.recurrence import LSTMOptions, LSTMState, lstm_step
from torch_keras_lstm.recurrence.cuda_graph import Sweeps
from torch_keras_lstm.recurrence.options import Activation
from torch_keras_lstm.recurrence.scan import States, Stepped, scan

MASKS = ("none", "all", "gaps", "empty-rows")
DROPOUTS = (0, 1, 4)


class Case(NamedTuple):
    """What goes into the sweeps, gates in the order output, input, forget, candidate."""

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


class Swept(NamedTuple):
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
    keep = None if mask == "none" else torch.rand(time, batch) > (0.5 if mask != "all" else -1)
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


def expected(case: Case, dtype: torch.dtype = torch.float64) -> Swept:
    """By the readable step and autograd."""
    projected, hidden, cell = (
        tensor.to(dtype).requires_grad_() for tensor in (_rolled(case.projected, -1, -1), *case.state)
    )
    dropout = case.dropout
    if dropout is not None:
        dropout = dropout.to(dtype).expand(4, *dropout.shape[1:]).roll(-1, 0)
    options = LSTMOptions(case.activation, case.recurrent_activation, recurrent_dropout=dropout)
    weight_hh = _rolled(case.weight_hh, 0, -1).to(dtype)

    def step(at_this_step: Tensor, states: States) -> Stepped:
        after = lstm_step(at_this_step, LSTMState(*states), weight_hh, options)
        return after.hidden, after

    mask = None if case.mask is None else case.mask.t()
    outputs, (last, last_cell) = scan(step, projected.transpose(0, 1), (hidden, cell), mask, first_output=hidden)
    total = sum(
        (value * gradient.to(dtype)).sum()
        for value, gradient in (
            (outputs.transpose(0, 1), case.grad_hidden),
            (last, case.grad_h_n),
            (last_cell, case.grad_c_n),
        )
        if gradient is not None
    )
    assert isinstance(total, Tensor)
    of_projected, of_hidden, of_cell = torch.autograd.grad(total, (projected, hidden, cell))
    return Swept(outputs.transpose(0, 1).detach(), last_cell.detach(), _rolled(of_projected, -1, 1), of_hidden, of_cell)


@torch.no_grad()
def swept(sweeps: Sweeps, case: Case) -> Swept:
    """By ``sweeps``."""
    gates = case.projected.clone()
    hidden, cells = (gates.new_full((*gates.shape[:2], gates.shape[2] // 4), torch.nan) for _ in range(2))
    rest: Any = (case.state, case.weight_hh, case.activation, case.recurrent_activation, case.mask, case.dropout)
    sweeps.forward(gates, hidden, cells, *rest)
    gradients = sweeps.backward(case.grad_hidden, case.grad_h_n, case.grad_c_n, gates, hidden, cells, *rest)
    return Swept(hidden, cells[-1], *gradients)


def check(sweeps: Sweeps, case: Case, tolerance: str = "float32 recurrence") -> None:
    """Compare ``sweeps`` with the readable step."""
    for name, got, truth in zip(Swept._fields, swept(sweeps, case), expected(case), strict=True):
        assert_close(got.double(), truth, tolerance, name)


def _rolled(gates: Tensor, axis: int, blocks: int) -> Tensor:
    return gates.roll(blocks * gates.shape[axis] // 4, axis)
