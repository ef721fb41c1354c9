"""Sequences of cells whose only state is the hidden one, which is their output too: GRU and the simple cell.

Nothing but the outputs has to come through the padding of a compacted batch, so these need no ``freeze``: the final
state is the output of each row's last unmasked step.
"""

import functools
from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from torch_keras_lstm import torch_internals
from torch_keras_lstm.recurrence import onnx
from torch_keras_lstm.recurrence.backends.base import Backend, Request, UseCudnn
from torch_keras_lstm.recurrence.backends.torch_kernels import TorchKernels, keeps_for_backward
from torch_keras_lstm.recurrence.dispatch import select, torch_kernels_of
from torch_keras_lstm.recurrence.graph_operator import Operator, can_be_one_node
from torch_keras_lstm.recurrence.lowering import lowering
from torch_keras_lstm.recurrence.lstm import autocast_dtype, cast_unless_none
from torch_keras_lstm.recurrence.masks import compact, last_valid, masked_output, zero_masked
from torch_keras_lstm.recurrence.options import SequenceOptions, SingleStateWeights
from torch_keras_lstm.recurrence.prelude import in_order
from torch_keras_lstm.recurrence.scan import Constants, States, Stepped, scan
from torch_keras_lstm.recurrence.step import project


def run_single_state(
    operator: Operator,
    inputs: Tensor,
    state: Sequence[Tensor],
    weights: SingleStateWeights,
    mask: Tensor | None,
    options: Any,
    use_cudnn: UseCudnn = "auto",
) -> tuple[Tensor, Any]:
    """Run the sequence as a layer does; arguments and result as :meth:`Backend.run`.

    While ``torch.compile`` or ``torch.export`` trace the call the run becomes one node of their graph.

    Args:
        operator: of the cell.
        use_cudnn: Keras' argument, as for :func:`torch_keras_lstm.recurrence.run_lstm`.

    Raises:
        ValueError: when ``use_cudnn`` is ``True`` and torch's kernels cannot run it.
    """
    inside = autocast_dtype(inputs.device.type, inputs.dtype)
    if inside is not None:
        device, cast = inputs.device.type, functools.partial(cast_unless_none, dtype=inside)
        dropouts = (options.input_dropout, options.recurrent_dropout)
        options = replace(
            options, **dict(zip(("input_dropout", "recurrent_dropout"), map(cast, dropouts), strict=True))
        )
        state, weights = tuple(map(cast, state)), SingleStateWeights(*map(cast, weights))
        with torch.autocast(device, enabled=False):
            output, final = run_single_state(operator, cast(inputs), state, weights, mask, options, use_cudnn)
        low = torch.get_autocast_dtype(device)
        return output.to(low), None if final is None else tuple(one.to(low) for one in final)
    request = Request.of(inputs, state, weights, mask, options, use_cudnn)
    if torch.compiler.is_compiling() or torch_internals.is_jit_traced():
        if torch.onnx.is_in_onnx_export() and onnx.has_operator(options, inputs.dtype):
            return onnx.single_state_onnx(_in_onnx(operator, weights, options), inputs, state, mask, options)
        plain = lowering()
        if plain is not None and (torch.compiler.is_compiling() or not plain.loops):
            kernels = torch_kernels_of(operator.backends)
            as_kernel = operator.name in plain.kernels and kernels.why_never(request) is None
            return (kernels if as_kernel else operator.backends[-1]).run(inputs, state, weights, mask, options)
    if torch.compiler.is_compiling() and can_be_one_node(options):
        is_fused = isinstance(select(operator.backends, request.as_one_node()), TorchKernels)
        return operator.as_one_node(inputs, state, weights, mask, options, "fused" if is_fused else "loop")
    return select(operator.backends, request).run(inputs, state, weights, mask, options)


def _in_onnx(operator: Operator, weights: SingleStateWeights, options: Any) -> onnx.Operator:
    if operator.name == "gru":
        return onnx.gru(weights, options, reset_after=options.reset_after)
    return onnx.simple_rnn(weights, options)


# (projected inputs, hidden state, weights, options) -> the next hidden state.
Step = Callable[[Tensor, Tensor, SingleStateWeights, Any], Tensor]
# torch.gru, torch.rnn_tanh or torch.rnn_relu, which are called alike.
Kernel = Callable[..., tuple[Tensor, Tensor]]


class SingleStateReference(Backend):
    """The sequence one step at a time, each operation for autograd to record: every configuration.

    Args:
        cell: "gru" or "simple_rnn".
        step: of the cell.
    """

    name = "reference"

    def __init__(self, cell: str, step: Step) -> None:
        self.cell, self.step = cell, step

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
