"""The LSTM in NumPy, float64, as the paper writes it: each row's unmasked steps alone, one after the other."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from torch_keras_lstm.recurrence import LSTMState, LSTMWeights

Array = NDArray[np.float64]


class Draw(NamedTuple):
    """One random problem in float64."""

    inputs: torch.Tensor
    state: LSTMState
    weights: LSTMWeights


def draw_lstm(batch: int, time: int, features: int, units: int, *, seed: int = 0, use_bias: bool = True) -> Draw:
    """Inputs, a state before the first step and weights in torch's layout, all random."""
    rng = np.random.default_rng(seed)

    def normal(*shape: int) -> torch.Tensor:
        return torch.tensor(rng.normal(scale=0.8, size=shape))

    weights = LSTMWeights(normal(4 * units, features), normal(4 * units, units))
    if use_bias:
        weights = weights._replace(bias_ih=normal(4 * units), bias_hh=normal(4 * units))
    return Draw(normal(batch, time, features), LSTMState(normal(batch, units), normal(batch, units)), weights)


def sigmoid(values: Array) -> Array:
    return 1 / (1 + np.exp(-values))


def numpy_lstm(
    draw: Draw,
    mask: NDArray[np.bool_] | None = None,
    *,
    go_backwards: bool = False,
    return_sequences: bool = True,
    zero_output_for_mask: bool = False,
    activation: Callable[[Array], Array] = np.tanh,
    recurrent_activation: Callable[[Array], Array] = sigmoid,
) -> tuple[Array, Array, Array]:
    """The outputs, the final hidden and the final cell state."""
    inputs, weights = draw.inputs.numpy(), draw.weights
    bias = 0.0 if weights.bias_ih is None or weights.bias_hh is None else (weights.bias_ih + weights.bias_hh).numpy()
    rows = []
    for row, steps in enumerate(inputs):
        hidden, cell = draw.state.hidden[row].numpy(), draw.state.cell[row].numpy()
        output = np.zeros_like(hidden)
        outputs = []
        for time in reversed(range(len(steps))) if go_backwards else range(len(steps)):
            if mask is None or mask[row, time]:
                gates = weights.weight_ih.numpy() @ steps[time] + weights.weight_hh.numpy() @ hidden + bias
                i, f, g, o = np.split(gates, 4)
                cell = recurrent_activation(f) * cell + recurrent_activation(i) * activation(g)
                output = hidden = recurrent_activation(o) * activation(cell)
                outputs.append(output)
            else:
                outputs.append(np.zeros_like(hidden) if zero_output_for_mask else output)
        rows.append((np.stack(outputs) if return_sequences else outputs[-1], hidden, cell))
    return np.stack([row[0] for row in rows]), np.stack([row[1] for row in rows]), np.stack([row[2] for row in rows])
