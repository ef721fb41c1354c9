"""``keras.layers.GRU``, on torch's kernels where they compute it."""

from typing import SupportsIndex, Unpack

from torch_keras_lstm.layers.cell_layer import CellLayer
from torch_keras_lstm.layers.gru_base import GRUBase
from torch_keras_lstm.layers.layer import CommonArguments
from torch_keras_lstm.layers.serialization import register
from torch_keras_lstm.recurrence import UseCudnn
from torch_keras_lstm.recurrence.gru import GRU_BACKENDS, GRU_OPERATOR, GRUOptions


@register("keras.layers")
class GRU(CellLayer, GRUBase):
    """A gated recurrent unit over a sequence, with the arguments, the call and the numbers of ``keras.layers.GRU``.

    The ``state_dict`` fits ``torch.nn.GRU``, whose order of gates the parameters have; ``get_weights`` and
    ``set_weights`` speak Keras'. Only ``reset_after=True`` is what torch computes; ``False`` runs step by step, its one
    bias in ``bias_ih_l0``.

    Args:
        units: width of the output and of the state.
        activation: of the candidate; a Keras name, a callable, or ``None`` for linear.
        recurrent_activation: of the update and the reset gate.
        use_bias: whether there is a bias.
        kernel_initializer: draws the (features, 3 * units) kernel as a whole; name, configuration or object.
        recurrent_initializer: draws the (units, 3 * units) recurrent kernel as a whole.
        bias_initializer: draws the bias, (2, 3 * units) with ``reset_after``, else (3 * units,).
        kernel_regularizer, recurrent_regularizer, bias_regularizer: their terms are in ``losses``.
        activity_regularizer: called with the output; its term, divided by the batch size, is in ``losses``.
        kernel_constraint, recurrent_constraint, bias_constraint: applied by ``apply_constraints()``.
        dropout: rate in [0, 1] at which inputs are dropped in training, the same ones at every step.
        recurrent_dropout: rate at which hidden states are dropped where they enter the gates.
        seed: of a generator of this layer's own for dropout; by default torch's global one is used.
        return_sequences: return the outputs of all steps instead of the last one.
        return_state: return the final state after the output.
        go_backwards: run from the last step to the first; the outputs stay in the order of processing.
        stateful: start each call from the final state of the one before, until ``reset_state()``.
        unroll: accepted for Keras' sake; it changes no number.
        reset_after: whether the reset gate comes after the product with the recurrent kernel, as in cuDNN and by
            default since Keras 3 and TensorFlow 2, or before it, as in older files.
        use_cudnn: 'auto' takes the fused kernels whenever they can compute this configuration, ``False`` never,
            ``True`` raises a ``ValueError`` when they cannot.
        zero_output_for_mask: zeros at masked steps instead of the last output before them.
        implementation: 1 draws a dropout mask for each gate, 2 one for all; with recurrent dropout it is always 1.
        recompute: in training, keep the states alone, and compute once more on the way back what else it needs, a few
            steps at a time: a third of the time more for half of the memory, and the same numbers to the last bit.
            It counts where the kernels in C run the steps.
        input_size: the number of features, to build the layer at once, as in ``torch.nn.GRU``. Keras' ``input_shape``,
            (time, features), does the same. Without either it is built by the first call.
        **kwargs: the arguments of every layer; see :class:`Layer`.

    Example:
        >>> layer = GRU(16, return_sequences=True, return_state=True)
        >>> mask = torch.arange(10) < torch.tensor([[4], [10], [0]])
        >>> outputs, state = layer(torch.randn(3, 10, 8), mask=mask)
        >>> outputs.shape, state.shape
        (torch.Size([3, 10, 16]), torch.Size([3, 16]))
        >>> outputs[0, -1].equal(outputs[0, 3])  # a masked step repeats the output before it
        True
    """

    weight_scope = "gru_cell"
    backends = GRU_BACKENDS
    operator = GRU_OPERATOR
    options_class = GRUOptions

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
        reset_after: bool = True,
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
            reset_after=reset_after,
            zero_output_for_mask=zero_output_for_mask,
            implementation=implementation,
            use_cudnn=use_cudnn,
            recompute=recompute,
            input_size=input_size,
            **kwargs,
        )

    @property
    def state_sizes(self) -> tuple[int]:
        """The hidden state is ``units`` wide."""
        return (self.units,)
