"""``LocallyConnected1D`` and ``LocallyConnected2D`` of Keras 1 and 2, which Keras 3 dropped."""

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any, SupportsIndex, Unpack

import torch
from torch import Tensor, nn

from torch_keras_lstm.arguments import positive_integer
from torch_keras_lstm.docstrings import described_as
from torch_keras_lstm.layers.conv_base import ConvBase
from torch_keras_lstm.layers.layer import CommonArguments, Shape
from torch_keras_lstm.layers.serialization import register


class LocallyConnected(ConvBase):
    """A convolution whose kernel is another one at each place of the output. A mask ends here.

    Keras has three layouts of the kernel, and so have its files:

    1. (places of the output, window * channels, filters), padding "valid" alone;
    2. that of a matrix from all of the input to all of the output, of which what is out of a window counts as nought;
    3. the entries of that matrix that are in a window, output by output.

    Args:
        filters: number of output channels.
        kernel_size: size of the window, one number or one for each axis of space; so are ``strides``.
        padding: "valid", or "same", whose windows lie around the points that the strides lead to.
        data_format: "channels_last", which ``None`` means too, or "channels_first".
        activation: a Keras name, configuration or callable; ``None`` is linear.
        use_bias: whether there is a bias, one for each place and filter.
        kernel_initializer, bias_initializer: Keras' names, configurations or objects.
        kernel_regularizer, bias_regularizer: the same; their values enter ``losses``.
        activity_regularizer: called with the output.
        kernel_constraint, bias_constraint: what ``apply_constraints`` projects on.
        implementation: which layout the kernel has, 1, 2 or 3.

    Raises:
        ValueError: when an argument is out of its range; for inputs with other axes than the layer was built for, of
            a size that is not known, or with less room than a window takes.
    """

    kernel: nn.Parameter

    def __init__(
        self,
        filters: SupportsIndex,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int] = 1,
        padding: str = "valid",
        data_format: str | None = None,
        activation: object = None,
        use_bias: bool = True,
        kernel_initializer: object = "glorot_uniform",
        bias_initializer: object = "zeros",
        kernel_regularizer: object = None,
        bias_regularizer: object = None,
        activity_regularizer: object = None,
        kernel_constraint: object = None,
        bias_constraint: object = None,
        implementation: int = 1,
        **kwargs: Unpack[CommonArguments],
    ) -> None:
        super().__init__(
            kernel_size=kernel_size,
            strides=strides,
            padding=padding,
            data_format=data_format,
            dilation_rate=1,
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
        if implementation not in (1, 2, 3):
            raise ValueError(f"`implementation` must be 1, 2 or 3, got {implementation!r}.")
        self.implementation = implementation
        if implementation == 1 and self.padding != "valid":
            raise ValueError(
                f"`padding={self.padding!r}` of {type(self).__name__} needs `implementation=2` or 3, as in Keras."
            )
        self._loaded: dict[str, tuple[int, ...]] = {}
        self._built_for: Shape | None = None
        self.declare_weight("kernel", "kernel", role="kernel")
        self.declare_weight("bias", "bias", role="bias", present=use_bias)
        self.build_if_shape_is_known()

    # -- weights ------------------------------------------------------------------------------------------------------

    def weight_shapes(self, input_shape: Shape) -> dict[str, tuple[int, ...]]:
        """The kernel's by ``implementation``, and (*places, filters)."""
        if self._loaded:
            return self._loaded
        sizes, channels = self._known(input_shape)
        places = self._places(sizes)
        if self.implementation == 1:
            kernel: tuple[int, ...] = (prod(places), prod(self.kernel_size) * channels, self.filters)
        elif self.implementation == 2:
            kernel = (*self._arranged(sizes, channels), *self._arranged(places, self.filters))
        else:
            connected = prod(sum(map(len, windows)) for windows in self._windows(sizes))
            kernel = (connected * channels * self.filters,)
        return {"kernel": kernel, "bias": (*places, self.filters)}

    def input_shape_of(self, weight: Tensor) -> Shape:
        """Free axes: no weight tells the sizes, and those that are loaded have their shapes."""
        return (None,) * (self.rank + 2)

    def _create_weights(self, input_shape: Shape, given: Mapping[str, Tensor] | None = None) -> None:
        if given is not None:
            missing = [row.name for row in self._rows if row.parameter not in given]
            if missing:
                raise ValueError(f"Layer `{self.name}` is not built, and what is loaded has no `{missing[0]}`.")
            self._loaded = {row.name: tuple(given[row.parameter].shape) for row in self._rows}
        super()._create_weights(input_shape, given)
        self._loaded = {}

    # -- where the windows lie ----------------------------------------------------------------------------------------

    def _known(self, shape: Shape) -> tuple[tuple[int, ...], int]:
        """The sizes in space and the channels of inputs of ``shape``, which :meth:`check_input_shape` has seen."""
        sizes = tuple(size for size in self.sizes_of(shape) if size is not None)
        channels = self.channels_of(shape)
        assert channels is not None, "check_input_shape lets no unknown number of channels through"
        return sizes, channels

    def _places(self, sizes: Sequence[int]) -> tuple[int, ...]:
        """How many places the output has along each axis."""
        counts = self.output_sizes(self.arrange(None, sizes, None))
        return tuple(count for count in counts if count is not None)

    def _arranged(self, sizes: Sequence[int], channels: int) -> tuple[int, ...]:
        return self.arrange(None, sizes, channels)[1:]

    def _windows(self, sizes: Sequence[int]) -> list[list[range]]:
        """For each axis what the places of the output see of it."""
        windows = []
        for size, count, window, stride in zip(sizes, self._places(sizes), self.kernel_size, self.strides, strict=True):
            before = window // 2 if self.padding == "same" else 0
            starts = [place * stride - before for place in range(count)]
            windows.append([range(max(start, 0), min(start + window, size)) for start in starts])
        return windows

    def _connected(self, sizes: Sequence[int], channels: int) -> Tensor:
        """(outputs, inputs), as both are laid out in memory: whether the one sees the other."""
        seen = torch.ones(1, 1, dtype=torch.bool)
        for size, windows in zip(sizes, self._windows(sizes), strict=True):
            along = torch.zeros(len(windows), size, dtype=torch.bool)
            for place, window in enumerate(windows):
                along[place, window.start : window.stop] = True
            seen = torch.kron(seen.byte(), along.byte()).bool()
        every = torch.ones(self.filters, channels, dtype=torch.uint8)
        pair = (every, seen.byte()) if self.data_format == "channels_first" else (seen.byte(), every)
        return torch.kron(*pair).bool()

    # -- calls --------------------------------------------------------------------------------------------------------

    def check_input_shape(self, shape: Shape) -> None:
        """Raise a ``ValueError`` unless inputs of ``shape`` have known sizes, for which the layer's kernel is."""
        if len(shape) != self.rank + 2 or None in self.sizes_of(shape):
            wanted = ", ".join(self.layout("channels"))
            raise ValueError(
                f"Layer `{self.name}` takes inputs of shape ({wanted}) whose sizes are known, got {tuple(shape)}."
            )
        if not self.built:
            super().check_input_shape(shape)
        elif self._built_for != (here := tuple(shape[1:])):
            if min(self._places(self._known(shape)[0])) < 1 or self.weight_shapes(shape)["kernel"] != self.kernel.shape:
                raise ValueError(
                    f"Layer `{self.name}` has a kernel of shape {tuple(self.kernel.shape)} for inputs of one size, "
                    f"which is not that of inputs of shape {tuple(shape)}."
                )
            self._built_for = here

    def forward(self, inputs: Any) -> Tensor:
        """Map (batch, *spatial, channels) to (batch, *places, filters), or as ``data_format``."""
        values = self.prepare(inputs)
        values = values if values.is_floating_point() else values.to(self._dtype)
        outputs = self._by_windows(values) if self.implementation == 1 else self._by_matrix(values)
        if self.bias is not None:
            # Keras reshapes, and does not permute, where channels come first.
            first = self.data_format == "channels_first"
            outputs = outputs + (self.bias.reshape(outputs.shape[1:]) if first else self.bias)
        return self.finish(outputs if self.activation is None else self.activation(outputs))

    def _by_windows(self, values: Tensor) -> Tensor:
        """Each window by the kernel of its place."""
        windows = self.channels_first(values)
        for axis, (size, stride) in enumerate(zip(self.kernel_size, self.strides, strict=True)):
            windows = windows.unfold(2 + axis, size, stride)
        places, last = range(2, 2 + self.rank), range(2 + self.rank, 2 + 2 * self.rank)
        features = (1, *last) if self.data_format == "channels_first" else (*last, 1)
        windows = windows.permute(0, *places, *features).flatten(1 + self.rank).flatten(1, self.rank)
        outputs = torch.einsum("bpf,pfo->bpo", windows, self.kernel)
        outputs = outputs.reshape(-1, *self._places(self._known(values.shape)[0]), self.filters)
        return outputs.movedim(-1, 1) if self.data_format == "channels_first" else outputs

    def _by_matrix(self, values: Tensor) -> Tensor:
        """The whole input by a matrix that has noughts outside of the windows."""
        sizes, channels = self._known(values.shape)
        connected = self._connected(sizes, channels).to(values.device)
        if self.implementation == 2:
            matrix = self.kernel.reshape(connected.shape[1], connected.shape[0]) * connected.mT
        else:
            zeros = torch.zeros(connected.shape, dtype=self.kernel.dtype, device=values.device)
            matrix = zeros.masked_scatter(connected, self.kernel).mT
        outputs = values.flatten(1) @ matrix
        return outputs.reshape(-1, *self._arranged(self._places(sizes), self.filters))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """(batch, *places, filters), or what ``data_format`` says."""
        return self.arrange(input_shape[0], self.output_sizes(input_shape), self.filters)

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments."""
        config = {name: value for name, value in super().get_config().items() if name != "dilation_rate"}
        return {**config, "filters": self.filters, "implementation": self.implementation}

    def extra_repr(self) -> str:
        """Filters first."""
        return f"{self.filters}, {super().extra_repr()}, implementation={self.implementation}"


@register("keras.layers")
@described_as(LocallyConnected)
class LocallyConnected1D(LocallyConnected):
    """A kernel of its own at each place of (batch, length, channels).

    Example:
        >>> layer = LocallyConnected1D(3, kernel_size=2)
        >>> layer(torch.randn(4, 10, 5)).shape, layer.kernel.shape
        (torch.Size([4, 9, 3]), torch.Size([9, 10, 3]))
    """

    rank = 1


@register("keras.layers")
@described_as(LocallyConnected)
class LocallyConnected2D(LocallyConnected):
    """A kernel of its own at each place of (batch, height, width, channels).

    Example:
        >>> layer = LocallyConnected2D(3, kernel_size=2, padding="same", implementation=2)
        >>> layer(torch.randn(4, 6, 5, 2)).shape
        torch.Size([4, 6, 5, 3])
    """

    rank = 2
