"""A GRU's or a simple cell's steps in C, on a CPU: as the LSTM's, but with the hidden state alone."""

from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor

from torch_keras_lstm.recurrence.autograd import Operands, Record
from torch_keras_lstm.recurrence.backends import c_runs
from torch_keras_lstm.recurrence.backends.base import Backend
from torch_keras_lstm.recurrence.backends.c_kernels import CKernels
from torch_keras_lstm.recurrence.options import SequenceOptions, SingleStateWeights
from torch_keras_lstm.recurrence.state import LSTMState


class SingleStateCKernels(CKernels):
    """See the file.

    Args:
        cell: "gru" or "simple_rnn".
        readable: the cell's backend that records each operation.
        c_cell: which of the kernels' cells runs a call.
        vectors, off: as for :class:`c_runs.Chosen`.
    """

    has_cell_state = False

    def __init__(
        self,
        cell: str,
        readable: Backend,
        c_cell: Callable[[Any], str],
        vectors: str | None = None,
        off: str | None = None,
    ) -> None:
        super().__init__(vectors, off)
        self.cell, self.readable, self._c_cell = cell, readable, c_cell

    def on(self, vectors: str) -> "SingleStateCKernels":
        """The same on other vectors."""
        return SingleStateCKernels(self.cell, self.readable, self._c_cell, vectors)

    def c_cell(self, options: SequenceOptions) -> str:
        """As :meth:`CKernels.c_cell`."""
        return self._c_cell(options)

    def kept_width(self, units: int) -> int:
        """As :meth:`SequenceBackend.kept_width`."""
        return c_runs.kept_width("simple_rnn" if self.cell == "simple_rnn" else "gru", units)

    def operands(self, inputs: Tensor, state: Sequence[Tensor], weights: SingleStateWeights) -> Operands:
        """As :meth:`SequenceBackend.operands`; a simple cell's second bias is zeros in every layer."""
        state_bias = None if self.cell == "simple_rnn" else weights.bias_hh
        return Operands(inputs, state[0], state[1], weights.weight_ih, weights.weight_hh, weights.bias_ih, state_bias)

    def recorded(
        self, operands: Operands, mask: Tensor | None, options: SequenceOptions
    ) -> tuple[Tensor, LSTMState | None]:
        """As :meth:`SequenceBackend.recorded`."""
        inputs, hidden, nothing, weight_ih, weight_hh, bias, state_bias = operands
        weights = SingleStateWeights(weight_ih, weight_hh, bias, state_bias)
        output, final = self.readable.run(inputs, (hidden,), weights, mask, options)
        return output, None if final is None else LSTMState(final[0], nothing)

    def run(  # type: ignore[override]  # of another state
        self,
        inputs: Tensor,
        state: Sequence[Tensor],
        weights: SingleStateWeights,
        mask: Tensor | None,
        options: SequenceOptions,
        record: Record | None = None,
    ) -> tuple[Tensor, tuple[Tensor] | None]:
        """As :meth:`SequenceBackend.run`."""
        (hidden,) = state
        output, final = super().run(inputs, LSTMState(hidden, hidden.new_empty(0)), weights, mask, options, record)  # type: ignore[arg-type]
        return output, None if final is None else (final.hidden,)
