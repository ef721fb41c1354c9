"""One time step of the simple recurrent cell, and what runs a sequence of it."""

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn.functional import linear

from torch_keras_lstm import activations
from torch_keras_lstm.recurrence.backends.base import Backend, Request
from torch_keras_lstm.recurrence.backends.c_runs import chosen
from torch_keras_lstm.recurrence.backends.c_single_state import SingleStateCKernels
from torch_keras_lstm.recurrence.graph_operator import Operator
from torch_keras_lstm.recurrence.options import Activation, SequenceOptions, SingleStateWeights
from torch_keras_lstm.recurrence.single_state import Kernel, SingleStateKernels, SingleStateReference


def simple_rnn_step(projected: Tensor, hidden: Tensor, weights: SingleStateWeights, options: SequenceOptions) -> Tensor:
    """The hidden state after one step.

    Args:
        projected: (batch, units), what the input and the bias contribute.
        hidden: (batch, units), before the step.
        weights: in torch's layout.
        options: its activation and recurrent dropout, (1, batch, units), are used.
    """
    if options.recurrent_dropout is not None:
        hidden = hidden * options.recurrent_dropout[0]
    return options.activation(projected + linear(hidden, weights.weight_hh))


_RELU: tuple[Kernel, str] = (torch.rnn_relu, "RNN_RELU")
_TANH: tuple[Kernel, str] = (torch.rnn_tanh, "RNN_TANH")
_KERNELS: Mapping[Activation, tuple[Kernel, str]] = {
    activations.tanh: _TANH,
    torch.tanh: _TANH,
    activations.relu: _RELU,
    torch.relu: _RELU,
}


class SimpleRNNKernels(SingleStateKernels):
    """The kernels of ``torch.nn.RNN``."""

    cell = "simple_rnn"

    def why_never(self, request: Request) -> str | None:
        """As :meth:`TorchKernels.why_never`."""
        if request.options.activation not in _KERNELS:
            name = activations.serialize(request.options.activation)
            return f"torch's kernels compute `activation` 'tanh' and 'relu' only, not {name!r}"
        return "torch's kernels have no `recurrent_dropout`" if request.recurrent_dropout else None

    def mode(self, options: SequenceOptions) -> str | None:
        """As :meth:`TorchKernels.mode`."""
        return _KERNELS[options.activation][1] if options.activation in _KERNELS else None

    def kernel(self, options: SequenceOptions) -> Kernel:
        """As :meth:`SingleStateKernels.kernel`."""
        return _KERNELS[options.activation][0]


_READABLE = SingleStateReference("simple_rnn", simple_rnn_step)
# In order: the first that can runs.
SIMPLE_RNN_BACKENDS: tuple[Backend, ...] = (
    SingleStateCKernels("simple_rnn", _READABLE, lambda options: "simple_rnn", *chosen()),
    SimpleRNNKernels(),
    _READABLE,
)
SIMPLE_RNN_OPERATOR = Operator(
    "simple_rnn", "a SimpleRNN", SIMPLE_RNN_BACKENDS, ("hidden",), tuple, SingleStateWeights, SequenceOptions
)
