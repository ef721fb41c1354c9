"""Any boolean mask as a right-padded batch, and back.

Torch's kernels know no mask. But a step that Keras skips changes nothing, so each row's unmasked steps can be moved
to the front: a causal network then gives them the outputs that it would have given in place, whatever follows them.
What follows is padding, and the one thing that padding spoils is the final cell state. ``freeze`` mends that: one more
input feature, 1 on padding, closes the input gate and opens the forget gate there, so that the cell state passes
through unchanged, and its gradient with it.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from torch_keras_lstm import torch_internals
from torch_keras_lstm.recurrence.options import LSTMWeights, SequenceOptions

# A pre-activation of this size saturates the sigmoid exactly, to 0 or 1, in every floating type, float16 and TF32
# included, which also hold the number itself exactly.
_SATURATED = 1e4


def zero_masked(inputs: Tensor, mask: Tensor) -> Tensor:
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
    """

    inputs: Tensor
    padding: Tensor
    lengths: Tensor


def values_are_known(mask: Tensor) -> bool:
    """Whether what to do may be chosen by the values of ``mask``.

    On a CPU they are there for the looking. On a GPU one would wait for the device, and a sort costs less. While
    somebody traces the call, ``torch.compile``, ``torch.jit.trace`` or ``torch.func.linearize``, the graph must do for
    all of them; and tensors that only have a shape, as in ``FakeTensorMode``, have none.
    """
    is_there = mask.device.type == "cpu" and type(mask) is Tensor
    return is_there and not torch.compiler.is_compiling() and not torch_internals.operations_are_watched()


def compact(inputs: Tensor, mask: Tensor) -> Compacted:
    """Move the unmasked steps of each row to its front, in their order.

    Args:
        inputs: (batch, time, features)
        mask: (batch, time), boolean, ``False`` where a step is to be skipped.
    """
    lengths = _as_integers(mask.sum(dim=1, dtype=torch.int64))
    steps = mask.shape[1]
    if values_are_known(mask) and len(lengths):
        steps = max(1, int(lengths.max()))
    order = _unmasked_first(mask, lengths)[:, :steps]
    padding = torch.arange(steps, device=mask.device) >= lengths.unsqueeze(1)
    moved = _zeroed(_rows_at(inputs, order.t(), batch_axis=1), padding.t())
    return Compacted(moved.transpose(0, 1), padding, lengths)


def _unmasked_first(mask: Tensor, lengths: Tensor) -> Tensor:
    """(batch, time), each row's steps in the order in which they are compacted."""
    is_graph_of_torch = torch.compiler.is_compiling() or not torch_internals.is_jit_traced()
    if is_graph_of_torch and not torch.onnx.is_in_onnx_export():
        return torch.argsort(mask.logical_not().to(torch.uint8), dim=1, stable=True)
    # ONNX, and others that take traces, have no stable sort. Where each step goes to tells which comes to each place.
    seen, left = mask.cumsum(1, dtype=torch.int64), mask.logical_not().cumsum(1, dtype=torch.int64)
    place = _as_integers(torch.where(mask, seen, lengths.unsqueeze(1) + left) - 1)
    steps = torch.arange(mask.shape[1], device=mask.device)
    return place.scatter(1, place, steps.expand_as(place))  # each place is written to, whatever stood there


def _as_integers(sums: Tensor) -> Tensor:
    """The same; Core ML, which reads traces, takes sums and bounds for no integers until they are cast."""
    if torch.compiler.is_compiling() or not torch_internals.is_jit_traced():
        return sums
    return sums.to(torch.int32).to(torch.int64)


def _rows_at(sequence: Tensor, steps: Tensor, batch_axis: int) -> Tensor:
    """The vectors of ``sequence``, (batch, time, width), at other steps; a copy in the memory layout of ``steps``.

    Whole rows are picked, which is many times as fast as ``Tensor.gather``, forth and back.

    Args:
        steps: (batch, steps) or, with a ``batch_axis`` of 1, (steps, batch).

    Returns:
        (batch, steps, width) or (steps, batch, width)
    """
    batch, time = sequence.shape[:2]
    rows = torch.arange(batch, device=steps.device).unsqueeze(1 - batch_axis)
    by_time = sequence.transpose(0, 1)
    if by_time.is_contiguous():  # as the kernels leave it
        flat, index = by_time.flatten(0, 1), steps * batch + rows
    else:
        flat, index = sequence.flatten(0, 1), rows * time + steps
    picked: Tensor = flat.index_select(0, _as_integers(index.flatten())).unflatten(0, steps.shape)
    return picked


def _zeroed(sequence: Tensor, skipped: Tensor) -> Tensor:
    """``sequence``, a contiguous tensor of nobody else's, with zeros written where ``skipped``."""
    if not values_are_known(skipped):
        return sequence.masked_fill(skipped.unsqueeze(-1), 0)
    which = skipped.flatten().nonzero().squeeze(1)
    return sequence.flatten(0, 1).index_fill_(0, which, 0).unflatten(0, skipped.shape) if len(which) else sequence


