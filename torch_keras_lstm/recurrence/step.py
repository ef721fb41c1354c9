"""One time step of an LSTM, written as the paper writes it, and the part of it that needs no state."""

import torch
from torch import Tensor
from torch.nn.functional import linear

from torch_keras_lstm.recurrence.gates import per_gate, split_gates
from torch_keras_lstm.recurrence.options import InputWeights, SequenceOptions
from torch_keras_lstm.recurrence.state import LSTMState


def project(inputs: Tensor, weights: InputWeights, dropout: Tensor | None, *, with_bias: bool = True) -> Tensor:
    """What the inputs and the biases contribute to the gates, ``x @ W_ih.T + b``: one product for any number of steps.

    Args:
        inputs: (batch, ..., features)
        weights: in torch's layout.
        dropout: ``SequenceOptions.input_dropout``.
        with_bias: whether the bias is among it.

    Returns:
        (batch, ..., gates * units)
    """
    bias = weights.bias if with_bias else None
    if dropout is None:
        return linear(inputs, weights.weight_ih, bias)
    # (masks, batch, features) -> one (batch, 1, ..., features) each, constant over the axes between
    masks = dropout.reshape(*dropout.shape[:2], *(1,) * (inputs.ndim - 2), -1)
    if len(masks) == 1:
        return linear(inputs * masks[0], weights.weight_ih, bias)
    kernels = weights.weight_ih.chunk(len(masks))
    gates = [linear(inputs * mask, kernel) for mask, kernel in zip(masks, kernels, strict=True)]
    projected = torch.cat(gates, dim=-1)
    return projected if bias is None else projected + bias


def lstm_step(
    projected: Tensor, state: LSTMState, weight_hh: Tensor, options: SequenceOptions, bias: Tensor | None = None
) -> LSTMState:
    """The state after one step.

    Args:
        projected: (batch, 4 * units), what the input and the bias contribute to the gates: see :func:`project`.
        state: before the step.
        weight_hh: (4 * units, units)
        options: its activations and recurrent dropout are used. Dropout touches the hidden state only where it enters
            the gates, never the state that is carried on.
        bias: (4 * units,), if it is not in ``projected``, to be added last.
    """
    if options.recurrent_dropout is None:
        recurrent = linear(state.hidden, weight_hh)
    else:
        recurrent = torch.cat(((state.hidden * options.recurrent_dropout) @ per_gate(weight_hh).mT).unbind(0), dim=-1)
    gates = projected + recurrent
    return next_state(split_gates(gates if bias is None else gates + bias), state, options)


def next_state(gates: tuple[Tensor, Tensor, Tensor, Tensor], state: LSTMState, options: SequenceOptions) -> LSTMState:
    """The state after one step, given what inputs, hidden state and bias contribute to each gate."""
    i, f, g, o = gates
    gate, activation = options.recurrent_activation, options.activation
    cell = gate(f) * state.cell + gate(i) * activation(g)
    return LSTMState(gate(o) * activation(cell), cell)
