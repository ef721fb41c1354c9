"""Sequences in half precision as Keras runs them: each step casts the weights and multiplies its inputs by itself.

Outputs are the same as of one product for all steps, and gradients are not: that of each step is rounded to half
precision, and their sum, which reaches the weights, is float32.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from torch_keras_lstm.recurrence.masks import zero_masked
from torch_keras_lstm.recurrence.options import SequenceOptions
from torch_keras_lstm.recurrence.scan import Constants, States, Stepped, scan

CellStep = Callable[[Tensor, States], Stepped]


def cast_weights(weights: Any, dtype: torch.dtype) -> Any:
    """The weights in ``dtype``."""
    return type(weights)(*(None if one is None else one.to(dtype) for one in weights))


def with_cast_weights(weights: Any, dtype: torch.dtype, step_with: Callable[[Any], CellStep]) -> CellStep:
    """A step that casts the weights each time, once for all where nothing is differentiated.

    Args:
        weights: as they are kept.
        step_with: gives the step for weights in ``dtype``.
    """
    prepared = None if torch.is_grad_enabled() else step_with(cast_weights(weights, dtype))

    def step(now: Tensor, states: States) -> Stepped:
        run = step_with(cast_weights(weights, dtype)) if prepared is None else prepared
        return run(now.to(dtype), tuple(state.to(dtype) for state in states))

    return step


def run_in_half(
    step: CellStep, inputs: Tensor, state: States, mask: Tensor | None, options: SequenceOptions
) -> tuple[Tensor, tuple[Tensor, ...] | None]:
    """Run the sequence step by step; arguments and result as :meth:`Backend.run`.

    Args:
        step: with its weights and dropout.
    """

    def one(now: Tensor, states: States, _: Constants) -> Stepped:
        return step(now, states)

    output, states = scan(
        one,
        inputs if mask is None else zero_masked(inputs, mask),
        state,
        mask,
        None,
        go_backwards=options.go_backwards,
        return_sequences=options.return_sequences,
        zero_output_for_mask=options.zero_output_for_mask,
        first_output=options.first_output(state[0]),
    )
    return output, states if options.return_state else None
