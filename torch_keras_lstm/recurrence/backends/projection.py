"""The products that do not wait for the steps: the inputs' part of the gates, and the gradient of the inputs.

They are made for many steps at once, before and after the steps themselves (Appleyard et al. 2016, arXiv:1604.01946).
"""

from abc import abstractmethod

import torch
from torch import Tensor

from torch_keras_lstm.recurrence.backends.base import Cell, Projection, Steps, Trace, some
from torch_keras_lstm.recurrence.gates import GATES, output_first, output_last
from torch_keras_lstm.recurrence.state import LSTMState


class ProjectedSteps(Steps):
    """Steps that find the inputs' part of the gates in the trace: what is left of a run once this file has made it.

    Their gates stand in the order output, input, forget, cell. So the three that share an activation are one block, and
    so are the three whose gradients come through the cell state.
    """

    def to_order(self, rows: Tensor) -> Tensor:
        """As :meth:`Steps.to_order`: the output gate comes first."""
        return output_first(rows)

    def from_order(self, rows: Tensor) -> Tensor:
        """As :meth:`Steps.from_order`."""
        return output_last(rows)

    @abstractmethod
    def forward_steps(self, cell: Cell, state: LSTMState, mask: Tensor | None, trace: Trace) -> None:
        """Run the steps.

        Args:
            cell: its projection is done.
            state, mask: as in :meth:`Steps.forward`.
            trace: of every step; its gates are what inputs and bias contribute, and are overwritten.
        """

    def forward(self, cell: Cell, inputs: Tensor, state: LSTMState, mask: Tensor | None, trace: Trace) -> None:
        """As :meth:`Steps.forward`."""
        assert cell.projection is not None, "the inputs are not projected yet"
        for steps in self.chunks(inputs, trace.cells.shape[-1]):
            part = trace.of(steps)
            project(part.kept, inputs[:, steps], cell.projection)
            self.forward_steps(cell, state, some(mask, steps), part)
            state = LSTMState(part.hidden[-1], part.cells[-1])


def project(gates: Tensor, inputs: Tensor, projection: Projection) -> None:
    """Write what ``inputs``, (batch, steps, features), and the bias contribute to ``gates``, (steps, batch, ...)."""
    rows, (weight_ih, bias, dropout) = inputs.transpose(0, 1), projection
    if dropout is None:
        flat = rows.reshape(-1, rows.shape[-1])
        if bias is None:
            torch.mm(flat, weight_ih.t(), out=gates.flatten(0, 1))
        else:
            torch.addmm(bias, flat, weight_ih.t(), out=gates.flatten(0, 1))
        return
    each = zip(gates.chunk(len(GATES), -1), weight_ih.chunk(len(GATES)), dropout, strict=True)
    for gate, kernel, factors in each:
        gate.copy_((rows * factors) @ kernel.t())
    if bias is not None:
        gates.add_(bias)


def project_back(out: Tensor, gates: Tensor, projection: Projection) -> None:
    """Write the gradient of the inputs, (steps, batch, features), given that of the gates."""
    weight_ih, dropout = projection.weight_ih, projection.dropout
    if dropout is None:
        torch.mm(gates.flatten(0, 1), weight_ih, out=out.flatten(0, 1))
        return
    each = zip(gates.chunk(len(GATES), -1), weight_ih.chunk(len(GATES)), dropout, strict=True)
    torch.sum(torch.stack([(gate @ kernel) * factors for gate, kernel, factors in each]), 0, out=out)
