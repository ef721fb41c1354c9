"""``keras.layers.SimpleRNN``, on torch's kernels where they compute it."""

from typing import SupportsIndex, Unpack

from torch_keras_lstm.layers.cell_layer import CellLayer
from torch_keras_lstm.layers.layer import CommonArguments
from torch_keras_lstm.layers.serialization import register
from torch_keras_lstm.layers.simple_rnn_base import SimpleRNNBase
from torch_keras_lstm.recurrence.simple_rnn import SIMPLE_RNN_BACKENDS, SIMPLE_RNN_OPERATOR


@register("keras.layers")
class SimpleRNN(CellLayer, SimpleRNNBase):
    """The fully connected recurrence ``h = activation(x @ kernel + h @ recurrent_kernel + bias)`` over a sequence.

    It has the arguments, the call and the numbers of ``keras.layers.SimpleRNN``; the ``state_dict`` fits
    ``torch.nn.RNN``, whose kernels run it when the activation is tanh or relu.

    Args:
        units: width of the output and of the state.
        activation: a Keras name, a callable, or ``None`` for linear.
        use_bias: whether there is a bias.
        kernel_initializer, recurrent_initializer, bias_initializer: Keras' names, configurations or objects.
        kernel_regularizer, recurrent_regularizer, bias_regularizer: their terms are in ``losses``.
        activity_regularizer: called with the output; its term, divided by the batch size, is in ``losses``.
        kernel_constraint, recurrent_constraint, bias_constraint: applied by ``apply_constraints()``.
        dropout: rate in [0, 1] at which inputs are dropped in training, the same ones at every step.
        recurrent_dropout: rate at which hidden states are dropped before the recurrent kernel.
        seed: of a generator of this layer's own for dropout; by default torch's global one is used.
        return_sequences: return the outputs of all steps instead of the last one.
        return_state: return the final state after the output.
        go_backwards: run from the last step to the first; the outputs stay in the order of processing.
        stateful: start each call from the final state of the one before, until ``reset_state()``.
        unroll: accepted for Keras' sake; it changes no number.
        zero_output_for_mask: zeros at masked steps instead of the last output before them.
        recompute: in training, keep the states alone, and compute once more on the way back what else it needs, a few
            steps at a time: it takes longer, less memory, and gives the same numbers to the last bit. It counts where
            the kernels in C run the steps.
        input_size: the number of features, to build the layer at once, as in ``torch.nn.RNN``.
        **kwargs: the arguments of every layer; see :class:`Layer`.

    Example:
        >>> layer = SimpleRNN(1, activation="linear", kernel_initializer="ones", recurrent_initializer="ones")
        >>> layer(torch.tensor([[[1.0], [2.0], [4.0]]])).item()
        7.0
    """

    weight_scope = "simple_rnn_cell"
    backends = SIMPLE_RNN_BACKENDS
    operator = SIMPLE_RNN_OPERATOR

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
        *,
        zero_output_for_mask: bool = False,
        recompute: bool = False,
        input_size: int | None = None,
        **kwargs: Unpack[CommonArguments],
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
            recompute=recompute,
            input_size=input_size,
            **kwargs,
        )

    @property
    def state_sizes(self) -> tuple[int]:
        """The hidden state is ``units`` wide."""
        return (self.units,)
