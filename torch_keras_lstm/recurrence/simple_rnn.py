"""One time step of the simple recurrent cell, and what runs a sequence of it."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import linear

from torch_keras_lstm import activations
from torch_keras_lstm.recurrence import onnx
from torch_keras_lstm.recurrence.backends.base import Request, UseCudnn
from torch_keras_lstm.recurrence.options import Activation, SequenceOptions, SingleStateWeights
from torch_keras_lstm.recurrence.single_state import Kernel, SingleStateKernels, SingleStateReference, run_single_state


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

    def why_never(self, request: Request) -> str | None:
        """As :meth:`TorchKernels.why_never`."""
        if request.options.activation not in _KERNELS:
            name = activations.serialize(request.options.activation)
            return f"the fused kernels compute `activation` 'tanh' and 'relu' only, not {name!r}"
        return "the fused kernels have no `recurrent_dropout`" if request.recurrent_dropout else None

    def mode(self, options: SequenceOptions) -> str | None:
        """As :meth:`TorchKernels.mode`."""
        return _KERNELS[options.activation][1] if options.activation in _KERNELS else None

    def kernel(self, options: SequenceOptions) -> Kernel:
        """As :meth:`SingleStateKernels.kernel`."""
        return _KERNELS[options.activation][0]


# In order: the first that can runs.
SIMPLE_RNN_BACKENDS = (SimpleRNNKernels(), SingleStateReference(simple_rnn_step))


def run_simple_rnn(
    inputs: Tensor,
    state: Sequence[Tensor],
    weights: SingleStateWeights,
    mask: Tensor | None,
    options: SequenceOptions,
    use_cudnn: UseCudnn = "auto",
) -> tuple[Tensor, Any]:
    """As :func:`run_single_state`."""
    operator = onnx.simple_rnn
    return run_single_state(SIMPLE_RNN_BACKENDS, operator, inputs, state, weights, mask, options, use_cudnn)
