"""The gradients of both kernels and the bias, given those of the pre-activations.

What the three are multiplied with, inputs, hidden states and ones, is put side by side, so that one product gives all
three; where each gate drops numbers of its own, one product for each gate.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from torch_keras_lstm.recurrence.backends.base import Cell, Projection


class WeightGradients:
    """The sums over steps, which come in chunks.

    Args:
        cell, projection: of the steps that give the gradients of the pre-activations.
        wanted: which of the three are asked for: those of ``weight_ih``, ``weight_hh`` and the bias.
        product_rows: how many rows, (step, row of the batch), one product is made of at most.
    """

    def __init__(self, cell: Cell, projection: Projection, wanted: Sequence[bool], product_rows: int) -> None:
        self.factors = (projection.dropout, cell.recurrent_dropout)
        self.groups = 4 if any(factors is not None and len(factors) > 1 for factors in self.factors) else 1
        self.widths = (projection.weight_ih.shape[1], cell.weight_hh.shape[1], 1)
        self.wanted = wanted
        self.product_rows = product_rows
        self.totals: list[Tensor | None] = [None] * self.groups

    def add(self, gates: Tensor, inputs: Tensor, first: Tensor, hidden: Tensor) -> None:
        """Add what some steps contribute.

        Args:
            gates: (steps, batch, 4 * units), the gradients of the pre-activations.
            inputs: (steps, batch, features)
            first: (batch, units), the hidden state before the first of the steps.
            hidden: (steps, batch, units), those after each of them.
        """
        if not any(self.wanted):
            return
        most = max(1, self.product_rows // max(1, gates.shape[1]))
        for start in range(0, len(gates), most):
            stop = min(start + most, len(gates))
            before = hidden[start - 1 : stop - 1] if start else torch.cat((first.unsqueeze(0), hidden[: stop - 1]))
            self._add(gates[start:stop], inputs[start:stop], before)

    def _add(self, gates: Tensor, inputs: Tensor, before: Tensor) -> None:
        ones = gates.new_ones(1, 1, 1).expand(*gates.shape[:2], 1)
        for group, part in enumerate(gates.chunk(self.groups, -1)):
            sides = (_dropped(inputs, self.factors[0], group), _dropped(before, self.factors[1], group), ones)
            rows = torch.cat([side for side, wanted in zip(sides, self.wanted, strict=True) if wanted], -1)
            left, right, total = part.flatten(0, 1).t(), rows.flatten(0, 1), self.totals[group]
            if total is None:  # in single precision at least: a sum over chunks loses too much in a lower one
                self.totals[group] = (left @ right).to(torch.promote_types(rows.dtype, torch.float32))
            elif total.dtype is rows.dtype:
                total.addmm_(left, right)
            else:
                total.add_(left @ right)

    def parts(self) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        """The gradients of ``weight_ih``, ``weight_hh`` and the bias; ``None`` for those that are not wanted."""
        totals = [total for total in self.totals if total is not None]
        if not totals:
            return None, None, None
        beside = torch.cat(totals) if len(totals) > 1 else totals[0]
        sides = iter(beside.split([width for width, wanted in zip(self.widths, self.wanted, strict=True) if wanted], 1))
        weight_ih, weight_hh, bias = (next(sides).contiguous() if wanted else None for wanted in self.wanted)
        return weight_ih, weight_hh, None if bias is None else bias.squeeze(1)


def _dropped(rows: Tensor, factors: Tensor | None, group: int) -> Tensor:
    """``rows``, (steps, batch, width), times the factors of a group of gates, or the ones for all gates."""
    return rows if factors is None else rows * factors[group if len(factors) > 1 else 0]
