"""One time step of a GRU, in both conventions, the order of its gates, and what runs a sequence of it.

Keras keeps the gates in the order update z, reset r, candidate h; torch, cuDNN and oneDNN in the order reset, update,
candidate (keras/src/layers/rnn/gru.py; ``torch.nn.GRU``).
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import linear

from torch_keras_lstm.recurrence.backends.base import Backend, Request
from torch_keras_lstm.recurrence.backends.c_runs import chosen
from torch_keras_lstm.recurrence.backends.c_single_state import SingleStateCKernels
from torch_keras_lstm.recurrence.backends.torch_kernels import why_not_fused
from torch_keras_lstm.recurrence.graph_operator import Operator
from torch_keras_lstm.recurrence.options import SequenceOptions, SingleStateWeights
from torch_keras_lstm.recurrence.single_state import Kernel, SingleStateKernels, SingleStateReference

KERAS_GATES = ("update", "reset", "candidate")
TORCH_GATES = ("reset", "update", "candidate")
GATE_ORDER = tuple(KERAS_GATES.index(gate) for gate in TORCH_GATES)


@dataclass(slots=True)
class GRUOptions(SequenceOptions):
    """The options of a run, and the convention.

    Attributes:
        reset_after: whether the reset gate multiplies what the recurrent kernel makes of the hidden state, bias
            included, or the hidden state before the recurrent kernel.
    """

    reset_after: bool = True


def gru_step(projected: Tensor, hidden: Tensor, weights: SingleStateWeights, options: GRUOptions) -> Tensor:
    """The hidden state after one step.

    Args:
        projected: (batch, 3 * units), what the input and ``bias_ih`` contribute to the gates.
        hidden: (batch, units), before the step.
        weights: in torch's layout and order of gates; ``bias_hh`` is zeros without ``reset_after``.
        options: its activations, convention and recurrent dropout are used. Dropout touches the hidden state only where
            it enters the gates, never the state that is carried on.
    """
    gate, activation = options.recurrent_activation, options.activation
    x_reset, x_update, x_candidate = projected.chunk(3, dim=-1)
    dropped = options.recurrent_dropout
    kernels = weights.weight_hh.chunk(3)
    biases = (None,) * 3 if weights.bias_hh is None else weights.bias_hh.chunk(3)
    if dropped is None:
        for_candidate, together = hidden, 3 if options.reset_after else 2  # as many products in one
        rows = together * hidden.shape[-1]
        of_gates = linear(hidden, weights.weight_hh[:rows], None if weights.bias_hh is None else weights.bias_hh[:rows])
        of_reset, of_update, *of_candidate = of_gates.chunk(together, dim=-1)
    else:
        for_reset, for_update, for_candidate = (hidden * dropped).unbind(0)
        of_reset, of_update = linear(for_reset, kernels[0], biases[0]), linear(for_update, kernels[1], biases[1])
        of_candidate = [linear(for_candidate, kernels[2], biases[2])] if options.reset_after else []
    reset, update = gate(x_reset + of_reset), gate(x_update + of_update)
    recurrent = reset * of_candidate[0] if of_candidate else linear(reset * for_candidate, kernels[2])
    return update * hidden + (1 - update) * activation(x_candidate + recurrent)


class GRUKernels(SingleStateKernels):
    """The kernels of ``torch.nn.GRU``."""

    cell = "gru"

    def why_never(self, request: Request) -> str | None:
        """As :meth:`TorchKernels.why_never`."""
        assert isinstance(request.options, GRUOptions)
        if not request.options.reset_after:
            return "torch's kernels compute `reset_after=True` only"
        return why_not_fused(request)

    def mode(self, options: SequenceOptions) -> str | None:
        """As :meth:`TorchKernels.mode`."""
        assert isinstance(options, GRUOptions)
        return "GRU" if options.reset_after else None

    def kernel(self, options: SequenceOptions) -> Kernel:
        """As :meth:`SingleStateKernels.kernel`."""
        return torch.gru


def _c_cell(options: GRUOptions) -> str:
    return "gru" if options.reset_after else "gru_reset_before"


_READABLE = SingleStateReference("gru", gru_step)
# In order: the first that can runs.
GRU_BACKENDS: tuple[Backend, ...] = (
    SingleStateCKernels("gru", _READABLE, _c_cell, *chosen()),
    GRUKernels(),
    _READABLE,
)
GRU_OPERATOR = Operator("gru", "a GRU", GRU_BACKENDS, ("hidden",), tuple, SingleStateWeights, GRUOptions)
