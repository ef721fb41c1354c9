"""``keras.layers.SimpleRNNCell``: one step, to be run over time by :class:`torch_keras_lstm.layers.RNN`."""

from typing import SupportsIndex, Unpack

from torch import Tensor

from torch_keras_lstm.layers.cell_call import CellStep
from torch_keras_lstm.layers.layer import LayerArguments
from torch_keras_lstm.layers.serialization import register
from torch_keras_lstm.layers.simple_rnn_base import SimpleRNNBase
from torch_keras_lstm.layers.single_step import SingleStep
from torch_keras_lstm.recurrence import SequenceOptions


@register("keras.layers")
class SimpleRNNCell(SingleStep, SimpleRNNBase):
    """One step of the fully connected recurrence, with the arguments and numbers of ``keras.layers.SimpleRNNCell``.

    A call takes (batch, features) and the list of the state, (batch, units), and gives the output and the new states.
    The ``state_dict`` fits ``torch.nn.RNNCell``.

    Args:
        units: width of the output and of the state.
        activation: a Keras name, a callable, or ``None`` for linear.
        use_bias: whether there is a bias.
        kernel_initializer: draws the (features, units) kernel; name, configuration or object.
        recurrent_initializer: draws the (units, units) recurrent kernel.
        bias_initializer: draws the bias.
        kernel_regularizer, recurrent_regularizer, bias_regularizer: their terms are in ``losses``.
        kernel_constraint, recurrent_constraint, bias_constraint: applied by ``apply_constraints()``.
        dropout: rate in [0, 1] at which inputs are dropped in training.
        recurrent_dropout: rate at which hidden states are dropped before the recurrent kernel.
        seed: of a generator of this cell's own for dropout; by default torch's global one is used.
        input_size: the number of features, to build the cell at once, as in ``torch.nn.RNNCell``.
        **kwargs: the arguments of every layer; see :class:`Layer`.

    Example:
        >>> cell = SimpleRNNCell(6, activation="relu")
        >>> output, [state] = cell(torch.randn(5, 8), [torch.zeros(5, 6)])
        >>> output.shape, output is state
        (torch.Size([5, 6]), True)
    """

    def __init__(
        self,
        units: SupportsIndex,
        activation: object = "tanh",
        use_bias: bool = True,
        kernel_initializer: object = "glorot_uniform",
        recurrent_initializer: object = "orthogonal",
        bias_initializer: object = "zeros",
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
        input_size: int | None = None,
        **kwargs: Unpack[LayerArguments],
    ) -> None:
        super().__init__(
            units=units,
            activation=activation,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            recurrent_initializer=recurrent_initializer,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer,
            recurrent_regularizer=recurrent_regularizer,
            bias_regularizer=bias_regularizer,
            kernel_constraint=kernel_constraint,
            recurrent_constraint=recurrent_constraint,
            bias_constraint=bias_constraint,
            dropout=dropout,
            recurrent_dropout=recurrent_dropout,
            seed=seed,
            **kwargs,
        )
        if input_size is not None:
            self.build_at_once((None, input_size))
        self.build_if_shape_is_known()

    @property
    def state_size(self) -> int:
        """Width of the hidden state."""
        return self.units

    def step_for(self, inputs: Tensor, training: bool) -> CellStep:
        """As :meth:`SingleStep.step_for`."""
        input_dropout, recurrent_dropout = self.draw_dropout(inputs, training)
        options = SequenceOptions(
            activation=self.activation, input_dropout=input_dropout, recurrent_dropout=recurrent_dropout
        )
        return self.step_for_options(options, inputs.dtype)
