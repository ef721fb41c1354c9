"""``keras.layers.Conv1DTranspose``, ``Conv2DTranspose`` and ``Conv3DTranspose``."""

from collections.abc import Sequence
from typing import Any, SupportsIndex, Unpack

from torch import Tensor

from torch_keras_lstm.arguments import integers_per_axis, positive_integer
from torch_keras_lstm.docstrings import described_as
from torch_keras_lstm.layers.conv_base import ConvBase
from torch_keras_lstm.layers.layer import CommonArguments, Shape
from torch_keras_lstm.layers.serialization import register
from torch_keras_lstm.layers.weight_view import KerasWeight
from torch_keras_lstm.sliding_windows import convolve_transposed, transposed_output_size


class ConvTranspose(ConvBase):
    """The way back through a convolution: the gradient of a convolution with respect to its inputs.

    The parameters are named and laid out as those of ``torch.nn.ConvTranspose1d`` and so on, so each loads the other's
    ``state_dict``.

    Args:
        filters: number of output channels.
        kernel_size: size of the window, one number or one for each axis of space; so are ``strides`` and
            ``dilation_rate``, which cannot both be above 1.
        padding: "valid" or "same", of the convolution whose gradient this is.
        output_padding: how much longer the output is than the shortest possible one, less than ``strides``; ``None``
            for ``strides`` times the input's size with "same", and no less than that with "valid".
        data_format: "channels_last", which ``None`` means too, or "channels_first".
        activation: a Keras name, configuration or callable; ``None`` is linear.
        use_bias: whether there is a bias.
        kernel_initializer, bias_initializer: Keras' names, configurations or objects.
        kernel_regularizer, bias_regularizer: the same; their values enter ``losses``.
        activity_regularizer: called with the output.
        kernel_constraint, bias_constraint: what ``apply_constraints`` projects on.

    Raises:
        ValueError: when an argument is out of its range, and for inputs with other axes or channels.
    """

    kernel = KerasWeight()

    def __init__(
        self,
        filters: SupportsIndex,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int] = 1,
        padding: str = "valid",
        output_padding: int | Sequence[int] | None = None,
        data_format: str | None = None,
        dilation_rate: int | Sequence[int] = 1,
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
        self.output_padding = (
            None if output_padding is None else integers_per_axis("output_padding", output_padding, self.rank, least=0)
        )
        if any(more >= stride for more, stride in zip(self.output_padding or (), self.strides, strict=False)):
            raise ValueError(
                f"`output_padding` must be less than `strides` along each axis, got {self.output_padding} and "
                f"{self.strides}."
            )
        self.refuse_strides_with_dilation()
        self.declare_weight("kernel", "weight", axes=self.kernel_axes, role="kernel")
        self.declare_bias()
        self.build_if_shape_is_known()

    def weight_shapes(self, input_shape: Shape) -> dict[str, tuple[int, ...]]:
        """(*kernel_size, filters, channels) and (filters,)."""
        channels = self.channels_of(input_shape)
        assert channels is not None, "check_input_shape lets no unknown number of channels through"
        return {"kernel": (*self.kernel_size, self.filters, channels), "bias": (self.filters,)}

    def kernel_channels(self, kernel: Tensor) -> int:
        """The kernel is that of the convolution whose gradient this is: its inputs are our outputs."""
        return kernel.shape[-1]

    def output_sizes(self, input_shape: Shape) -> list[int | None]:
        """The sizes of the output's axes of space, ``None`` where the input's is free."""
        sizes: list[int | None] = []
        for axis, size in enumerate(self.sizes_of(input_shape)):
            window, stride, dilation = self.kernel_size[axis], self.strides[axis], self.dilation_rate[axis]
            more = None if self.output_padding is None else self.output_padding[axis]
            sizes.append(
                None if size is None else transposed_output_size(size, window, stride, dilation, self.padding, more)
            )
        return sizes

    def forward(self, inputs: Any) -> Tensor:
        """Map (batch, *spatial, channels) to (batch, *spatial, filters), or what ``data_format`` says."""
        values = self.prepare_numbers(inputs)
        sizes = self.output_sizes(self.arrange(None, values.shape[2:], None))
        outputs = convolve_transposed(
            values,
            self.weight,
            self.bias,
            strides=self.strides,
            padding=self.padding,
            dilations=self.dilation_rate,
            sizes=[size for size in sizes if size is not None],
        )
        return self.activate(outputs)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """(batch, *spatial, filters), or what ``data_format`` says."""
        return self.arrange(input_shape[0], self.output_sizes(input_shape), self.filters)

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments under Keras 3's names."""
        return {**super().get_config(), "filters": self.filters, "output_padding": self.output_padding}

    def extra_repr(self) -> str:
        """Channels first."""
        more = "" if self.output_padding is None else f", output_padding={self.output_padding}"
        return f"{self.channels}, {self.filters}, {super().extra_repr()}{more}"


@register("keras.layers")
@described_as(ConvTranspose)
class Conv1DTranspose(ConvTranspose):
    """Transposed convolution over (batch, length, channels).

    Example:
        >>> Conv1DTranspose(5, kernel_size=3, strides=2)(torch.randn(4, 10, 2)).shape
        torch.Size([4, 21, 5])
    """

    rank = 1


@register("keras.layers")
@described_as(ConvTranspose)
class Conv2DTranspose(ConvTranspose):
    """Transposed convolution over (batch, height, width, channels).

    Example:
        >>> Conv2DTranspose(3, kernel_size=3, strides=2, padding="same")(torch.randn(4, 7, 9, 16)).shape
        torch.Size([4, 14, 18, 3])
    """

    rank = 2


@register("keras.layers")
@described_as(ConvTranspose)
class Conv3DTranspose(ConvTranspose):
    """Transposed convolution over (batch, depth, height, width, channels).

    Example:
        >>> Conv3DTranspose(2, kernel_size=2, strides=(1, 2, 2))(torch.randn(2, 3, 4, 5, 6)).shape
        torch.Size([2, 4, 8, 10, 2])
    """

    rank = 3
