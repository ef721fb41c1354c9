"""What ``SimpleRNN`` and ``SimpleRNNCell`` share."""

from typing import Any

from torch_keras_lstm.layers.recurrent_cell import RecurrentCell
from torch_keras_lstm.recurrence import SingleStateWeights


class SimpleRNNBase(RecurrentCell):
    """The arguments and weights of a cell without gates; see :class:`torch_keras_lstm.layers.SimpleRNN`."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.declare_weights()

    def sequence_weights(self) -> SingleStateWeights:
        """The weights as the recurrence takes them."""
        return SingleStateWeights(*self.torch_weights())
