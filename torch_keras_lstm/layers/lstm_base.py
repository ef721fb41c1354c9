"""What ``LSTM`` and ``LSTMCell`` share beyond other cells: the forget gate's bias."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

from torch_keras_lstm.half_precision import is_keras_half
from torch_keras_lstm.layers.recurrent_cell import GatedCell
from torch_keras_lstm.layers.weight import Initializer, draw
from torch_keras_lstm.recurrence import KerasLSTMWeights, LSTMState, SequenceOptions, lstm_step, project
from torch_keras_lstm.recurrence.gates import GATES, open_forget_gate
from torch_keras_lstm.recurrence.half_steps import CellStep
from torch_keras_lstm.recurrence.scan import States, Stepped


class LSTMBase(GatedCell):
    """The arguments and weights of an LSTM cell; see :class:`torch_keras_lstm.layers.LSTM` for the arguments."""

    gates = len(GATES)

    def __init__(self, *, unit_forget_bias: bool, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.unit_forget_bias = unit_forget_bias
        self.declare_weights(partial(draw_open_bias, self.bias_initializer) if unit_forget_bias else None)

    def sequence_weights(self) -> KerasLSTMWeights:
        """The weights as the recurrence takes them."""
        return KerasLSTMWeights(*self.torch_weights())

    def step_with(self, weights: Any, options: SequenceOptions) -> CellStep:
        """As :meth:`RecurrentCell.step_with`."""
        # Keras adds the bias after the hidden state's part, which in half precision is another number.
        last = self.implementation == 2 and is_keras_half()
        bias = weights.bias if last else None

        def step(now: Tensor, states: States) -> Stepped:
            projected = project(now, weights, options.input_dropout, with_bias=not last)
            new = lstm_step(projected, LSTMState(*states), weights.weight_hh, options, bias)
            return new.hidden, new

        return step

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments under Keras 3's names."""
        return {**super().get_config(), "unit_forget_bias": self.unit_forget_bias}


def draw_open_bias(
    initializer: Initializer,
    shape: Sequence[int],
    dtype: torch.dtype = torch.float32,
    device: torch.device | str | None = None,
) -> Tensor:
    """A bias whose forget gate is open."""
    return open_forget_gate(partial(draw, initializer), shape, dtype=dtype, device=device)
