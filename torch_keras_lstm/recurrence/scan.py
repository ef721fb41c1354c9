"""Run any recurrent step over time under Keras' rule for masks.

The rule (``keras/src/backend/tensorflow/rnn.py``, measured in both loops of Keras 2 and 3 on TensorFlow): at a masked
step the state stays as it is and the output repeats the one before it, zeros before the first; with
``zero_output_for_mask`` the output of every masked step is zeros.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from torch_keras_lstm.recurrence.graph_loops import Loop, loop_of_graph

States = tuple[Tensor, ...]
# An output and the states after it. The alias is needed: torch.compile cannot evaluate `tuple[...]` where it annotates
# a function inside of another.
Stepped = tuple[Tensor, States]
# What is the same at every step: weights, dropout factors; ``None`` in the place of what there is not.
Constants = Sequence[Tensor | None]
Step = Callable[[Tensor, States, Constants], Stepped]


def scan(
    step: Step,
    inputs: Tensor,
    states: Sequence[Tensor],
    mask: Tensor | None = None,
    constants: Constants | None = (),
    *,
    go_backwards: bool = False,
    return_sequences: bool = True,
    zero_output_for_mask: bool = False,
    first_output: Tensor | None = None,
) -> Stepped:
    """Apply ``step`` to each time step in turn.

    Args:
        step: takes (batch, ...), the states and the constants, gives the output and the new states. A graph that holds
            the loop as one traces it once: whatever else comes into it would be fixed there.
        inputs: (batch, time, ...), time at least 1.
        states: (batch, ...) each.
        mask: (batch, time), boolean, ``False`` where a step is to be skipped; further axes as outputs and states have
            them, or of size 1, skip a step in parts of them.
        constants: what ``step`` gets at every step; ``None`` where it takes more than that, so that a graph must write
            every step out.
        first_output: (batch, ...), the output of masked steps before the first other one; by default zeros.

    Returns:
        The outputs in the order of processing, (batch, time, ...), or the last one, (batch, ...); the final states.
    """
    loop = None if constants is None else loop_of_graph()
    if loop is not None and constants is not None:
        if go_backwards:
            inputs, mask = inputs.flip(1), mask if mask is None else mask.flip(1)
        first = first_output if mask is not None and not zero_output_for_mask else None
        return _in_graph(loop, step, inputs, states, mask, constants, return_sequences, zero_output_for_mask, first)
    carried: States = tuple(states)
    steps = inputs.unbind(1)
    keep = mask.unbind(1) if mask is not None else (None,) * len(steps)
    outputs = []
    previous = first_output
    for index in reversed(range(len(steps))) if go_backwards else range(len(steps)):
        output, new_states = step(steps[index], carried, constants or ())
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


def _in_graph(
    loop: Loop,
    step: Step,
    inputs: Tensor,
    states: Sequence[Tensor],
    mask: Tensor | None,
    constants: Constants,
    return_sequences: bool,
    zero_output_for_mask: bool,
    first_output: Tensor | None,
) -> Stepped:
    """:func:`scan` by a loop that stays one, in the order of processing."""
    count = len(states)
    holds = mask is not None and not zero_output_for_mask
    carried = tuple(states)
    if holds or not return_sequences:  # the last output is carried too
        carried += (_blank(step, inputs, states, constants) if first_output is None else first_output,)

    def body(
        before: tuple[Tensor, ...], now: tuple[Tensor, ...], given: tuple[Tensor, ...]
    ) -> tuple[tuple[Tensor, ...], Tensor | None]:
        tensors = iter(given)
        same = [constant if constant is None else next(tensors) for constant in constants]
        output, after = step(now[0], before[:count], same)
        if len(now) == 2:
            kept = now[1]
            after = tuple(
                torch.where(beside(kept, new), new, old) for new, old in zip(after, before[:count], strict=True)
            )
            held = before[count] if holds else torch.zeros_like(output)
            output = torch.where(beside(kept, output), output, held)
        return (*after, *((output.clone(),) if len(before) > count else ())), output if return_sequences else None

    sequences = tuple(one.transpose(0, 1) for one in (inputs, mask) if one is not None)
    last, outputs = loop(body, carried, sequences, tuple(one for one in constants if one is not None))
    return (last[count] if outputs is None else outputs.transpose(0, 1)), last[:count]


def _blank(step: Step, inputs: Tensor, states: Sequence[Tensor], constants: Constants) -> Tensor:
    """Zeros of an output's shape."""
    output, _ = step(inputs[:, 0], tuple(states), constants)
    return states[0].new_zeros(output.shape)


def beside(kept: Tensor, values: Tensor) -> Tensor:
    """(batch, ...) -> (batch, ..., 1, ...), as many axes as ``values`` has."""
    return kept.reshape(*kept.shape, *(1,) * (values.ndim - kept.ndim))
