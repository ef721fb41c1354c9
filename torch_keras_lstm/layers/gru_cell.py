"""``keras.layers.GRUCell``: one step of a GRU, to be run over time by :class:`torch_keras_lstm.layers.RNN`."""

from typing import SupportsIndex, Unpack

from torch import Tensor

from torch_keras_lstm.layers.cell_call import CellStep
from torch_keras_lstm.layers.gru_base import GRUBase
from torch_keras_lstm.layers.layer import LayerArguments
from torch_keras_lstm.layers.serialization import register
from torch_keras_lstm.layers.single_step import SingleStep
from torch_keras_lstm.recurrence.gru import GRUOptions


@register("keras.layers")
class GRUCell(SingleStep, GRUBase):
    """One step of a gated recurrent unit, with the arguments and the numbers of ``keras.layers.GRUCell``.

    A call takes (batch, features) and the list of the state, (batch, units), and gives the output and the new states.
    The ``state_dict`` fits ``torch.nn.GRUCell``.

    Args:
        units: width of the output and of the state.
        activation: of the candidate; a Keras name, a callable, or ``None`` for linear.
        recurrent_activation: of the update and the reset gate.
        use_bias: whether there is a bias.
        kernel_initializer: draws the (features, 3 * units) kernel; name, configuration or object.
        recurrent_initializer: draws the (units, 3 * units) recurrent kernel.
        bias_initializer: draws the bias, (2, 3 * units) with ``reset_after``, else (3 * units,).
        kernel_regularizer, recurrent_regularizer, bias_regularizer: their terms are in ``losses``.
        kernel_constraint, recurrent_constraint, bias_constraint: applied by ``apply_constraints()``.
        dropout: rate in [0, 1] at which inputs are dropped in training.
        recurrent_dropout: rate at which hidden states are dropped where they enter the gates.
        reset_after: whether the reset gate comes after the product with the recurrent kernel, as in cuDNN and by
            default since Keras 3 and TensorFlow 2, or before it, as in older files.
        seed: of a generator of this cell's own for dropout; by default torch's global one is used.
        implementation: 1 draws a dropout mask for each gate, 2 one for all; with recurrent dropout it is always 1.
        input_size: the number of features, to build the cell at once, as in ``torch.nn.GRUCell``.
        **kwargs: the arguments of every layer; see :class:`Layer`.

    Example:
        >>> cell = GRUCell(16)
        >>> state = torch.zeros(5, 16)
        >>> for step in torch.randn(10, 5, 8):
        ...     output, [state] = cell(step, [state])
        >>> output.shape, output is state
        (torch.Size([5, 16]), True)
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
        kernel_regularizer: object = None,
        recurrent_regularizer: object = None,
        bias_regularizer: object = None,
        kernel_constraint: object = None,
        recurrent_constraint: object = None,
        bias_constraint: object = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        reset_after: bool = True,
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
            kernel_regularizer=kernel_regularizer,
            recurrent_regularizer=recurrent_regularizer,
            bias_regularizer=bias_regularizer,
            kernel_constraint=kernel_constraint,
            recurrent_constraint=recurrent_constraint,
            bias_constraint=bias_constraint,
            dropout=dropout,
            recurrent_dropout=recurrent_dropout,
            reset_after=reset_after,
            seed=seed,
            implementation=implementation,
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
        options = GRUOptions(
            activation=self.activation,
            recurrent_activation=self.recurrent_activation,
            input_dropout=input_dropout,
            recurrent_dropout=recurrent_dropout,
            reset_after=self.reset_after,
        )
        return self.step_for_options(options, inputs.dtype)
