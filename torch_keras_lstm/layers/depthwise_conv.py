"""``keras.layers.DepthwiseConv1D`` and ``DepthwiseConv2D``."""

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


class DepthwiseConv(ConvBase):
    """Convolution of each channel by itself, with ``depth_multiplier`` kernels of its own.

    With a ``depth_multiplier`` of 1 the parameters are those of ``torch.nn.Conv1d`` or ``Conv2d`` with as many groups
    as channels; otherwise ``weight`` is (channels, depth_multiplier, *window), in the same order.

    Args:
        kernel_size: size of the window, one number or one for each axis of space; so are ``strides`` and
            ``dilation_rate``.
        padding: "valid" or "same".
        depth_multiplier: number of output channels for each input channel.
        data_format: "channels_last", which ``None`` means too, or "channels_first".
        activation: a Keras name, configuration or callable; ``None`` is linear.
        use_bias: whether there is a bias.
        depthwise_initializer, bias_initializer: Keras' names, configurations or objects.
        depthwise_regularizer, bias_regularizer: the same; their values enter ``losses``.
        activity_regularizer: called with the output.
        depthwise_constraint, bias_constraint: what ``apply_constraints`` projects on.

    Raises:
        ValueError: when an argument is out of its range; for inputs with other axes or channels, or with less room
            than a window takes.
    """

    roles = ("depthwise", "bias")

    kernel = KerasWeight()

    def __init__(
        self,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int] = 1,
        padding: str = "valid",
        depth_multiplier: SupportsIndex = 1,
        data_format: str | None = None,
        dilation_rate: int | Sequence[int] = 1,
        activation: object = None,
        use_bias: bool = True,
        depthwise_initializer: object = "glorot_uniform",
        bias_initializer: object = "zeros",
        depthwise_regularizer: object = None,
        bias_regularizer: object = None,
        activity_regularizer: object = None,
        depthwise_constraint: object = None,
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
            bias_initializer=bias_initializer,
            depthwise_regularizer=depthwise_regularizer,
            bias_regularizer=bias_regularizer,
            activity_regularizer=activity_regularizer,
            depthwise_constraint=depthwise_constraint,
            bias_constraint=bias_constraint,
            **kwargs,
        )
        self.depth_multiplier = positive_integer("depth_multiplier", depth_multiplier)
        self.declare_weight("kernel", "weight", axes=self.depthwise_axes, role="depthwise")
        self.declare_bias()
        self.build_if_shape_is_known()

    def weight_shapes(self, input_shape: Shape) -> dict[str, tuple[int, ...]]:
        """(*kernel_size, channels, depth_multiplier) and (channels * depth_multiplier,)."""
        channels = self.channels_of(input_shape)
        assert channels is not None, "check_input_shape lets no unknown number of channels through"
        kernel = (*self.kernel_size, channels, self.depth_multiplier)
        return {"kernel": kernel, "bias": (channels * self.depth_multiplier,)}

    def forward(self, inputs: Any) -> Tensor:
        """Map (batch, *spatial, channels) to (batch, *spatial, channels * depth_multiplier), or as ``data_format``."""
        values = self.prepare_numbers(inputs)
        outputs = convolve(
            values,
            self.weight.flatten(0, 1).unsqueeze(1),
            self.bias,
            strides=self.strides,
            padding=self.padding,
            dilations=self.dilation_rate,
            groups=values.shape[1],
        )
        return self.activate(outputs)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """(batch, *spatial, channels * depth_multiplier), or what ``data_format`` says."""
        channels = self.channels_of(input_shape)
        filters = None if channels is None else channels * self.depth_multiplier
        return self.arrange(input_shape[0], self.output_sizes(input_shape), filters)

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments under Keras 3's names."""
        return {**super().get_config(), "depth_multiplier": self.depth_multiplier}

    def extra_repr(self) -> str:
        """Channels first."""
        return f"{self.channels}, depth_multiplier={self.depth_multiplier}, {super().extra_repr()}"


@register("keras.layers")
@described_as(DepthwiseConv)
class DepthwiseConv1D(DepthwiseConv):
    """Depthwise convolution over (batch, length, channels).

    Example:
        >>> DepthwiseConv1D(kernel_size=3, depth_multiplier=2)(torch.randn(4, 10, 5)).shape
        torch.Size([4, 8, 10])
    """

    rank = 1


@register("keras.layers")
@described_as(DepthwiseConv)
class DepthwiseConv2D(DepthwiseConv):
    """Depthwise convolution over (batch, height, width, channels).

    Example:
        >>> layer = DepthwiseConv2D(kernel_size=3, padding="same", depth_multiplier=2)
        >>> layer(torch.randn(4, 7, 9, 5)).shape
        torch.Size([4, 7, 9, 10])
        >>> layer.kernel.shape  # (*window, channels, depth_multiplier)
        torch.Size([3, 3, 5, 2])
    """

    rank = 2
