"""``keras.layers.ConvLSTM1D``, ``ConvLSTM2D`` and ``ConvLSTM3D``."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, SupportsIndex, Unpack

import torch
from torch import Tensor, nn

from torch_keras_lstm import activations
from torch_keras_lstm.arguments import positive_integer
from torch_keras_lstm.docstrings import described_as
from torch_keras_lstm.dropout_generator import DropoutGenerator
from torch_keras_lstm.layers.conv_base import ConvBase
from torch_keras_lstm.layers.layer import CommonArguments, Shape
from torch_keras_lstm.layers.lstm_base import draw_open_bias
from torch_keras_lstm.layers.recurrent import RecurrentLayer
from torch_keras_lstm.layers.serialization import register
from torch_keras_lstm.layers.weight_view import KerasWeight
from torch_keras_lstm.recurrence import ConvLSTMWeights, LSTMState, SequenceOptions, Window, conv_lstm
from torch_keras_lstm.recurrence.gates import GATES


class ConvLSTM(RecurrentLayer, ConvBase):
    """An LSTM over a sequence of images, whose products with the kernels are convolutions.

    The inputs are convolved as by :class:`Conv1D` and its like, the hidden state with "same" padding, strides and
    dilation of 1. Torch has no such module; the parameters are ``weight_ih`` and ``weight_hh``, laid out as those of
    its convolutions, and ``bias``.

    Args:
        filters: number of channels of the output and of both states.
        kernel_size: size of both windows, one number or one for each axis of space; so are ``strides`` and
            ``dilation_rate``, which cannot both be above 1.
        padding: "valid" or "same", for the inputs.
        data_format: "channels_last", which ``None`` means too, or "channels_first", (batch, time, channels, *spatial).
        activation: of the candidate and of the output; a Keras name, a callable, or ``None`` for linear.
        recurrent_activation: of the three gates.
        use_bias: whether there is a bias.
        kernel_initializer, recurrent_initializer, bias_initializer: Keras' names, configurations or objects.
        unit_forget_bias: the forget gate's bias starts at 1.
        kernel_regularizer, recurrent_regularizer, bias_regularizer: their terms are in ``losses``.
        activity_regularizer: called with the output; its term, divided by the batch size, is in ``losses``.
        kernel_constraint, recurrent_constraint, bias_constraint: applied by ``apply_constraints()``.
        dropout: rate at which inputs are dropped in training, for each gate others, the same ones at every step.
        recurrent_dropout: rate at which hidden states are dropped where they enter the gates.
        seed: of a generator of this layer's own for dropout; by default torch's global one is used.
        return_sequences: return the outputs of all steps instead of the last one.
        return_state: return the final hidden and cell state after the output.
        go_backwards: run from the last step to the first; the outputs stay in the order of processing.
        stateful: start each call from the final states of the one before, until ``reset_state()``.
        unroll: accepted for Keras' sake; it changes no number.
        zero_output_for_mask: zeros at masked steps instead of the last output before them.
        **kwargs: the arguments of every layer; see :class:`Layer`.

    Raises:
        ValueError: when an argument is out of its range; for inputs with other axes or channels, or with less room
            than a window takes.
    """

    roles = ("kernel", "recurrent", "bias")

    weight_ih: nn.Parameter
    weight_hh: nn.Parameter

    kernel = KerasWeight()
    recurrent_kernel = KerasWeight()
    casts_integers = True

    def __init__(
        self,
        filters: SupportsIndex,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int] = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: int | Sequence[int] = 1,
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
        *,
        unroll: bool = False,
        zero_output_for_mask: bool = False,
        **kwargs: Unpack[CommonArguments],
    ) -> None:
        super().__init__(
            kernel_size=kernel_size,
            strides=strides,
            padding=padding,
            data_format=data_format,
            dilation_rate=dilation_rate,
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
            return_sequences=return_sequences,
            return_state=return_state,
            go_backwards=go_backwards,
            stateful=stateful,
            unroll=unroll,
            zero_output_for_mask=zero_output_for_mask,
            **kwargs,
        )
        self.filters = positive_integer("filters", filters)
        self.refuse_strides_with_dilation()
        self.recurrent_activation = activations.get(recurrent_activation)
        self.unit_forget_bias = unit_forget_bias
        self.dropout = min(1.0, max(0.0, dropout))
        self.recurrent_dropout = min(1.0, max(0.0, recurrent_dropout))
        self.seed = seed
        self._dropout_generator = DropoutGenerator(seed)
        self.declare_weight("kernel", "weight_ih", axes=self.kernel_axes, role="kernel")
        self.declare_weight("recurrent_kernel", "weight_hh", axes=self.kernel_axes, role="recurrent")
        plain = self.bias_initializer
        self.declare_bias(partial(draw_open_bias, plain) if unit_forget_bias else plain)
        self.build_if_shape_is_known()

    # -- shapes ---------------------------------------------------------------------------------------------------

    @property
    def input_layout(self) -> tuple[str, ...]:
        """The axes of an input in words."""
        return _with_time(self.layout("channels"), "time")

    @property
    def state_layout(self) -> tuple[str, ...]:
        """The axes of a state in words."""
        return self.layout("filters")

    @property
    def state_sizes(self) -> tuple[int, int]:
        """Hidden and cell state have ``filters`` channels."""
        return self.filters, self.filters

    @property
    def output_size(self) -> int:
        """The output has ``filters`` channels."""
        return self.filters

    def step_output_shape(self, input_shape: Shape) -> Shape:
        """(batch, *spatial, filters), or what ``data_format`` says, as the window makes it of the inputs."""
        step = _one_step(input_shape)
        return self.arrange(step[0], self.output_sizes(step), self.filters)

    def state_shapes(self, input_shape: Shape) -> tuple[Shape, ...]:
        """Both states have the shape of an output."""
        return (self.step_output_shape(input_shape),) * 2

    def check_input_shape(self, shape: Shape) -> None:
        """Raise a ``ValueError`` unless inputs of ``shape`` are a sequence of what can be convolved."""
        RecurrentLayer.check_input_shape(self, shape)
        ConvBase.check_input_shape(self, _one_step(shape))

    def input_shape_of(self, weight: Tensor) -> Shape:
        """The channels that the kernel is for, free axes otherwise."""
        return _with_time(super().input_shape_of(weight), None)

    def weight_shapes(self, input_shape: Shape) -> dict[str, tuple[int, ...]]:
        """(*kernel_size, channels, 4 * filters), (*kernel_size, filters, 4 * filters) and (4 * filters,)."""
        channels, gates = self.channels_of(_one_step(input_shape)), len(GATES) * self.filters
        assert channels is not None, "check_input_shape lets no unknown number of channels through"
        return {
            "kernel": (*self.kernel_size, channels, gates),
            "recurrent_kernel": (*self.kernel_size, self.filters, gates),
            "bias": (gates,),
        }

    # -- calling --------------------------------------------------------------------------------------------------

    def forward(
        self,
        inputs: Any,
        mask: Any = None,
        initial_state: Sequence[Any] | None = None,
        training: bool | None = None,
    ) -> Any:
        """Run the sequence.

        Args:
            inputs: (batch, time, *spatial, channels), or what ``data_format`` says.
            mask: (batch, time), boolean, ``True`` where a step counts, or (batch, time, *spatial of the output),
                ``True`` where it counts at a place, which is what a ``Masking`` layer in front gives. Masked places
                keep their states and repeat the output before, zeros before the first.
            initial_state: hidden and cell state before the first step, of an output's shape each; zeros by default.
            training: whether dropout is active; ``None`` means ``self.training``.

        Returns:
            The last output (batch, *spatial, filters), or all outputs with time as axis 1 with ``return_sequences``;
            with ``return_state`` a tuple of that, the final hidden state and the final cell state.

        Raises:
            ValueError: when an argument has the wrong rank, size or type; see the messages.
        """
        training = self.training if training is None else training
        inputs = self.prepare(inputs)
        mask = self.check_mask(mask, inputs)
        states = self.starting_states(inputs, initial_state)
        input_dropout, recurrent_dropout = self.draw_dropout(inputs, training)
        output, final = conv_lstm(
            self.channels_first(inputs),
            LSTMState(*map(self.channels_first, states)),
            ConvLSTMWeights(self.weight_ih, self.weight_hh, self.bias),
            mask if mask is None or mask.ndim == 2 else mask.unsqueeze(2),
            Window(self.strides, self.padding, self.dilation_rate),
            SequenceOptions(
                activation=self._in_data_format(self.activation or activations.linear),
                recurrent_activation=self._in_data_format(self.recurrent_activation),
                go_backwards=self.go_backwards,
                return_sequences=self.return_sequences,
                zero_output_for_mask=self.zero_output_for_mask,
                hold_initial_state=self.hold_initial_state,
                input_dropout=None if input_dropout is None else self.channels_first(input_dropout),
                recurrent_dropout=None if recurrent_dropout is None else self.channels_first(recurrent_dropout),
            ),
        )
        return self.deliver(self.in_data_format(output), [self.in_data_format(state) for state in final])

    def _in_data_format(self, activation: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
        """The activation for channels in front, along the axis that is last in the layer's ``data_format``."""
        if activations.takes_each_number(activation):
            return activation
        return lambda values: self.channels_first(activation(self.in_data_format(values)))

    def check_mask(self, mask: Any, inputs: Tensor) -> Tensor | None:
        """The mask as a tensor beside ``inputs``.

        Raises:
            ValueError: when it is neither (batch, time) nor (batch, time, *spatial of the output), or not boolean.
        """
        mask = mask if mask is None or isinstance(mask, Tensor) else torch.as_tensor(mask, device=inputs.device)
        if mask is None or mask.ndim < 3:
            return super().check_mask(mask, inputs)
        places = self.sizes_of(self.step_output_shape(inputs.shape))
        if mask.shape[2:] != places:
            raise ValueError(
                f"`mask` of layer `{self.name}` must have shape (batch, time) = {tuple(inputs.shape[:2])}, or that and "
                f"the output's sizes in space, {places}, got {tuple(mask.shape)}."
            )
        super().check_mask(mask.flatten(2)[..., 0], inputs)
        checked: Tensor = mask
        return checked

    def draw_dropout(self, inputs: Tensor, training: bool) -> tuple[Tensor | None, Tensor | None]:
        """Draw this call's dropout factors, 0 or 1 / (1 - rate), one a gate, constant in time.

        A rate of 1 drops nothing, as in Keras on TensorFlow. A test that needs given masks replaces this method.

        Args:
            inputs: (batch, time, *spatial, channels), or what ``data_format`` says.
            training: without it there are none.

        Returns:
            (4, batch, *spatial, channels) for the inputs and (4, batch, *spatial, filters) for the hidden state, with
            the channels where they are in the inputs.
        """
        return (
            self._draw(self.dropout, _one_step(inputs.shape), training),
            self._draw(self.recurrent_dropout, self.step_output_shape(inputs.shape), training),
        )

    def _draw(self, rate: float, shape: Sequence[Any], training: bool) -> Tensor | None:
        if not training or not 0 < rate < 1:
            return None
        return self._dropout_generator.mask((len(GATES), *shape), rate, dtype=self._dtype, device=self.device)

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments under Keras 3's names."""
        return {
            **super().get_config(),
            "filters": self.filters,
            "recurrent_activation": activations.serialize(self.recurrent_activation),
            "unit_forget_bias": self.unit_forget_bias,
            "dropout": self.dropout,
            "recurrent_dropout": self.recurrent_dropout,
            "seed": self.seed,
        }

    def extra_repr(self) -> str:
        """Channels first."""
        return f"{self.channels}, {self.filters}, {super().extra_repr()}"


