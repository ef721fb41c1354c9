"""The convolutional LSTM: an LSTM's equations, with convolutions over space in place of the products with its kernels.

Shi et al. 2015, without their peepholes, as Keras has it (``keras/src/layers/rnn/conv_lstm.py``).
"""

from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor

from torch_keras_lstm.recurrence.backends.c_conv_lstm import ConvCKernels
from torch_keras_lstm.recurrence.backends.c_runs import chosen
from torch_keras_lstm.recurrence.backends.conv_loop import ConvLoop, for_each_gate
from torch_keras_lstm.recurrence.dispatch import run
from torch_keras_lstm.recurrence.gates import GATES
from torch_keras_lstm.recurrence.options import SequenceOptions
from torch_keras_lstm.recurrence.state import LSTMState
from torch_keras_lstm.sliding_windows import convolve

_LOOP = ConvLoop()
# In order: the first against which nothing speaks runs.
CONV_LSTM_BACKENDS = (ConvCKernels(_LOOP, *chosen()), _LOOP)


class ConvLSTMWeights(NamedTuple):
    """The weights in the layout of torch's convolutions.

    Attributes:
        weight_ih: (4 * filters, channels, *window)
        weight_hh: (4 * filters, filters, *window)
        bias: (4 * filters,); ``None`` without one.
    """

    weight_ih: Tensor
    weight_hh: Tensor
    bias: Tensor | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """How the kernel slides over the inputs, one number an axis; over the hidden state it always takes every place."""

    strides: tuple[int, ...]
    padding: str
    dilations: tuple[int, ...]


def conv_lstm(
    inputs: Tensor,
    state: LSTMState,
    weights: ConvLSTMWeights,
    mask: Tensor | None,
    window: Window,
    options: SequenceOptions,
) -> tuple[Tensor, LSTMState]:
    """Run the sequence.

    Args:
        inputs: (batch, time, channels, *spatial), time at least 1.
        state: before the first step, (batch, filters, *output) each, where output is what ``window`` makes of spatial.
        weights: in torch's layout.
        mask: (batch, time), boolean, ``False`` where a step is to be skipped; or (batch, time, 1, *output), ``False``
            where it is to be skipped at a place.
        window: of the convolution of the inputs.
        options: dropout factors are (4, batch, channels, *spatial) for the inputs and (4, batch, filters, *output) for
            the hidden state, one a gate.

    Returns:
        The outputs, (batch, time, filters, *output) in the order of processing or (batch, filters, *output), and the
        final state.
    """
    if mask is not None and mask.ndim == 2:
        # Whatever stands at a masked step, nan included, must reach neither the outputs nor the gradients.
        inputs = inputs.masked_fill(~mask.reshape(*mask.shape, *(1,) * (inputs.ndim - 2)), 0)

    projected = _project(inputs, weights, window, options.input_dropout)
    return run(CONV_LSTM_BACKENDS, projected, state, (weights.weight_hh,), mask, options)


def _project(inputs: Tensor, weights: ConvLSTMWeights, window: Window, dropout: Tensor | None) -> Tensor:
    """What inputs and bias contribute to the gates, (batch, time, 4 * filters, *output), by one convolution."""
    batch, time = inputs.shape[:2]
    steps = inputs.flatten(0, 1)
    if dropout is not None:
        steps = for_each_gate(steps, dropout.repeat_interleave(time, dim=1))
    projected = convolve(
        steps,
        weights.weight_ih,
        weights.bias,
        strides=window.strides,
        padding=window.padding,
        dilations=window.dilations,
        groups=1 if dropout is None else len(GATES),
    )
    every_step: Tensor = projected.unflatten(0, (batch, time))
    return every_step
