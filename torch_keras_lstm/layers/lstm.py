"""``keras.layers.LSTM``, on the fastest backend that can compute it."""

from typing import SupportsIndex, Unpack

from torch import Tensor

from torch_keras_lstm.layers.cell_layer import CellLayer
from torch_keras_lstm.layers.layer import CommonArguments
from torch_keras_lstm.layers.lstm_base import LSTMBase
from torch_keras_lstm.layers.serialization import register
from torch_keras_lstm.recurrence import LSTM_BACKENDS, LSTMState, SequenceOptions, UseCudnn, run_lstm


@register("keras.layers")
class LSTM(CellLayer, LSTMBase):
    """Long short-term memory over a sequence, with the arguments, the call and the numbers of ``keras.layers.LSTM``.

    Args:
        units: width of the output and of both states.
        activation: of the candidate and of the output; a Keras name, a callable, or ``None`` for linear.
        recurrent_activation: of the three gates.
        use_bias: whether there is a bias.
        kernel_initializer: draws the (features, 4 * units) kernel as a whole; name, configuration or object.
        recurrent_initializer: draws the (units, 4 * units) recurrent kernel as a whole.
        bias_initializer: draws the bias, but for the forget gate's part with ``unit_forget_bias``.
        unit_forget_bias: the forget gate's bias starts at 1.
        kernel_regularizer, recurrent_regularizer, bias_regularizer: their terms are in ``losses``.
        activity_regularizer: called with the output; its term, divided by the batch size, is in ``losses``.
        kernel_constraint, recurrent_constraint, bias_constraint: applied by ``apply_constraints()``.
        dropout: rate in [0, 1] at which inputs are dropped in training, the same ones at every step.
        recurrent_dropout: rate at which hidden states are dropped where they enter the gates.
        seed: of a generator of this layer's own for dropout; by default torch's global one is used.
        return_sequences: return the outputs of all steps instead of the last one.
        return_state: return the final hidden and cell state after the output.
        go_backwards: run from the last step to the first; the outputs stay in the order of processing.
        stateful: start each call from the final states of the one before, until ``reset_state()``.
        unroll: accepted for Keras' sake; it changes no number.
        use_cudnn: 'auto' takes the fused kernels of torch where they can compute this configuration and nothing is
            faster, ``False`` never, ``True`` raises a ``ValueError`` when they cannot.
        zero_output_for_mask: zeros at masked steps instead of the last output before them.
        implementation: 1 draws a dropout mask for each gate, 2 one for all; with recurrent dropout it is always 1.
        recompute: in training, keep the states alone, and compute once more on the way back what else it needs, a few
            steps at a time: a third of the time more for half of the memory, and the same numbers to the last bit.
            It counts where the kernels in C run the steps.
        input_size: the number of features, to build the layer at once, as in ``torch.nn.LSTM``. Keras' ``input_shape``,
            (time, features), does the same. Without either it is built by the first call.
        **kwargs: the arguments of every layer; see :class:`Layer`.

    Example:
        >>> layer = LSTM(50, input_size=8, return_sequences=True, return_state=True)
        >>> output, hidden, cell = layer(torch.randn(5, 10, 8))
        >>> output.shape, hidden.shape, cell.shape
        (torch.Size([5, 10, 50]), torch.Size([5, 50]), torch.Size([5, 50]))
    """

    weight_scope = "lstm_cell"
    backends = LSTM_BACKENDS

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
        activity_regularizer: object = None,
        kernel_constraint: object = None,
        recurrent_constraint: object = None,
        bias_constraint: object = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        use_cudnn: UseCudnn = "auto",
        *,
        zero_output_for_mask: bool = False,
        implementation: int = 2,
        recompute: bool = False,
        input_size: int | None = None,
        **kwargs: Unpack[CommonArguments],
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
            activity_regularizer=activity_regularizer,
            kernel_constraint=kernel_constraint,
            recurrent_constraint=recurrent_constraint,
            bias_constraint=bias_constraint,
            dropout=dropout,
            recurrent_dropout=recurrent_dropout,
            seed=seed,
            return_sequences=return_sequences,
            return_state=return_state,
            go_backwards=go_backwards,
            stateful=stateful,
            unroll=unroll,
            zero_output_for_mask=zero_output_for_mask,
            implementation=implementation,
            use_cudnn=use_cudnn,
            recompute=recompute,
            input_size=input_size,
            **kwargs,
        )

    @property
    def state_sizes(self) -> tuple[int, int]:
        """Hidden and cell state are ``units`` wide."""
        return self.units, self.units

    def run_sequence(
        self, inputs: Tensor, state: tuple[Tensor, ...], mask: Tensor | None, options: SequenceOptions
    ) -> tuple[Tensor, LSTMState | None]:
        """As :meth:`CellLayer.run_sequence`."""
        return run_lstm(inputs, LSTMState(*state), self.sequence_weights(), mask, options, self.use_cudnn)

    @property
    def states(self) -> LSTMState | None:
        """What a stateful layer starts its next call from, detached; ``None`` when that is zeros."""
        kept = self.kept_states()
        return None if kept is None else LSTMState(*kept)
