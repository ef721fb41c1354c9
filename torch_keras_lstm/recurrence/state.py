"""The two tensors that an LSTM carries from step to step."""

from typing import NamedTuple

from torch import Tensor


class LSTMState(NamedTuple):
    """Hidden state h and cell state c, in the order in which Keras takes and returns them.

    Attributes:
        hidden: (batch, units)
        cell: (batch, units)
    """

    hidden: Tensor
    cell: Tensor
