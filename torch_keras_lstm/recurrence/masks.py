"""Any boolean mask as a right-padded batch, and back.

The fused kernels know no mask. But a step that Keras skips changes nothing, so each row's unmasked steps can be moved
to the front: a causal network then gives them the outputs that it would have given in place, whatever follows them.
What follows is padding, and the one thing that padding spoils is the final cell state. ``freeze`` mends that: one more
input feature, 1 on padding, closes the input gate and opens the forget gate there, so that the cell state passes
through unchanged, and its gradient with it.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from torch_keras_lstm.recurrence.options import LSTMOptions, LSTMWeights

# A pre-activation of this size saturates the sigmoid exactly, to 0 or 1, in every floating type, float16 and TF32
# included, which also hold the number itself exactly.
_SATURATED = 1e4


def blank(inputs: Tensor, mask: Tensor) -> Tensor:
    """Zeros at masked steps: whatever stands there, nan included, must reach neither the outputs nor the gradients.

    Args:
        inputs: (batch, time, features)
        mask: (batch, time), boolean, ``False`` where a step is to be skipped.
    """
    return inputs.masked_fill(~mask.unsqueeze(-1), 0)


class Compacted(NamedTuple):
    """A batch whose rows are right-padded.

    Attributes:
        inputs: (batch, steps, features), zeros on padding, whatever the masked steps held. There are as many steps as
            the longest row has, but one at least, or as before where lengths must not be looked at.
        padding: (batch, steps), boolean, ``True`` on padding.
        lengths: (batch,), the number of unmasked steps of each row; 0 is allowed.
        in_place: the unmasked steps stand where they stood: the mask was right-padded already.
    """

    inputs: Tensor
    padding: Tensor
    lengths: Tensor
    in_place: bool


def may_be_looked_at(mask: Tensor) -> bool:
    """Whether a path may be chosen by the values of ``mask``.

    On a CPU they are there for the looking. On a GPU one would wait for the device, and a sort costs less. While
    ``torch.compile`` or ``torch.export`` trace the call there are none, and the graph must do for all of them.
    """
    return mask.device.type == "cpu" and not torch.compiler.is_compiling()


def compact(inputs: Tensor, mask: Tensor) -> Compacted:
    """Move the unmasked steps of each row to its front, in their order.

    Args:
        inputs: (batch, time, features)
        mask: (batch, time), boolean, ``False`` where a step is to be skipped.
    """
    lengths = mask.sum(dim=1)
    steps, in_place = mask.shape[1], False
    if may_be_looked_at(mask):
        steps = max(1, int(lengths.max())) if len(lengths) else steps
        in_place = bool((mask[:, 1:] <= mask[:, :-1]).all())
    if in_place:
        inputs, padding = inputs[:, :steps], ~mask[:, :steps]
    else:
        # Where each step goes, and so which one comes to each place: a stable sort, for which ONNX has no operator.
        place = torch.where(mask, mask.cumsum(1), lengths.unsqueeze(1) + mask.logical_not().cumsum(1)) - 1
        every = torch.arange(mask.shape[1], device=mask.device)
        order = torch.zeros_like(place).scatter(1, place, every.expand_as(place))[:, :steps]
        inputs = inputs.gather(1, order.unsqueeze(-1).expand(-1, -1, inputs.shape[-1]))
        padding = every[:steps] >= lengths.unsqueeze(1)
    return Compacted(inputs.masked_fill(padding.unsqueeze(-1), 0), padding, lengths, in_place)


def freeze(compacted: Compacted, weights: LSTMWeights) -> tuple[Tensor, LSTMWeights]:
    """Inputs and weights with the feature that carries the cell state through the padding unchanged."""
    flag = compacted.padding.unsqueeze(-1).to(compacted.inputs.dtype)
    units = weights.weight_hh.shape[1]
    column = weights.weight_ih.new_zeros(4, units, 1)
    column[0], column[1] = -_SATURATED, _SATURATED  # the input and the forget gate, the first two of gates.GATES
    weight_ih = torch.cat((weights.weight_ih, column.flatten(0, 1)), dim=1)
    return torch.cat((compacted.inputs, flag), dim=-1), weights._replace(weight_ih=weight_ih)


def last_valid(outputs: Tensor, lengths: Tensor, when_empty: Tensor) -> Tensor:
    """The output of each row's last unmasked step, (batch, units); ``when_empty`` in rows that have none.

    Args:
        outputs: (batch, time, units) of a compacted batch.
        lengths: (batch,)
        when_empty: (batch, units)
    """
    index = (lengths - 1).clamp(min=0).reshape(-1, 1, 1).expand(-1, 1, outputs.shape[2])
    return torch.where(lengths.unsqueeze(1) > 0, outputs.gather(1, index).squeeze(1), when_empty)


def spread(
    outputs: Tensor, mask: Tensor, compacted: Compacted, *, zero_output_for_mask: bool, first: Tensor | None = None
) -> Tensor:
    """Outputs of a compacted batch back at the steps of ``mask``, masked steps filled by Keras' rule.

    Args:
        outputs: (batch, steps, units)
        mask: (batch, time), the one that :func:`compact` was given.
        zero_output_for_mask: zeros at every masked step; otherwise the last output before it.
        first: (batch, units), what stands before the first unmasked step then; by default zeros.
    """
    if not (zero_output_for_mask and compacted.in_place and outputs.shape[1] == mask.shape[1]):
        seen = mask.cumsum(dim=1).unsqueeze(-1)
        outputs = outputs.gather(1, (seen - 1).clamp(min=0).expand(-1, -1, outputs.shape[-1]))
        if not zero_output_for_mask:
            return torch.where(seen > 0, outputs, outputs.new_zeros(()) if first is None else first.unsqueeze(1))
    return blank(outputs, mask)


def as_asked(
    outputs: Tensor | None, last: Tensor, mask: Tensor, compacted: Compacted, options: LSTMOptions, given: Tensor
) -> Tensor:
    """What a masked run returns as its output: all of them, spread, or the last one, by Keras' rule for masked steps.

    Args:
        outputs: (batch, steps, units) of the compacted batch; ``None`` when the last one is asked for.
        last: (batch, units), the final hidden state.
        mask: (batch, time), the one that :func:`compact` was given.
        given: (batch, units), the hidden state before the first step.
    """
    first = options.first_output(given)
    if options.return_sequences:
        assert outputs is not None
        return spread(outputs, mask, compacted, zero_output_for_mask=options.zero_output_for_mask, first=first)
    if options.zero_output_for_mask:
        return last.masked_fill(~mask[:, -1:], 0)
    return last if first is not None else last.masked_fill(compacted.lengths.unsqueeze(1) == 0, 0)