def freeze(compacted: Compacted, weights: LSTMWeights) -> tuple[Tensor, LSTMWeights]:
    """Inputs and weights with the feature that carries the cell state through the padding unchanged."""
    units = weights.weight_hh.shape[1]
    column = weights.weight_ih.new_zeros(4, units, 1)
    column[0], column[1] = -_SATURATED, _SATURATED  # the input and the forget gate, the first two of gates.GATES
    weight_ih = torch.cat((weights.weight_ih, column.flatten(0, 1)), dim=1)
    flag = compacted.padding.t().unsqueeze(-1).to(compacted.inputs.dtype)
    inputs = torch.cat((compacted.inputs.transpose(0, 1), flag), dim=-1)  # time-major, as it is and as the kernels do
    return inputs.transpose(0, 1), weights._replace(weight_ih=weight_ih)


def last_valid(outputs: Tensor, lengths: Tensor, when_empty: Tensor) -> Tensor:
    """The output of each row's last unmasked step, (batch, units); ``when_empty`` in rows that have none.

    Args:
        outputs: (batch, time, units) of a compacted batch.
        lengths: (batch,)
        when_empty: (batch, units)
    """
    index = _as_integers((lengths - 1).clamp(min=0)).reshape(-1, 1, 1).expand(-1, 1, outputs.shape[2])
    return torch.where(lengths.unsqueeze(1) > 0, outputs.gather(1, index).squeeze(1), when_empty)


def uncompact(outputs: Tensor, mask: Tensor, *, zero_output_for_mask: bool, first: Tensor | None = None) -> Tensor:
    """Outputs of a compacted batch back at the steps of ``mask``, masked steps filled by Keras' rule.

    Args:
        outputs: (batch, steps, units)
        mask: (batch, time), the one that :func:`compact` was given.
        zero_output_for_mask: zeros at every masked step; otherwise the last output before it.
        first: (batch, units), what stands before the first unmasked step then; by default zeros.
    """
    seen = mask.cumsum(dim=1, dtype=torch.int64)
    placed = _rows_at(outputs, (seen - 1).clamp(min=0), batch_axis=0)
    if zero_output_for_mask:
        return _zeroed(placed, ~mask)
    if first is None:
        return _zeroed(placed, seen == 0)
    return torch.where(seen.unsqueeze(-1) > 0, placed, first.unsqueeze(1))


def masked_output(
    outputs: Tensor | None, last: Tensor, mask: Tensor, options: SequenceOptions, given: Tensor
) -> Tensor:
    """What a masked run returns as its output: all of them or the last one, by Keras' rule for masked steps.

    Args:
        outputs: (batch, steps, units) of the compacted batch; ``None`` when the last one is asked for.
        last: (batch, units), the final hidden state.
        mask: (batch, time), the one that :func:`compact` was given.
        given: (batch, units), the hidden state before the first step.
    """
    first = options.first_output(given)
    if options.return_sequences:
        assert outputs is not None
        return uncompact(outputs, mask, zero_output_for_mask=options.zero_output_for_mask, first=first)
    if options.zero_output_for_mask:
        return last.masked_fill(~mask[:, -1:], 0)
    if first is given:  # which is the final state where no step counts
        return last
    any_step = mask.any(1, keepdim=True)
    return last.masked_fill(~any_step, 0) if first is None else torch.where(any_step, last, first)


def masked_output_in_place(
    outputs: Tensor | None, last: Tensor, mask: Tensor, options: SequenceOptions, given: Tensor
) -> Tensor:
    """:func:`masked_output` for a run that was not compacted, but kept its states at masked steps.

    Args:
        outputs: (batch, time, units), the hidden states of all steps; ``None`` when the last one is asked for.
        last: (batch, units), the final hidden state.
        mask: (batch, time)
        given: (batch, units), the hidden state before the first step.
    """
    if not options.return_sequences:
        return masked_output(None, last, mask, options, given)
    assert outputs is not None
    if options.zero_output_for_mask:
        return outputs.masked_fill(~mask.unsqueeze(-1), 0)
    first = options.first_output(given)
    if first is given:
        return outputs
    if values_are_known(mask):
        # From zeros, which get no gradient, the states that are held are the zeros asked for.
        starts_from_zeros = first is None and not given.requires_grad and not bool(given.any())
        if starts_from_zeros or bool(mask[:, 0].all()):
            return outputs
    seen = (mask.cumsum(1, dtype=torch.int64) > 0).unsqueeze(-1)
    return outputs.masked_fill(~seen, 0) if first is None else torch.where(seen, outputs, first.unsqueeze(1))