def _one_step(shape: Sequence[Any]) -> tuple[Any, ...]:
    return (shape[0], *shape[2:])


def _with_time(shape: Sequence[Any], time: Any) -> tuple[Any, ...]:
    return (shape[0], time, *shape[1:])


@register("keras.layers")
@described_as(ConvLSTM)
class ConvLSTM1D(ConvLSTM):
    """A convolutional LSTM over (batch, time, length, channels).

    Example:
        >>> ConvLSTM1D(5, kernel_size=3)(torch.randn(2, 6, 10, 4)).shape
        torch.Size([2, 8, 5])
    """

    rank = 1


@register("keras.layers")
@described_as(ConvLSTM)
class ConvLSTM2D(ConvLSTM):
    """A convolutional LSTM over (batch, time, height, width, channels).

    Example:
        >>> layer = ConvLSTM2D(5, kernel_size=3, padding="same", return_sequences=True, return_state=True)
        >>> output, hidden, cell = layer(torch.randn(2, 6, 7, 9, 4))
        >>> output.shape, hidden.shape
        (torch.Size([2, 6, 7, 9, 5]), torch.Size([2, 7, 9, 5]))
    """

    rank = 2


@register("keras.layers")
@described_as(ConvLSTM)
class ConvLSTM3D(ConvLSTM):
    """A convolutional LSTM over (batch, time, depth, height, width, channels).

    Example:
        >>> ConvLSTM3D(2, kernel_size=2)(torch.randn(1, 3, 4, 5, 6, 2)).shape
        torch.Size([1, 3, 4, 5, 2])
    """

    rank = 3
