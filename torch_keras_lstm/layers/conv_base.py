"""What convolutions of every kind share: Keras' arguments of the window and of the weights, bias, activation."""

from collections.abc import Sequence
from typing import Any, ClassVar

from torch import Tensor, nn

from torch_keras_lstm import activations
from torch_keras_lstm.arguments import check_choice, integers_per_axis
from torch_keras_lstm.layers.layer import Shape
from torch_keras_lstm.layers.spatial import SpatialLayer, check_windows_fit
from torch_keras_lstm.layers.weight import Constraint, Initializer, Regularizer
from torch_keras_lstm.sliding_windows import output_sizes


class ConvBase(SpatialLayer):
    """``activation(windows of the inputs, times a kernel, + bias)``.

    Args:
        kernel_size: size of the window, one number or one for each axis of space; so are ``strides`` and
            ``dilation_rate``.
        padding: one of ``paddings``, in any case.
        data_format: "channels_last", which ``None`` means too, or "channels_first".
        activation: a Keras name, configuration or callable; ``None`` is linear.
        use_bias: whether there is a bias.
        **kwargs: ``<role>_initializer``, ``<role>_regularizer`` and ``<role>_constraint`` for each of ``roles``, as
            Keras' names, configurations or objects; and the arguments of every layer.
    """

    # what the arguments of weights begin with
    roles: ClassVar[tuple[str, ...]] = ("kernel", "bias")
    paddings: ClassVar[tuple[str, ...]] = ("valid", "same")

    weight: nn.Parameter
    bias: nn.Parameter | None
    bias_initializer: Initializer
    bias_regularizer: Regularizer | None
    bias_constraint: Constraint | None

    def __init__(
        self,
        *,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int],
        padding: str,
        data_format: str | None,
        dilation_rate: int | Sequence[int],
        activation: object,
        use_bias: bool,
        **kwargs: Any,
    ) -> None:
        kinds = ("initializer", "regularizer", "constraint")
        given = {
            name: kwargs.pop(name) for kind in kinds for role in self.roles if (name := f"{role}_{kind}") in kwargs
        }
        super().__init__(data_format=data_format, **kwargs)
        self.kernel_size = integers_per_axis("kernel_size", kernel_size, self.rank)
        self.strides = integers_per_axis("strides", strides, self.rank)
        self.dilation_rate = integers_per_axis("dilation_rate", dilation_rate, self.rank)
        self.padding = padding.lower() if isinstance(padding, str) else padding
        check_choice("padding", self.padding, self.paddings)
        self.activation: activations.Activation | None = activations.get(activation)
        self.use_bias = use_bias
        self.keep_weight_arguments(**given)

    def refuse_strides_with_dilation(self) -> None:
        """Raise a ``ValueError`` when both are above 1, which TensorFlow cannot compute."""
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise ValueError(
                f"`strides` and `dilation_rate` of layer `{self.name}` cannot both be above 1, got {self.strides} and "
                f"{self.dilation_rate}."
            )

    def declare_bias(self, initializer: Initializer | None = None) -> None:
        """Declare the bias if there is one: the last weight, as in Keras.

        Args:
            initializer: used in place of the one given to the constructor.
        """
        self.declare_weight("bias", "bias", axes=(0,), role="bias", initializer=initializer, present=self.use_bias)

    @property
    def kernel_axes(self) -> tuple[int, ...]:
        """Keras' (*window, in, out) as torch's (out, in, *window)."""
        return (self.rank + 1, self.rank, *range(self.rank))

    @property
    def depthwise_axes(self) -> tuple[int, ...]:
        """Keras' (*window, in, multiplier) as (in, multiplier, *window)."""
        return (self.rank, self.rank + 1, *range(self.rank))

    def kernel_channels(self, kernel: Tensor) -> int:
        """The number of input channels that a kernel in Keras' layout, the first weight, is for."""
        return kernel.shape[-2]

    def input_shape_of(self, weight: Tensor) -> Shape:
        """The channels that the kernel is for, free axes otherwise."""
        return self.arrange(None, (None,) * self.rank, self.kernel_channels(weight))

    @property
    def channels(self) -> int | None:
        """The number of input channels; ``None`` until the layer is built."""
        if not self.built:
            return None
        _, kernel = next(self.own_weights())
        return self.kernel_channels(kernel)

    def check_input_shape(self, shape: Shape) -> None:
        """Raise a ``ValueError`` unless inputs of ``shape`` have the layer's axes, channels and room for a window."""
        super().check_input_shape(shape)
        channels = self.channels_of(shape)
        if channels is None:
            raise ValueError(f"Layer `{self.name}` needs the number of channels to be built, got {tuple(shape)}.")
        if self.built and channels != self.channels:
            raise ValueError(
                f"Layer `{self.name}` was built for {self.channels} channels, "
                f"got inputs of shape {tuple(shape)} with {channels}."
            )
        check_windows_fit(self, shape, self.output_sizes(shape))

    def output_sizes(self, input_shape: Shape) -> list[int | None]:
        """The sizes of the output's axes of space, ``None`` where the input's is free."""
        return output_sizes(
            self.sizes_of(input_shape), self.kernel_size, self.strides, self.dilation_rate, self.padding
        )

    def activate(self, outputs: Tensor) -> Tensor:
        """What the layer returns for (batch, filters, *spatial)."""
        outputs = self.in_data_format(outputs)
        return self.finish(outputs if self.activation is None else self.activation(outputs))

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments under Keras 3's names."""
        return {
            **super().get_config(),
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "padding": self.padding,
            "data_format": self.data_format,
            "dilation_rate": self.dilation_rate,
            "activation": activations.serialize(self.activation),
            "use_bias": self.use_bias,
            **self.weight_arguments(),
        }

    def extra_repr(self) -> str:
        """The window, and what differs from Keras' defaults."""
        parts = [f"kernel_size={self.kernel_size}", super().extra_repr()]
        parts += [f"strides={self.strides}"] if max(self.strides) > 1 else []
        parts += [f"padding={self.padding!r}"] if self.padding != "valid" else []
        parts += [f"dilation_rate={self.dilation_rate}"] if max(self.dilation_rate) > 1 else []
        parts += [f"data_format={self.data_format!r}"] if self.data_format != "channels_last" else []
        activation = activations.serialize(self.activation)
        parts += [f"activation={activation!r}"] if activation != "linear" else []
        parts += ["use_bias=False"] if not self.use_bias else []
        return ", ".join(parts)
