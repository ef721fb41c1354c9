"""``keras.layers.LSTMCell``: one step of an LSTM, to be run over time by :class:`torch_keras_lstm.layers.RNN`."""

from typing import SupportsIndex, Unpack

from torch import Tensor

from torch_keras_lstm.layers.cell_call import CellStep
from torch_keras_lstm.layers.layer import LayerArguments
from torch_keras_lstm.layers.lstm_base import LSTMBase
from torch_keras_lstm.layers.serialization import register
from torch_keras_lstm.layers.single_step import SingleStep
from torch_keras_lstm.recurrence import SequenceOptions


@register("keras.layers")
class LSTMCell(SingleStep, LSTMBase):
    """One step of long short-term memory, with the arguments and the numbers of ``keras.layers.LSTMCell``.

    A call takes (batch, features) and the list of hidden and cell state, (batch, units) each, and gives the output and
    the new states. The ``state_dict`` fits ``torch.nn.LSTMCell``.

    Args:
        units: width of the output and of both states.
        activation: of the candidate and of the output; a Keras name, a callable, or ``None`` for linear.
        recurrent_activation: of the three gates.
        use_bias: whether there is a bias.
        kernel_initializer: draws the (features, 4 * units) kernel; name, configuration or object.
        recurrent_initializer: draws the (units, 4 * units) recurrent kernel.
        bias_initializer: draws the bias, but for the forget gate's part with ``unit_forget_bias``.
        unit_forget_bias: the forget gate's bias starts at 1.
        kernel_regularizer, recurrent_regularizer, bias_regularizer: their terms are in ``losses``.
        kernel_constraint, recurrent_constraint, bias_constraint: applied by ``apply_constraints()``.
        dropout: rate in [0, 1] at which inputs are dropped in training.
        recurrent_dropout: rate at which hidden states are dropped where they enter the gates.
        seed: of a generator of this cell's own for dropout; by default torch's global one is used.
        implementation: 1 draws a dropout mask for each gate, 2 one for all; with recurrent dropout it is always 1.
        input_size: the number of features, to build the cell at once, as in ``torch.nn.LSTMCell``.
        **kwargs: the arguments of every layer; see :class:`Layer`.

    Example:
        >>> cell = LSTMCell(16)
        >>> states = [torch.zeros(5, 16), torch.zeros(5, 16)]
        >>> for step in torch.randn(10, 5, 8):
        ...     output, states = cell(step, states)
        >>> output.shape, output is states[0]
        (torch.Size([5, 16]), True)
        >>> RNN(cell)(torch.randn(5, 10, 8)).shape
        torch.Size([5, 16])
    """

    def __init__(
        self,
        units: SupportsIndex,
        activation: object = "tanh",
        recurrent_activation: object = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: object = "glorot_uniform",
        recurrent_initializer: object = "orthogonal",
        bias_initializer: object = "zeros",
        unit_forget_bias: bool = True,
        kernel_regularizer: object = None,
        recurrent_regularizer: object = None,
        bias_regularizer: object = None,
        kernel_constraint: object = None,
        recurrent_constraint: object = None,
        bias_constraint: object = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        *,
        implementation: int = 2,
        input_size: int | None = None,
        **kwargs: Unpack[LayerArguments],
    ) -> None:
        super().__init__(
            units=units,
            activation=activation,
            recurrent_activation=recurrent_activation,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            recurrent_initializer=recurrent_initializer,
            bias_initializer=bias_initializer,
            unit_forget_bias=unit_forget_bias,
            kernel_regularizer=kernel_regularizer,
            recurrent_regularizer=recurrent_regularizer,
            bias_regularizer=bias_regularizer,
            kernel_constraint=kernel_constraint,
            recurrent_constraint=recurrent_constraint,
            bias_constraint=bias_constraint,
            dropout=dropout,
            recurrent_dropout=recurrent_dropout,
            seed=seed,
            implementation=implementation,
            **kwargs,
        )
        if input_size is not None:
            self.build_at_once((None, input_size))
        self.build_if_shape_is_known()

    @property
    def state_size(self) -> list[int]:
        """Widths of the hidden and the cell state."""
        return [self.units, self.units]

    def step_for(self, inputs: Tensor, training: bool) -> CellStep:
        """As :meth:`SingleStep.step_for`."""
        input_dropout, recurrent_dropout = self.draw_dropout(inputs, training)
        options = SequenceOptions(
            activation=self.activation,
            recurrent_activation=self.recurrent_activation,
            input_dropout=input_dropout,
            recurrent_dropout=recurrent_dropout,
        )
        return self.step_for_options(options, inputs.dtype)
