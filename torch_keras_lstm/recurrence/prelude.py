"""What precedes a run on any backend but the readable one: dropout, order of processing, masks that skip nothing."""

from torch import Tensor

from torch_keras_lstm.recurrence.masks import values_are_known
from torch_keras_lstm.recurrence.options import SequenceOptions


def in_order(
    inputs: Tensor, mask: Tensor | None, options: SequenceOptions, *, look: bool = True
) -> tuple[Tensor, Tensor | None]:
    """Inputs and mask as the steps take them.

    Args:
        inputs: (batch, time, features)
        mask: (batch, time), boolean, or ``None``.
        look: whether it is worth looking whether the mask skips anything.

    Returns:
        The inputs, in the order of processing and with the dropout that is the same for all gates; that of each gate's
        own is left to the steps. The mask in that order; ``None`` where it is known to skip nothing.
    """
    if options.input_dropout is not None and len(options.input_dropout) == 1:
        inputs = inputs * options.input_dropout[0].unsqueeze(1)
    if options.go_backwards:
        inputs = inputs.flip(1)
        mask = mask if mask is None else mask.flip(1)
    if mask is not None and look and values_are_known(mask) and bool(mask.all()):
        return inputs, None
    return inputs, mask
