"""What ``SimpleRNN`` and ``SimpleRNNCell`` share."""

from typing import Any

from torch import Tensor

from torch_keras_lstm.layers.recurrent_cell import RecurrentCell
from torch_keras_lstm.recurrence import SequenceOptions, SingleStateWeights, project
from torch_keras_lstm.recurrence.half_steps import CellStep
from torch_keras_lstm.recurrence.scan import States, Stepped
from torch_keras_lstm.recurrence.simple_rnn import simple_rnn_step


class SimpleRNNBase(RecurrentCell):
    """The arguments and weights of a cell without gates; see :class:`torch_keras_lstm.layers.SimpleRNN`."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.declare_weights()

    def sequence_weights(self) -> SingleStateWeights:
        """The weights as the recurrence takes them."""
        return SingleStateWeights(*self.torch_weights())

    def step_with(self, weights: Any, options: SequenceOptions) -> CellStep:
        """As :meth:`RecurrentCell.step_with`."""

        def step(now: Tensor, states: States) -> Stepped:
            new = simple_rnn_step(project(now, weights, options.input_dropout), states[0], weights, options)
            return new, (new,)

        return step
