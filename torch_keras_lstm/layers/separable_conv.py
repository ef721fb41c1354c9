"""``keras.layers.SeparableConv1D`` and ``SeparableConv2D``."""

from collections.abc import Sequence
from typing import Any, SupportsIndex, Unpack

from torch import Tensor, nn

from torch_keras_lstm.arguments import positive_integer
from torch_keras_lstm.docstrings import described_as
from torch_keras_lstm.layers.conv_base import ConvBase
from torch_keras_lstm.layers.layer import CommonArguments, Shape
from torch_keras_lstm.layers.serialization import register
from torch_keras_lstm.layers.weight_view import KerasWeight
from torch_keras_lstm.sliding_windows import convolve


class SeparableConv(ConvBase):
    """A depthwise convolution, and after it one with a window of 1 that mixes the channels.

    The parameters are ``depthwise_weight``, (channels, depth_multiplier, *window), ``pointwise_weight``, (filters,
    channels * depth_multiplier, 1, ...), and ``bias``.

    Args:
        filters: number of output channels.
        kernel_size: size of the window, one number or one for each axis of space; so are ``strides`` and
            ``dilation_rate``.
        padding: "valid" or "same"; "causal" for ``SeparableConv1D`` besides, which Keras 3 dropped.
        data_format: "channels_last", which ``None`` means too, or "channels_first".
        depth_multiplier: number of channels that the depthwise convolution makes of each.
        activation: a Keras name, configuration or callable; ``None`` is linear.
        use_bias: whether there is a bias.
        depthwise_initializer, pointwise_initializer, bias_initializer: Keras' names, configurations or objects.
        depthwise_regularizer, pointwise_regularizer, bias_regularizer: the same; their values enter ``losses``.
        activity_regularizer: called with the output.
        depthwise_constraint, pointwise_constraint, bias_constraint: what ``apply_constraints`` projects on.

    Raises:
        ValueError: when an argument is out of its range; for inputs with other axes or channels, or with less room
            than a window takes.
    """

    roles = ("depthwise", "pointwise", "bias")

    depthwise_weight: nn.Parameter
    pointwise_weight: nn.Parameter

    depthwise_kernel = KerasWeight()
    pointwise_kernel = KerasWeight()

    def __init__(
        self,
        filters: SupportsIndex,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int] = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: int | Sequence[int] = 1,
        depth_multiplier: SupportsIndex = 1,
        activation: object = None,
        use_bias: bool = True,
        depthwise_initializer: object = "glorot_uniform",
        pointwise_initializer: object = "glorot_uniform",
        bias_initializer: object = "zeros",
        depthwise_regularizer: object = None,
        pointwise_regularizer: object = None,
        bias_regularizer: object = None,
        activity_regularizer: object = None,
        depthwise_constraint: object = None,
        pointwise_constraint: object = None,
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
            depthwise_initializer=depthwise_initializer,
            pointwise_initializer=pointwise_initializer,
            bias_initializer=bias_initializer,
            depthwise_regularizer=depthwise_regularizer,
            pointwise_regularizer=pointwise_regularizer,
            bias_regularizer=bias_regularizer,
            activity_regularizer=activity_regularizer,
            depthwise_constraint=depthwise_constraint,
            pointwise_constraint=pointwise_constraint,
            bias_constraint=bias_constraint,
            **kwargs,
        )
        self.filters = positive_integer("filters", filters)
        self.depth_multiplier = positive_integer("depth_multiplier", depth_multiplier)
        self.declare_weight("depthwise_kernel", "depthwise_weight", axes=self.depthwise_axes, role="depthwise")
        self.declare_weight("pointwise_kernel", "pointwise_weight", axes=self.kernel_axes, role="pointwise")
        self.declare_bias()
        self.build_if_shape_is_known()

    def weight_shapes(self, input_shape: Shape) -> dict[str, tuple[int, ...]]:
        """(*kernel_size, channels, depth_multiplier), (1, ..., channels * depth_multiplier, filters), (filters,)."""
        channels = self.channels_of(input_shape)
        assert channels is not None, "check_input_shape lets no unknown number of channels through"
        return {
            "depthwise_kernel": (*self.kernel_size, channels, self.depth_multiplier),
            "pointwise_kernel": (*(1,) * self.rank, channels * self.depth_multiplier, self.filters),
            "bias": (self.filters,),
        }

    def forward(self, inputs: Any) -> Tensor:
        """Map (batch, *spatial, channels) to (batch, *spatial, filters), or what ``data_format`` says."""
        values = self.prepare_numbers(inputs)
        each = convolve(
            values,
            self.depthwise_weight.flatten(0, 1).unsqueeze(1),
            strides=self.strides,
            padding=self.padding,
            dilations=self.dilation_rate,
            groups=values.shape[1],
        )
        ones = (1,) * self.rank
        mixed = convolve(each, self.pointwise_weight, self.bias, strides=ones, padding="valid", dilations=ones)
        return self.activate(mixed)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """(batch, *spatial, filters), or what ``data_format`` says."""
        return self.arrange(input_shape[0], self.output_sizes(input_shape), self.filters)

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments under Keras 3's names."""
        return {**super().get_config(), "filters": self.filters, "depth_multiplier": self.depth_multiplier}

    def extra_repr(self) -> str:
        """Channels first."""
        multiplier = f", depth_multiplier={self.depth_multiplier}" if self.depth_multiplier > 1 else ""
        return f"{self.channels}, {self.filters}, {super().extra_repr()}{multiplier}"


@register("keras.layers")
@described_as(SeparableConv)
class SeparableConv1D(SeparableConv):
    """Separable convolution over (batch, length, channels).

    Example:
        >>> SeparableConv1D(8, kernel_size=3)(torch.randn(4, 10, 5)).shape
        torch.Size([4, 8, 8])
    """

    rank = 1
    paddings = ("valid", "same", "causal")


@register("keras.layers")
@described_as(SeparableConv)
class SeparableConv2D(SeparableConv):
    """Separable convolution over (batch, height, width, channels).

    Example:
        >>> layer = SeparableConv2D(8, kernel_size=3, depth_multiplier=2)
        >>> layer(torch.randn(4, 7, 9, 5)).shape
        torch.Size([4, 5, 7, 8])
        >>> layer.count_params()  # 3 * 3 * 5 * 2 + 5 * 2 * 8 + 8
        178
    """

    rank = 2
