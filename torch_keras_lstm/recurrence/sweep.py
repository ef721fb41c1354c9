"""An LSTM's two sweeps over time: forth, which leaves the activated gates, and back, by hand.

What can be done for many steps at once is not done step by step: the inputs' part of the gates comes in, the gradients
of the pre-activations go out, and the products that turn those into the gradients of inputs and weights follow outside
(Appleyard et al. 2016, arXiv:1604.01946).

Tensors are time-major, and the gates stand in the order of :func:`torch_keras_lstm.recurrence.gates.to_swept`: output,
input, forget, cell. So the three that share an activation are one block, and so are the three whose gradients come
through the cell state. A masked step is computed, and then replaced by the state before it. Nothing here is for
autograd to record: call it under ``torch.no_grad``.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Self

import torch
from torch import Tensor

from torch_keras_lstm.recurrence.gates import per_gate
from torch_keras_lstm.recurrence.masks import may_be_looked_at
from torch_keras_lstm.recurrence.options import Activation
from torch_keras_lstm.recurrence.pointwise import Pointwise, pointwise
from torch_keras_lstm.recurrence.state import LSTMState
from torch_keras_lstm.recurrence.sweeps import Sweeps


@dataclass(frozen=True, slots=True)
class SweptCell:
    """What is the same at every step.

    Attributes:
        weight_hh: (4 * units, units), its rows in the order of the sweeps.
        activation: of the candidate and of the output.
        recurrent_activation: of the three gates.
        dropout: factors for the hidden state where it enters the gates, (1, batch, units) for all of them or
            (4, batch, units), in the order of the sweeps; ``None`` without.
    """

    weight_hh: Tensor
    activation: Pointwise
    recurrent_activation: Pointwise
    dropout: Tensor | None = None

    @classmethod
    def of(
        cls, weight_hh: Tensor, activation: Activation, recurrent_activation: Activation, dropout: Tensor | None
    ) -> Self:
        """The cell with these activations, of which :func:`pointwise` must know."""
        rules = pointwise(activation), pointwise(recurrent_activation)
        assert rules[0] is not None, "the caller asks `pointwise` first"
        assert rules[1] is not None, "the caller asks `pointwise` first"
        return cls(weight_hh, rules[0], rules[1], dropout)

    @property
    def apart(self) -> bool:
        """Whether each gate gets a hidden state of its own, and so a product of its own."""
        return self.dropout is not None and len(self.dropout) > 1

    def multiplied(self, gates: Tensor) -> Tensor:
        """(steps, batch, 4 * units) as the products take it: (steps, 4, batch, units) if they are ``apart``; a view."""
        return gates.unflatten(-1, (4, -1)).transpose(1, 2) if self.apart else gates

    def hidden_adder(self) -> Callable[[Tensor, Tensor, Tensor], object]:
        """A function that adds to one step's gates what the hidden state contributes.

        It takes the hidden state, the gates and the tensor to write to, the last two as :meth:`multiplied` gives them.
        """
        dropout, kernel, addmm = self.dropout, self.weight_hh.t(), torch.addmm
        if dropout is None:
            return lambda hidden, gates, out: addmm(gates, hidden, kernel, out=out)
        if self.apart:
            kernels, add, bmm = per_gate(self.weight_hh).mT, torch.add, torch.bmm
            # not baddbmm, which takes a product at a time when it has to write to a view
            return lambda hidden, gates, out: add(gates, bmm(hidden * dropout, kernels), out=out)
        factors = dropout[0]
        return lambda hidden, gates, out: addmm(gates, hidden * factors, kernel, out=out)

    def hidden_gradient(self) -> Callable[[Tensor, Tensor | None, Tensor], object]:
        """A function that writes the gradient of the hidden state, given that of the gates it went into.

        It takes the gates' gradient as :meth:`multiplied` gives it, what is to be added, and the tensor to write to.
        """
        dropout, kernel = self.dropout, self.weight_hh
        kernels = per_gate(kernel)

        def through(gates: Tensor, more: Tensor | None, out: Tensor) -> None:
            if dropout is None and more is not None:
                torch.addmm(more, gates, kernel, out=out)
                return
            if dropout is None:
                torch.mm(gates, kernel, out=out)
            elif self.apart:
                torch.sum(torch.bmm(gates, kernels).mul_(dropout), 0, out=out)
            else:
                torch.mm(gates, kernel, out=out).mul_(dropout[0])
            if more is not None:
                out.add_(more)

        return through


def sweep(
    cell: SweptCell,
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
        keep: overwrite ``projected`` with what :func:`backward_sweep` takes.

    Returns:
        The state after the last step, of ``hidden`` and ``cells``.
    """
    add_hidden = cell.hidden_adder()
    activation, gate = cell.activation, cell.recurrent_activation
    activate, apply_gate = activation.in_place or activation.function, gate.in_place or gate.function
    to_output, in_place = activation.function, gate.in_place is not None
    steps = cell.multiplied(projected).unbind(0)
    gates: Iterator[tuple[Tensor, ...]]
    if keep:
        gates = zip(steps, *_parts(projected), strict=True)
    else:  # one step's gates are enough, and views of them that are made once
        scratch = torch.empty_like(projected[:1])
        gates = repeat((cell.multiplied(scratch)[0], *(part for (part,) in _parts(scratch))))
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


