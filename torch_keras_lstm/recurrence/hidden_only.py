"""Sequences of cells whose only state is the hidden one, which is their output too: GRU and the simple cell.

Nothing but the outputs has to come through the padding of a compacted batch, so these need no ``freeze``: the final
state is the output of each row's last unmasked step.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from torch_keras_lstm.recurrence.masks import as_asked, blank, compact, last_valid, may_be_looked_at
from torch_keras_lstm.recurrence.options import LSTMOptions
from torch_keras_lstm.recurrence.scan import States, Stepped, scan
from torch_keras_lstm.recurrence.step import project


class HiddenOnlyWeights(NamedTuple):
    """The weights in torch's layout and order of gates, named as torch names them.

    Attributes:
        weight_ih: (gates * units, features)
        weight_hh: (gates * units, units)
        bias_ih: (gates * units,), added to the inputs' part; ``None`` without biases.
        bias_hh: (gates * units,), added to the hidden state's part.
    """

    weight_ih: Tensor
    weight_hh: Tensor
    bias_ih: Tensor | None = None
    bias_hh: Tensor | None = None

    @property
    def bias(self) -> Tensor | None:
        """What is added to the inputs' part."""
        return self.bias_ih


# (projected inputs, hidden state, weights, options) -> the next hidden state.
Step = Callable[[Tensor, Tensor, HiddenOnlyWeights, Any], Tensor]
# torch.gru, torch.rnn_tanh or torch.rnn_relu, which are called alike.
Kernel = Callable[..., tuple[Tensor, Tensor]]


def loop_over(
    step: Step, inputs: Tensor, hidden: Tensor, weights: HiddenOnlyWeights, mask: Tensor | None, options: LSTMOptions
) -> tuple[Tensor, tuple[Tensor] | None]:
    """Run the sequence one step at a time; arguments and result as :func:`fused`, for every configuration."""
    if mask is not None:
        inputs = blank(inputs, mask)

    def one(projected: Tensor, states: States) -> Stepped:
        new = step(projected, states[0], weights, options)
        return new, (new,)

    output, (final,) = scan(
        one,
        project(inputs, weights, options.input_dropout),
        (hidden,),
        mask,
        go_backwards=options.go_backwards,
        return_sequences=options.return_sequences,
        zero_output_for_mask=options.zero_output_for_mask,
        first_output=options.first_output(hidden),
    )
    return output, (final,) if options.return_state else None


def fused(
    kernel: Kernel,
    inputs: Tensor,
    hidden: Tensor,
    weights: HiddenOnlyWeights,
    mask: Tensor | None,
    options: LSTMOptions,
) -> tuple[Tensor, tuple[Tensor] | None]:
    """Run the sequence through one of torch's fused kernels.

    Args:
        kernel: ``torch.gru`` or one of its like.
        inputs: (batch, time, features), time at least 1.
        hidden: before the first step, (batch, units).
        weights: as the kernel takes them.
        mask: (batch, time), boolean, ``False`` where a step is to be skipped; any pattern.
        options: at most one dropout mask for the inputs, none for the hidden state.

    Returns:
        The outputs, (batch, time, units) in the order of processing or (batch, units), and the final state if
        ``options.return_state``.
    """
    if options.input_dropout is not None:
        inputs = inputs * options.input_dropout[0].unsqueeze(1)
    if options.go_backwards:
        inputs = inputs.flip(1)
        mask = mask if mask is None else mask.flip(1)
    if mask is None or (may_be_looked_at(mask) and bool(mask.all())):
        outputs, final = _call(kernel, inputs, hidden, weights)
        return outputs if options.return_sequences else outputs[:, -1], (final,) if options.return_state else None
    compacted = compact(inputs, mask)
    outputs, _ = _call(kernel, compacted.inputs, hidden, weights)
    final = last_valid(outputs, compacted.lengths, hidden)
    output = as_asked(outputs, final, mask, options, hidden)
    return output, (final,) if options.return_state else None


def _call(kernel: Kernel, inputs: Tensor, hidden: Tensor, weights: HiddenOnlyWeights) -> tuple[Tensor, Tensor]:
    flat = [weight for weight in weights if weight is not None]
    outputs, final = kernel(
        inputs,
        hidden.unsqueeze(0),
        flat,
        len(flat) == 4,  # has_biases
        1,  # num_layers
        0.0,  # dropout between layers
        torch.is_grad_enabled(),  # cuDNN's training mode, without which its backward refuses; not the module's
        False,  # bidirectional
        True,  # batch_first
    )
    return outputs, final.squeeze(0)
