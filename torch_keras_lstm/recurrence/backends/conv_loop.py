"""A convolutional LSTM step by step, each operation for autograd to record: any configuration, and any derivative."""

from dataclasses import replace

from torch import Tensor

from torch_keras_lstm.recurrence.backends.base import Backend, Request
from torch_keras_lstm.recurrence.gates import GATES, split_gates
from torch_keras_lstm.recurrence.options import SequenceOptions
from torch_keras_lstm.recurrence.scan import Constants, States, Stepped, scan
from torch_keras_lstm.recurrence.state import LSTMState
from torch_keras_lstm.recurrence.step import next_state
from torch_keras_lstm.sliding_windows import convolve


class ConvLoop(Backend):
    """See the file."""

    name = "torch_ops"
    cell = "conv_lstm"

    def why_not(self, request: Request) -> None:
        """Nothing."""

    def run(
        self, inputs: Tensor, state: LSTMState, weights: tuple[Tensor], mask: Tensor | None, options: SequenceOptions
    ) -> tuple[Tensor, LSTMState]:
        """Run the sequence.

        Args:
            inputs: (batch, time, 4 * filters, *spatial), what inputs and bias contribute to the gates.
            state: before the first step, (batch, filters, *spatial) each.
            weights: the recurrent kernel, (4 * filters, filters, *window).
            mask: (batch, time), or (batch, time, 1, *spatial), boolean; or ``None``.
            options: their dropout for the hidden state is (4, batch, filters, *spatial).

        Returns:
            The outputs, (batch, time, filters, *spatial) in the order of processing or (batch, filters, *spatial), and
            the final state.
        """

        def step(projected: Tensor, states: States, constants: Constants) -> Stepped:
            weight_hh, dropout = constants
            assert weight_hh is not None
            before = LSTMState(*states)
            recurrent = _convolve_hidden(before.hidden, weight_hh, dropout)
            after = next_state(split_gates(projected + recurrent, axis=1), before, options)
            return after.hidden, after

        output, states = scan(
            step,
            inputs,
            state,
            mask,
            (*weights, options.recurrent_dropout),
            go_backwards=options.go_backwards,
            return_sequences=options.return_sequences,
            zero_output_for_mask=options.zero_output_for_mask,
            first_output=options.first_output(state.hidden),
        )
        return output, LSTMState(*states)


def carried(options: SequenceOptions) -> SequenceOptions:
    """The options by which each hidden state is returned as it is carried."""
    return replace(options, return_sequences=True, zero_output_for_mask=False, hold_initial_state=True)


def _convolve_hidden(hidden: Tensor, weight: Tensor, dropout: Tensor | None) -> Tensor:
    everywhere = (1,) * (hidden.ndim - 2)
    if dropout is not None:
        hidden = for_each_gate(hidden, dropout)
    groups = 1 if dropout is None else len(GATES)
    return convolve(hidden, weight, strides=everywhere, padding="same", dilations=everywhere, groups=groups)


def for_each_gate(values: Tensor, dropout: Tensor) -> Tensor:
    """(batch, channels, ...) as dropped for each gate, side by side: (batch, 4 * channels, ...), for as many groups."""
    return (values * dropout).movedim(0, 1).flatten(1, 2)