def forward_sweep(
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
    """Run the steps, and leave what :func:`backward_sweep` takes.

    Args:
        gates: (time, batch, 4 * units), what inputs and bias contribute; overwritten with the activated gates or, where
            those do not tell the slope, the pre-activations.
        hidden, cells: (time, batch, units), written with the state after each step.
        state: before the first step, (batch, units) each.
        weight_hh: (4 * units, units), its rows in the order of the sweeps.
        activation, recurrent_activation: for which there is a :func:`torch_keras_lstm.recurrence.pointwise.pointwise`.
        mask: (time, batch), boolean, ``False`` where the state stays as it is.
        recurrent_dropout: (1, batch, units) for all gates or (4, batch, units), in the order of the sweeps.
    """
    cell = SweptCell.of(weight_hh, activation, recurrent_activation, recurrent_dropout)
    sweep(cell, gates, state, hidden.unbind(0), cells.unbind(0), mask, keep=True)


def backward_sweep(
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
    """Run the steps backwards.

    Args:
        grad_hidden: (time, batch, units), the gradients of the hidden states of all steps; ``None`` for zeros.
        grad_h_n, grad_c_n: (batch, units), those of the state after the last step; ``None`` for zeros.
        gates, hidden, cells: as :func:`forward_sweep` left them; the rest as it had it.

    Returns:
        The gradients of the pre-activations, (time, batch, 4 * units), and of the state before the first step.
    """
    cell = SweptCell.of(weight_hh, activation, recurrent_activation, recurrent_dropout)
    to_cell, forget, gradients = _factors(cell, gates, cells, state.cell, mask)
    units = gates.shape[-1] // 4
    hidden_gradient = cell.hidden_gradient()
    through_output = gradients[..., :units].unbind(0)
    through_cell = gradients[..., units:].unflatten(-1, (3, units)).unbind(0)
    to_cell_steps, forget_steps = to_cell.unbind(0), forget.unbind(0)
    whole = cell.multiplied(gradients).unbind(0)
    kept_rows = _kept_rows(mask, len(gates))
    more = grad_hidden.unbind(0) if grad_hidden is not None else (None,) * len(gates)
    dh = torch.zeros_like(state.hidden) if grad_h_n is None else grad_h_n.clone()
    dc = torch.zeros_like(state.cell) if grad_c_n is None else grad_c_n.clone()
    if grad_hidden is not None:
        dh.add_(grad_hidden[-1])
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


def _factors(
    cell: SweptCell, gates: Tensor, cells: Tensor, first: Tensor, mask: Tensor | None
) -> tuple[Tensor, Tensor, Tensor]:
    """What does not depend on later steps, for all of these at once.

    Returns:
        d cell / d hidden of a step, the forget gate, and by what the gradients of hidden and cell state are to be
        multiplied to give those of the pre-activations, in the order of the gates.
    """
    activation, recurrent_activation = cell.activation, cell.recurrent_activation
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
    if not may_be_looked_at(mask):
        return rows
    return [None if all_rows else row for row, all_rows in zip(rows, mask.all(1).tolist(), strict=True)]


# Few enough numbers to stay in a cache.
SWEEPS = Sweeps(forward_sweep, backward_sweep, chunk_numbers=2**16)
