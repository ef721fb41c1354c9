"""``keras.layers.Conv1D``, ``Conv2D`` and ``Conv3D``."""

from collections.abc import Sequence
from typing import Any, SupportsIndex, Unpack

from torch import Tensor

from torch_keras_lstm.arguments import positive_integer
from torch_keras_lstm.docstrings import described_as
from torch_keras_lstm.layers.conv_base import ConvBase
from torch_keras_lstm.layers.layer import CommonArguments, Shape
from torch_keras_lstm.layers.serialization import register
from torch_keras_lstm.layers.weight_view import KerasWeight
from torch_keras_lstm.sliding_windows import convolve


class Conv(ConvBase):
    """Convolution over one, two or three axes; as everywhere, the kernel is not flipped.

    The parameters are named and laid out as those of ``torch.nn.Conv1d`` and so on, so each loads the other's
    ``state_dict``. "same" pads as TensorFlow does: with strides or even windows, more at the end than in front.

    Args:
        filters: number of output channels.
        kernel_size: size of the window, one number or one for each axis of space; so are ``strides`` and
            ``dilation_rate``, which cannot both be above 1.
        padding: "valid", "same" or, for ``Conv1D``, "causal".
        data_format: "channels_last", which ``None`` means too, or "channels_first".
        groups: number of parts into which channels and filters are split, each convolved by itself.
        activation: a Keras name, configuration or callable; ``None`` is linear.
        use_bias: whether there is a bias.
        kernel_initializer, bias_initializer: Keras' names, configurations or objects.
        kernel_regularizer, bias_regularizer: the same; their values enter ``losses``.
        activity_regularizer: called with the output.
        kernel_constraint, bias_constraint: what ``apply_constraints`` projects on.

    Raises:
        ValueError: when an argument is out of its range; for inputs with other axes or channels, or with less room
            than a window takes.
    """

    kernel = KerasWeight()

    def __init__(
        self,
        filters: SupportsIndex,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int] = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: int | Sequence[int] = 1,
        groups: SupportsIndex = 1,
        activation: object = None,
        use_bias: bool = True,
        kernel_initializer: object = "glorot_uniform",
        bias_initializer: object = "zeros",
        kernel_regularizer: object = None,
        bias_regularizer: object = None,
        activity_regularizer: object = None,
        kernel_constraint: object = None,
        bias_constraint: object = None,
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
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer,
            bias_regularizer=bias_regularizer,
            activity_regularizer=activity_regularizer,
            kernel_constraint=kernel_constraint,
            bias_constraint=bias_constraint,
            **kwargs,
        )
        self.filters = positive_integer("filters", filters)
        self.groups = positive_integer("groups", groups)
        if self.filters % self.groups:
            raise ValueError(
                f"`filters` must be a multiple of `groups`, got filters={self.filters} and groups={self.groups}."
            )
        self.refuse_strides_with_dilation()
        self.declare_weight("kernel", "weight", axes=self.kernel_axes, role="kernel")
        self.declare_bias()
        self.build_if_shape_is_known()

    def weight_shapes(self, input_shape: Shape) -> dict[str, tuple[int, ...]]:
        """(*kernel_size, channels / groups, filters) and (filters,)."""
        channels = self.channels_of(input_shape)
        assert channels is not None, "check_input_shape lets no unknown number of channels through"
        return {"kernel": (*self.kernel_size, channels // self.groups, self.filters), "bias": (self.filters,)}

    def kernel_channels(self, kernel: Tensor) -> int:
        """The kernel has the channels of one group."""
        return kernel.shape[-2] * self.groups

    def check_input_shape(self, shape: Shape) -> None:
        """Raise a ``ValueError`` unless inputs of ``shape`` can be convolved; see the class."""
        super().check_input_shape(shape)
        channels = self.channels_of(shape)
        if channels is not None and channels % self.groups:
            raise ValueError(
                f"Layer `{self.name}` has {self.groups} groups, which do not divide the {channels} channels of inputs "
                f"of shape {tuple(shape)}."
            )

    def forward(self, inputs: Any) -> Tensor:
        """Map (batch, *spatial, channels) to (batch, *spatial, filters), or what ``data_format`` says."""
        outputs = convolve(
            self.prepare_numbers(inputs),
            self.weight,
            self.bias,
            strides=self.strides,
            padding=self.padding,
            dilations=self.dilation_rate,
            groups=self.groups,
        )
        return self.activate(outputs)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """(batch, *spatial, filters), or what ``data_format`` says."""
        return self.arrange(input_shape[0], self.output_sizes(input_shape), self.filters)

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments under Keras 3's names."""
        return {**super().get_config(), "filters": self.filters, "groups": self.groups}

    def extra_repr(self) -> str:
        """Channels first."""
        groups = f", groups={self.groups}" if self.groups > 1 else ""
        return f"{self.channels}, {self.filters}, {super().extra_repr()}{groups}"


@register("keras.layers")
@described_as(Conv)
class Conv1D(Conv):
    """Convolution over (batch, length, channels), with "causal" padding if wanted: no output sees what comes after it.

    Example:
        >>> Conv1D(5, kernel_size=3, padding="causal")(torch.randn(4, 10, 2)).shape
        torch.Size([4, 10, 5])
    """

    rank = 1
    paddings = ("valid", "same", "causal")


@register("keras.layers")
@described_as(Conv)
class Conv2D(Conv):
    """Convolution over (batch, height, width, channels).

    Example:
        >>> layer = Conv2D(16, kernel_size=3, strides=2, padding="same", activation="relu")
        >>> layer(torch.randn(4, 7, 9, 3)).shape
        torch.Size([4, 4, 5, 16])
        >>> layer.weight.shape, layer.kernel.shape  # torch's layout, Keras' layout
        (torch.Size([16, 3, 3, 3]), torch.Size([3, 3, 3, 16]))
    """

    rank = 2


@register("keras.layers")
@described_as(Conv)
class Conv3D(Conv):
    """Convolution over (batch, depth, height, width, channels).

    Example:
        >>> Conv3D(8, kernel_size=(1, 3, 3), groups=2)(torch.randn(2, 5, 7, 9, 4)).shape
        torch.Size([2, 5, 5, 7, 8])
    """

    rank = 3
