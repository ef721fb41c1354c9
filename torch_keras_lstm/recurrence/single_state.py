"""Sequences of cells whose only state is the hidden one, which is their output too: GRU and the simple cell.

Nothing but the outputs has to come through the padding of a compacted batch, so these need no ``freeze``: the final
state is the output of each row's last unmasked step.
"""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from torch_keras_lstm import torch_internals
from torch_keras_lstm.recurrence.backends.base import Backend, Request, UseCudnn
from torch_keras_lstm.recurrence.backends.torch_kernels import TorchKernels, keeps_for_backward
from torch_keras_lstm.recurrence.dispatch import run, torch_kernels_of
from torch_keras_lstm.recurrence.lowering import lowering
from torch_keras_lstm.recurrence.masks import compact, last_valid, masked_output, zero_masked
from torch_keras_lstm.recurrence.onnx import Operator, has_operator, single_state_onnx
from torch_keras_lstm.recurrence.options import SequenceOptions, SingleStateWeights
from torch_keras_lstm.recurrence.prelude import in_order
from torch_keras_lstm.recurrence.scan import Constants, States, Stepped, scan
from torch_keras_lstm.recurrence.step import project

# (projected inputs, hidden state, weights, options) -> the next hidden state.
Step = Callable[[Tensor, Tensor, SingleStateWeights, Any], Tensor]
# torch.gru, torch.rnn_tanh or torch.rnn_relu, which are called alike.
Kernel = Callable[..., tuple[Tensor, Tensor]]


def run_single_state(
    backends: Sequence[Backend],
    operator: Callable[[SingleStateWeights, Any], Operator],
    inputs: Tensor,
    state: Sequence[Tensor],
    weights: SingleStateWeights,
    mask: Tensor | None,
    options: SequenceOptions,
    use_cudnn: UseCudnn,
) -> tuple[Tensor, Any]:
    """Run a sequence, as a layer calls it; arguments and result as :meth:`Backend.run`.

    Args:
        backends: of the cell, the one that runs every configuration last.
        operator: makes ONNX's operator of the cell, where its activations are ONNX's.
        use_cudnn: as of :func:`torch_keras_lstm.recurrence.run_lstm`.
    """
    if torch.compiler.is_compiling() or torch_internals.is_jit_traced():
        if torch.onnx.is_in_onnx_export() and has_operator(options):
            return single_state_onnx(operator(weights, options), inputs, state, mask, options)
        plain = lowering()
        if plain is not None and (torch.compiler.is_compiling() or not plain.loops):
            request = Request.of(inputs, state, weights, mask, options, use_cudnn)
            kernels = torch_kernels_of(backends)
            as_kernel = plain.kernels and kernels.why_never(request) is None
            return (kernels if as_kernel else backends[-1]).run(inputs, state, weights, mask, options)
    return run(backends, inputs, state, weights, mask, options, use_cudnn)


class SingleStateReference(Backend):
    """The sequence one step at a time, each operation for autograd to record: every configuration.

    Args:
        step: of the cell.
    """

    name = "reference"

    def __init__(self, step: Step) -> None:
        self.step = step

    def why_not(self, request: Request) -> None:
        """Nothing."""

    def run(
        self,
        inputs: Tensor,
        state: Sequence[Tensor],
        weights: SingleStateWeights,
        mask: Tensor | None,
        options: SequenceOptions,
    ) -> tuple[Tensor, tuple[Tensor] | None]:
        """As :meth:`Backend.run`."""
        if mask is not None:
            inputs = zero_masked(inputs, mask)

        def one(projected: Tensor, states: States, constants: Constants) -> Stepped:
            weight_hh, bias_hh, dropout = constants
            assert weight_hh is not None
            recurrent = SingleStateWeights(weights.weight_ih, weight_hh, weights.bias_ih, bias_hh)
            new = self.step(projected, states[0], recurrent, options.with_recurrent_dropout(dropout))
            return new, (new,)

        output, (final,) = scan(
            one,
            project(inputs, weights, options.input_dropout),
            state,
            mask,
            (weights.weight_hh, weights.bias_hh, options.recurrent_dropout),
            go_backwards=options.go_backwards,
            return_sequences=options.return_sequences,
            zero_output_for_mask=options.zero_output_for_mask,
            first_output=options.first_output(state[0]),
        )
        return output, (final,) if options.return_state else None


class SingleStateKernels(TorchKernels):
    """The kernels of torch that take the hidden state alone."""

    @abstractmethod
    def kernel(self, options: SequenceOptions) -> Kernel:
        """The function of torch."""

    def run(
        self,
        inputs: Tensor,
        state: Sequence[Tensor],
        weights: SingleStateWeights,
        mask: Tensor | None,
        options: SequenceOptions,
    ) -> tuple[Tensor, tuple[Tensor] | None]:
        """As :meth:`Backend.run`."""
        (hidden,), kernel = state, self.kernel(options)
        inputs, mask = in_order(inputs, mask, options)
        if mask is None:
            outputs, final = _call(kernel, inputs, hidden, weights)
            return outputs if options.return_sequences else outputs[:, -1], (final,) if options.return_state else None
        compacted = compact(inputs, mask)
        outputs, _ = _call(kernel, compacted.inputs, hidden, weights)
        final = last_valid(outputs, compacted.lengths, hidden)
        output = masked_output(outputs, final, mask, options, hidden)
        return output, (final,) if options.return_state else None


def _call(kernel: Kernel, inputs: Tensor, hidden: Tensor, weights: SingleStateWeights) -> tuple[Tensor, Tensor]:
    flat = [weight for weight in weights if weight is not None]
    outputs, final = kernel(
        inputs,
        hidden.unsqueeze(0),
        flat,
        len(flat) == 4,  # has_biases
        1,  # num_layers
        0.0,  # dropout between layers
        keeps_for_backward(),
        False,  # bidirectional
        True,  # batch_first
    )
    return outputs, final.squeeze(0)
