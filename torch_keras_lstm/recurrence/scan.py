"""Run any recurrent step over time under Keras' rule for masks.

The rule (``keras/src/backend/tensorflow/rnn.py``, measured in both loops of Keras 2 and 3 on TensorFlow): at a masked
step the state stays as it is and the output repeats the one before it, zeros before the first; with
``zero_output_for_mask`` the output of every masked step is zeros.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

States = tuple[Tensor, ...]
# An output and the states after it. The alias is needed: torch.compile cannot evaluate `tuple[...]` where it annotates
# a function inside of another.
Stepped = tuple[Tensor, States]


def scan(
    step: Callable[[Tensor, States], Stepped],
    inputs: Tensor,
    states: Sequence[Tensor],
    mask: Tensor | None = None,
    *,
    go_backwards: bool = False,
    return_sequences: bool = True,
    zero_output_for_mask: bool = False,
    first_output: Tensor | None = None,
) -> Stepped:
    """Apply ``step`` to each time step in turn.

    Args:
        step: takes (batch, ...) and the states, gives the output and the new states.
        inputs: (batch, time, ...), time at least 1.
        states: (batch, ...) each.
        mask: (batch, time), boolean, ``False`` where a step is to be skipped; further axes as outputs and states have
            them, or of size 1, skip a step in parts of them.
        first_output: (batch, ...), the output of masked steps before the first other one; by default zeros.

    Returns:
        The outputs in the order of processing, (batch, time, ...), or the last one, (batch, ...); the final states.
    """
    carried: States = tuple(states)
    steps = inputs.unbind(1)
    keep = mask.unbind(1) if mask is not None else (None,) * len(steps)
    outputs = []
    previous = first_output
    for index in reversed(range(len(steps))) if go_backwards else range(len(steps)):
        output, new_states = step(steps[index], carried)
        kept = keep[index]
        if kept is None:
            carried = new_states
        else:
            carried = tuple(
                torch.where(beside(kept, new), new, old) for new, old in zip(new_states, carried, strict=True)
            )
            held = previous if previous is not None and not zero_output_for_mask else torch.zeros_like(output)
            output = torch.where(beside(kept, output), output, held)
        previous = output
        if return_sequences:
            outputs.append(output)
    assert previous is not None, "the caller refuses sequences of length 0"
    return (torch.stack(outputs, dim=1) if return_sequences else previous), carried


def beside(kept: Tensor, values: Tensor) -> Tensor:
    """(batch, ...) -> (batch, ..., 1, ...), as many axes as ``values`` has."""
    return kept.reshape(*kept.shape, *(1,) * (values.ndim - kept.ndim))
