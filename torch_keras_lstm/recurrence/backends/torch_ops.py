"""The steps in torch's operations, forth and back by hand: any device, type and activation of single elements.

A masked step is computed, and then replaced by the state before it.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import repeat

import torch
from torch import Tensor

from torch_keras_lstm.recurrence.autograd import StepBackend
from torch_keras_lstm.recurrence.backends.base import Cell, Downstream, Request, Trace, Upstream, some
from torch_keras_lstm.recurrence.backends.pointwise import Pointwise, pointwise
from torch_keras_lstm.recurrence.backends.projection import ProjectedSteps, project
from torch_keras_lstm.recurrence.gates import GATES, per_gate
from torch_keras_lstm.recurrence.masks import values_are_known
from torch_keras_lstm.recurrence.state import LSTMState


class TorchOps(ProjectedSteps, StepBackend):
    """See the file."""

    name = "torch_ops"
    chunk_numbers = 2**16  # few enough numbers to stay in a cache

    def why_not(self, request: Request) -> str | None:
        """As :meth:`Backend.why_not`."""
        for name in ("activation", "recurrent_activation"):
            if pointwise(getattr(request.options, name)) is None:
                return f"`{name}` is no activation of single elements that this package knows"
        if request.steps == 1:
            return "a single step is less work for the readable loop"
        return super().why_not(request)

    def forward(self, cell: Cell, inputs: Tensor, state: LSTMState, mask: Tensor | None, trace: Trace) -> None:
        """As :meth:`Steps.forward`; without a way back in memory for a few steps."""
        if trace.gates is not None:
            super().forward(cell, inputs, state, mask, trace)
            return
        assert cell.projection is not None
        hidden, cells = trace.hidden, trace.cells
        chunks = self.chunks(inputs, cells.shape[-1])
        gates = hidden.new_empty(chunks[0].stop, inputs.shape[0], len(GATES) * hidden.shape[-1])
        for steps in chunks:
            part = gates[: steps.stop - steps.start]
            project(part, inputs[:, steps], cell.projection)
            written = hidden[steps].unbind(0) if hidden.dim() == 3 else repeat(hidden)
            state = run_steps(cell, part, state, written, repeat(cells), some(mask, steps), keep=False)

    def forward_steps(self, cell: Cell, state: LSTMState, mask: Tensor | None, trace: Trace) -> None:
        """As :meth:`ProjectedSteps.forward_steps`."""
        run_steps(cell, trace.kept, state, trace.hidden.unbind(0), trace.cells.unbind(0), mask, keep=True)

    def backward(
        self,
        cell: Cell,
        trace: Trace,
        state: LSTMState,
        mask: Tensor | None,
        upstream: Upstream,
    ) -> Downstream:
        """As :meth:`Steps.backward`."""
        gates, of_outputs = trace.kept, upstream.hidden
        to_cell, forget, gradients = _factors(cell, gates, trace.cells, state.cell, mask)
        units = gates.shape[-1] // len(GATES)
        hidden_gradient = _hidden_gradient(cell)
        through_output = gradients[..., :units].unbind(0)
        through_cell = gradients[..., units:].unflatten(-1, (3, units)).unbind(0)
        to_cell_steps, forget_steps = to_cell.unbind(0), forget.unbind(0)
        whole = _multiplied(cell, gradients).unbind(0)
        kept_rows = _kept_rows(mask, len(gates))
        more = of_outputs.unbind(0) if of_outputs is not None else (None,) * len(gates)
        dh = torch.zeros_like(state.hidden) if upstream.last_hidden is None else upstream.last_hidden.clone()
        dc = torch.zeros_like(state.cell) if upstream.last_cell is None else upstream.last_cell.clone()
        if of_outputs is not None:
            dh.add_(of_outputs[-1])
        for index in range(len(gates) - 1, -1, -1):
            kept = kept_rows[index]
            dc.addcmul_(dh, to_cell_steps[index])
            through_output[index].mul_(dh)
            through_cell[index].mul_(dc.unsqueeze(1))
            dc.mul_(forget_steps[index])
            passed_by = None if kept is None else dh.masked_fill(kept, 0)
            hidden_gradient(whole[index], more[index - 1] if index else None, dh)
            if passed_by is not None:
                dh.add_(passed_by)
        return gradients, dh, dc


def run_steps(
    cell: Cell,
    projected: Tensor,
    state: LSTMState,
    hidden: Iterable[Tensor],
    cells: Iterable[Tensor],
    mask: Tensor | None,
    *,
    keep: bool,
) -> LSTMState:
    """Run the steps.

    Args:
        projected: (time, batch, 4 * units), what the inputs and the bias contribute to the gates.
        state: before the first step, (batch, units) each.
        hidden, cells: (batch, units) for each step, written with the state after it. They may all be one tensor, and
            that tensor may be the one in ``state``.
        mask: (time, batch), boolean, ``False`` where the state is to stay as it is.
        keep: overwrite ``projected`` with what the way back takes.

    Returns:
        The state after the last step, of ``hidden`` and ``cells``.
    """
    add_hidden = _hidden_adder(cell)
    activation, gate = _rules(cell)
    activate, apply_gate = activation.in_place or activation.function, gate.in_place or gate.function
    to_output, in_place = activation.function, gate.in_place is not None
    steps = _multiplied(cell, projected).unbind(0)
    gates: Iterator[tuple[Tensor, ...]]
    if keep:
        gates = zip(steps, *_parts(projected), strict=True)
    else:  # one step's gates are enough, and views of them that are made once
        scratch = torch.empty_like(projected[:1])
        gates = repeat((_multiplied(cell, scratch)[0], *(part for (part,) in _parts(scratch))))
    before, carried = state
    mul = torch.mul
    for into, kept, h, c, (step, block, candidate, o, i, f) in zip(
        steps, _kept_rows(mask, len(projected)), hidden, cells, gates, strict=False
    ):
        add_hidden(before, into, step)
        activated = apply_gate(block)
        if not in_place:
            o, i, f = activated.chunk(3, -1)
        g = activate(candidate)
        if kept is None:
            mul(f, carried, out=c)
            c.addcmul_(i, g)
            mul(o, to_output(c), out=h)
        else:
            torch.where(kept, (f * carried).addcmul_(i, g), carried, out=c)
            torch.where(kept, o * to_output(c), before, out=h)
        before, carried = h, c
    return LSTMState(before, carried)


def _parts(gates: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """For each of the three gates together, the candidate, and output, input and forget gate: its part of each step."""
    units = gates.shape[-1] // 4
    block, candidate = gates.split((3 * units, units), -1)
    return (part.unbind(0) for part in (block, candidate, *block.chunk(3, -1)))


def _rules(cell: Cell) -> tuple[Pointwise, Pointwise]:
    """How its two activations are applied."""
    activation, recurrent_activation = pointwise(cell.activation), pointwise(cell.recurrent_activation)
    assert activation is not None, "`why_not` asks `pointwise` first"
    assert recurrent_activation is not None, "`why_not` asks `pointwise` first"
    return activation, recurrent_activation


def _drops_apart(cell: Cell) -> bool:
    """Whether each gate gets a hidden state of its own, and so a product of its own."""
    return cell.recurrent_dropout is not None and len(cell.recurrent_dropout) > 1


def _multiplied(cell: Cell, gates: Tensor) -> Tensor:
    """(steps, batch, 4 * units) as the products take it: (steps, 4, batch, units) where gates drop apart; a view."""
    return gates.unflatten(-1, (4, -1)).transpose(1, 2) if _drops_apart(cell) else gates


def _hidden_adder(cell: Cell) -> Callable[[Tensor, Tensor, Tensor], object]:
    """A function that adds to one step's gates what the hidden state contributes.

    It takes the hidden state, the gates and the tensor to write to, the last two as :func:`_multiplied` gives them.
    """
    dropout, kernel, addmm = cell.recurrent_dropout, cell.weight_hh.t(), torch.addmm
    if dropout is None:
        return lambda hidden, gates, out: addmm(gates, hidden, kernel, out=out)
    if _drops_apart(cell):
        kernels, add, bmm = per_gate(cell.weight_hh).mT, torch.add, torch.bmm
        # not baddbmm, which takes a product at a time when it has to write to a view
        return lambda hidden, gates, out: add(gates, bmm(hidden * dropout, kernels), out=out)
    factors = dropout[0]
    return lambda hidden, gates, out: addmm(gates, hidden * factors, kernel, out=out)


def _hidden_gradient(cell: Cell) -> Callable[[Tensor, Tensor | None, Tensor], object]:
    """A function that writes the gradient of the hidden state, given that of the gates it went into.

    It takes the gates' gradient as :func:`_multiplied` gives it, what is to be added, and the tensor to write to.
    """
    dropout, kernel, apart = cell.recurrent_dropout, cell.weight_hh, _drops_apart(cell)
    kernels = per_gate(kernel)

    def through(gates: Tensor, more: Tensor | None, out: Tensor) -> None:
        if dropout is None and more is not None:
            torch.addmm(more, gates, kernel, out=out)
            return
        if dropout is None:
            torch.mm(gates, kernel, out=out)
        elif apart:
            torch.sum(torch.bmm(gates, kernels).mul_(dropout), 0, out=out)
        else:
            torch.mm(gates, kernel, out=out).mul_(dropout[0])
        if more is not None:
            out.add_(more)

    return through


def _factors(
    cell: Cell, gates: Tensor, cells: Tensor, first: Tensor, mask: Tensor | None
) -> tuple[Tensor, Tensor, Tensor]:
    """What does not depend on later steps, for all of these at once.

    Returns:
        d cell / d hidden of a step, the forget gate, and by what the gradients of hidden and cell state are to be
        multiplied to give those of the pre-activations, in the order of the gates.
    """
    activation, recurrent_activation = _rules(cell)
    units = gates.shape[-1] // 4
    block, candidate = gates[..., : 3 * units], gates[..., 3 * units :]
    o, i, f = recurrent_activation.value(block).chunk(3, -1)
    output, to_cell = activation.at(cells, o)
    before = torch.cat((first.unsqueeze(0), cells[:-1]))
    partners = torch.cat((output, activation.value(candidate), before), -1)
    factors = torch.cat((recurrent_activation.times_slope(partners, block), activation.times_slope(i, candidate)), -1)
    if mask is None:
        return to_cell, f, factors
    skipped = ~mask.unsqueeze(-1)
    return to_cell.masked_fill(skipped, 0), f.masked_fill(skipped, 1), factors.masked_fill_(skipped, 0)


def _kept_rows(mask: Tensor | None, time: int) -> Sequence[Tensor | None]:
    """For each step the rows that it counts for, (batch, 1); ``None`` where those are known to be all."""
    if mask is None:
        return (None,) * time
    rows = mask.unsqueeze(-1).unbind(0)
    if not values_are_known(mask):
        return rows
    return [None if all_rows else row for row, all_rows in zip(rows, mask.all(1).tolist(), strict=True)]


TORCH_OPS = TorchOps()
