"""What ``SimpleRNN`` and ``SimpleRNNCell`` share."""

from typing import Any

from torch_keras_lstm.layers.recurrent_cell import RecurrentCell
from torch_keras_lstm.recurrence.hidden_only import HiddenOnlyWeights


class SimpleRNNBase(RecurrentCell):
    """The arguments and weights of a cell without gates; see :class:`torch_keras_lstm.layers.SimpleRNN`."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.declare_weights()

    def simple_rnn_weights(self) -> HiddenOnlyWeights:
        """The weights as the recurrence takes them."""
        return HiddenOnlyWeights(*self.torch_weights())
