"""An LSTM over a sequence step by step, each operation for autograd to record: easy to read, and what tests the rest.

Any configuration, derivatives of any order and kind, and the transforms of ``torch.func``.
"""

from torch import Tensor

from torch_keras_lstm.recurrence.backends.base import Backend, Request
from torch_keras_lstm.recurrence.masks import zero_masked
from torch_keras_lstm.recurrence.options import LSTMWeights, SequenceOptions
from torch_keras_lstm.recurrence.scan import Constants, States, Stepped, scan
from torch_keras_lstm.recurrence.state import LSTMState
from torch_keras_lstm.recurrence.step import lstm_step, project


def lstm_reference(
    inputs: Tensor, state: LSTMState, weights: LSTMWeights, mask: Tensor | None, options: SequenceOptions
) -> tuple[Tensor, LSTMState | None]:
    """Run the sequence one step at a time, each operation on the tape: slow, and differentiable any number of times.

    Args:
        inputs: (batch, time, features), time at least 1.
        state: hidden and cell state before the first step, (batch, units) each.
        weights: in torch's layout.
        mask: (batch, time), boolean, ``False`` where a step is to be skipped, in any pattern; ``None`` for no mask.
        options: what is the same at every step; every configuration is computed.

    Returns:
        The outputs, (batch, time, units) in the order of processing, or the last one, (batch, units), without
        ``options.return_sequences``; and the final state, ``None`` without ``options.return_state``.
    """
    if mask is not None:
        inputs = zero_masked(inputs, mask)

    def step(projected: Tensor, states: States, constants: Constants) -> Stepped:
        weight_hh, dropout = constants
        assert weight_hh is not None
        new = lstm_step(projected, LSTMState(*states), weight_hh, options.with_recurrent_dropout(dropout))
        return new.hidden, new

    output, states = scan(
        step,
        project(inputs, weights, options.input_dropout),
        state,
        mask,
        (weights.weight_hh, options.recurrent_dropout),
        go_backwards=options.go_backwards,
        return_sequences=options.return_sequences,
        zero_output_for_mask=options.zero_output_for_mask,
        first_output=options.first_output(state.hidden),
    )
    return output, LSTMState(*states) if options.return_state else None


class Reference(Backend):
    """The last resort: there is nothing that it cannot run."""

    name = "reference"

    def why_not(self, request: Request) -> None:
        """Nothing."""

    def run(
        self, inputs: Tensor, state: LSTMState, weights: LSTMWeights, mask: Tensor | None, options: SequenceOptions
    ) -> tuple[Tensor, LSTMState | None]:
        """As :meth:`Backend.run`."""
        return lstm_reference(inputs, state, weights, mask, options)


REFERENCE = Reference()
