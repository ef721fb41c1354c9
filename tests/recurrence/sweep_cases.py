"""Draws for the two sweeps over time, what they should give, and what a pair of sweeps gives."""

from typing import Any, NamedTuple

import torch
from torch import Tensor

from tests.tolerances import assert_close
from torch_keras_lstm import activations
from torch_keras_lstm.recurrence import LSTMOptions, LSTMState, lstm_step
from torch_keras_lstm.recurrence.options import Activation
from torch_keras_lstm.recurrence.sweeps import Sweeps

MASKS = ("none", "gaps", "empty-rows")
DROPOUTS = (0, 1, 4)
GRADIENTS = ("grad_hidden", "grad_h_n", "grad_c_n")


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


def expected(case: Case, dtype: torch.dtype = torch.float64) -> Swept:
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
    return Swept(outputs.detach(), cells[-1].detach(), *gradients)


def _run(case: Case) -> tuple[Tensor, Tensor]:
    """Hidden and cell states of all steps."""
    dropout = case.dropout
    if dropout is not None:
        dropout = dropout.expand(4, *dropout.shape[1:]).roll(-1, 0)
    options = LSTMOptions(case.activation, case.recurrent_activation, recurrent_dropout=dropout)
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


def _plain_forward(
    gates: Tensor,
    hidden: Tensor,
    cells: Tensor,
    state: LSTMState,
    weight_hh: Tensor,
    activation: Activation,
    recurrent_activation: Activation,
    mask: Tensor | None,
    recurrent_dropout: Tensor | None,
) -> None:
    given = (gates, state, weight_hh, mask, recurrent_dropout, activation, recurrent_activation)
    for into, result in zip((hidden, cells), _run(Case(*given, None, None, None)), strict=True):
        into.copy_(result)


def _plain_backward(
    grad_hidden: Tensor | None,
    grad_h_n: Tensor | None,
    grad_c_n: Tensor | None,
    gates: Tensor,
    hidden: Tensor,
    cells: Tensor,
    state: LSTMState,
    weight_hh: Tensor,
    activation: Activation,
    recurrent_activation: Activation,
    mask: Tensor | None,
    recurrent_dropout: Tensor | None,
) -> tuple[Tensor, Tensor, Tensor]:
    given = (gates, state, weight_hh, mask, recurrent_dropout, activation, recurrent_activation)
    with torch.enable_grad():
        results = expected(Case(*given, grad_hidden, grad_h_n, grad_c_n), gates.dtype)
    assert torch.equal(hidden, results.hidden), "what the way forth left comes back"
    assert torch.equal(cells[-1], results.cell)
    return results.of_projected, results.of_hidden, results.of_cell


# The readable step, with the arguments of sweeps; it keeps the pre-activations in ``gates``.
PLAIN = Sweeps(_plain_forward, _plain_backward)


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
