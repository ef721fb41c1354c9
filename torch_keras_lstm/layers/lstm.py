"""``keras.layers.LSTM`` on torch's fused kernels."""

from collections.abc import Sequence
from typing import Any, Self, SupportsIndex, Unpack

from torch import nn

from torch_keras_lstm.layers.cell_layer import CellLayer
from torch_keras_lstm.layers.layer import CommonArguments
from torch_keras_lstm.layers.lstm_base import LSTMBase
from torch_keras_lstm.layers.serialization import register
from torch_keras_lstm.recurrence import (
    LSTMOptions,
    LSTMState,
    LSTMWeights,
    Path,
    UseCudnn,
    choose,
    run_lstm,
    why_loop_is_faster,
    why_not_fused,
)
from torch_keras_lstm.recurrence.fused import flatten_for_cudnn


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
            input_size=input_size,
            **kwargs,
        )

    @property
    def state_sizes(self) -> tuple[int, int]:
        """Hidden and cell state are ``units`` wide."""
        return self.units, self.units

    def forward(
        self,
        inputs: Any,
        mask: Any = None,
        initial_state: Sequence[Any] | None = None,
        training: bool | None = None,
    ) -> Any:
        """Run the sequence.

        Args:
            inputs: (batch, time, features), floating; cast to the layer's dtype.
            mask: (batch, time), boolean, ``True`` where a step counts. Any pattern. A masked step leaves the states
                as they are and repeats the output before it, zeros before the first unmasked one.
            initial_state: hidden and cell state before the first step, (batch, units) each; zeros by default.
            training: whether dropout is active; ``None`` means ``self.training``.

        Returns:
            The last output (batch, units), or all outputs (batch, time, units) with ``return_sequences``; with
            ``return_state`` a tuple of that, the final hidden state and the final cell state, (batch, units) each.

        Raises:
            ValueError: when an argument has the wrong rank, size or type; see the messages.
        """
        training = self.training if training is None else training
        inputs = self.prepare(inputs)
        mask = self.check_mask(mask, inputs)
        state = LSTMState(*self.starting_states(inputs, initial_state))
        path = self.path_for(inputs, mask, training)
        input_dropout, recurrent_dropout = self.draw_dropout(inputs, training)
        options = LSTMOptions(
            activation=self.activation,
            recurrent_activation=self.recurrent_activation,
            go_backwards=self.go_backwards,
            return_sequences=self.return_sequences,
            return_state=self.return_state or self.stateful,
            zero_output_for_mask=self.zero_output_for_mask,
            hold_initial_state=self.hold_initial_state,
            input_dropout=input_dropout,
            recurrent_dropout=recurrent_dropout,
        )
        weights = self.lstm_weights()
        if path.name == "loop":
            weights = LSTMWeights(*weights[:3])  # the second bias is zeros, which only torch's kernels ask for
        return self.deliver(*run_lstm(inputs, state, weights, mask, options, path))

    def path_for(self, inputs: Any, mask: Any = None, training: bool | None = None) -> Path:
        """Which path a call with these arguments would take, and why not the fused one.

        Args:
            inputs: as for the call; all that counts is whether there is one step. ``None`` stands for many.
            mask: as for the call; all that counts is whether there is one.
        """
        reason = self.why_not_fused(self.training if training is None else training)
        if reason is not None or self.use_cudnn != "auto":
            return choose(reason, self.use_cudnn)
        faster = why_loop_is_faster(
            self._placement,
            self.activation,
            self.recurrent_activation,
            self.units,
            masked=mask is not None,
            one_step=inputs is not None and inputs.shape[1] == 1,
        )
        return choose(None, "auto", faster)

    def why_not_fused(self, training: bool) -> str | None:
        """What keeps a call from the kernels of ``torch.nn.LSTM``; ``None`` when nothing does."""
        input_dropout, recurrent_dropout = self.dropout_counts(training)
        return why_not_fused(
            self.activation,
            self.recurrent_activation,
            input_dropout=input_dropout,
            recurrent_dropout=recurrent_dropout,
        )

    @property
    def states(self) -> LSTMState | None:
        """What a stateful layer starts its next call from, detached; ``None`` when that is zeros."""
        kept = self.kept_states()
        return None if kept is None else LSTMState(*kept)

    def on_new_storage(self) -> None:
        """Lay the weights out for cuDNN."""
        if self.built:
            flatten_for_cudnn(self.lstm_weights())

    def to_torch(self) -> nn.LSTM:
        """A ``torch.nn.LSTM(batch_first=True)`` with copies of these weights, which gives the same outputs without a
        mask.

        Raises:
            ValueError: when the layer is not built, or computes what ``torch.nn.LSTM`` cannot.
        """
        if not self.built:
            raise ValueError(f"Layer `{self.name}` has no weights yet: call it once, or `build(input_shape)`, first.")
        reason = why_not_fused(self.activation, self.recurrent_activation)
        if self.go_backwards:
            reason = "torch.nn.LSTM has no `go_backwards`: flip the inputs in time"
        if reason is not None:
            raise ValueError(f"Layer `{self.name}` cannot become a torch.nn.LSTM: {reason}.")
        assert self.input_size is not None
        lstm = nn.LSTM(
            self.input_size, self.units, bias=self.use_bias, batch_first=True, dtype=self._dtype, device=self.device
        )
        lstm.load_state_dict({name: getattr(self, name) for name in lstm.state_dict()})
        return lstm.train(self.training)

    @classmethod
    def from_torch(cls, lstm: nn.LSTM, **kwargs: Any) -> Self:
        """A layer with copies of the weights of a ``torch.nn.LSTM`` of one layer and one direction.

        Args:
            lstm: its two biases become their sum. ``batch_first`` is not kept: this layer takes (batch, time,
                features).
            **kwargs: arguments of the layer; ``return_sequences`` is ``True`` unless given, as torch returns all
                outputs.

        Raises:
            ValueError: when it has several layers, two directions or a projection.
        """
        if lstm.num_layers != 1 or lstm.bidirectional or lstm.proj_size:
            raise ValueError(
                "`from_torch` takes a torch.nn.LSTM of one layer and one direction without projection, got "
                f"num_layers={lstm.num_layers}, bidirectional={lstm.bidirectional}, proj_size={lstm.proj_size}."
            )
        weight = next(lstm.parameters())
        arguments = {"use_bias": lstm.bias, "return_sequences": True, "dtype": weight.dtype, **kwargs}
        with weight.device:
            layer = cls(lstm.hidden_size, input_size=lstm.input_size, **arguments)
        layer.load_state_dict(lstm.state_dict())
        return layer.train(lstm.training)
