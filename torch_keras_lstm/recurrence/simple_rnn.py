"""One time step of the simple recurrent cell."""

from torch import Tensor
from torch.nn.functional import linear

from torch_keras_lstm.recurrence.hidden_only import HiddenOnlyWeights
from torch_keras_lstm.recurrence.options import LSTMOptions


def simple_rnn_step(projected: Tensor, hidden: Tensor, weights: HiddenOnlyWeights, options: LSTMOptions) -> Tensor:
    """The hidden state after one step.

    Args:
        projected: (batch, units), what the input and the bias contribute.
        hidden: (batch, units), before the step.
        weights: in torch's layout.
        options: its activation and recurrent dropout, (1, batch, units), are used.
    """
    if options.recurrent_dropout is not None:
        hidden = hidden * options.recurrent_dropout[0]
    return options.activation(projected + linear(hidden, weights.weight_hh))
