"""``keras.layers.ZeroPadding1D``, ``ZeroPadding2D`` and ``ZeroPadding3D``."""

from typing import Any, Unpack

from torch import Tensor

from torch_keras_lstm.docstrings import described_as
from torch_keras_lstm.layers.layer import LayerArguments, Shape
from torch_keras_lstm.layers.serialization import register
from torch_keras_lstm.layers.spatial import Amounts, SpatialLayer
from torch_keras_lstm.sliding_windows import pad


class ZeroPadding(SpatialLayer):
    """Zeros around the axes of space.

    Args:
        padding: how many in front and at the end: one number for all axes and both sides; one for each axis; or a pair
            for each axis. ``ZeroPadding1D`` takes one number or one pair.
        data_format: "channels_last", which ``None`` means too, or "channels_first".

    Raises:
        ValueError: for another ``padding`` or ``data_format``, and for inputs with other axes.
    """

    def __init__(self, padding: Amounts = 1, data_format: str | None = None, **kwargs: Unpack[LayerArguments]) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self.padding = self.pairs("padding", padding)

    def forward(self, inputs: Any) -> Tensor:
        """Map (batch, *spatial, channels) to the same with more steps in space, or what ``data_format`` says."""
        values = self.channels_first(self.prepare(inputs))
        return self.finish(self.in_data_format(pad(values, list(self.padding))))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """The input's shape with what is padded."""
        return self.resized(input_shape, (1,) * self.rank, [sum(pair) for pair in self.padding])

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments under Keras 3's names."""
        padding = self.padding[0] if self.rank == 1 else self.padding
        return {**super().get_config(), "padding": padding, "data_format": self.data_format}

    def extra_repr(self) -> str:
        """The amounts."""
        return f"padding={self.padding}, {super().extra_repr()}"


@register("keras.layers")
@described_as(ZeroPadding)
class ZeroPadding1D(ZeroPadding):
    """Zeros around the steps of (batch, length, channels), 1 at each end by default.

    Example:
        >>> ZeroPadding1D((1, 2))(torch.ones(1, 3, 1)).flatten()
        tensor([0., 1., 1., 1., 0., 0.])
    """

    rank = 1


@register("keras.layers")
@described_as(ZeroPadding)
class ZeroPadding2D(ZeroPadding):
    """Zeros around (batch, height, width, channels), 1 on each side by default.

    Example:
        >>> ZeroPadding2D((1, 2))(torch.randn(4, 7, 9, 5)).shape
        torch.Size([4, 9, 13, 5])
    """

    rank = 2


@register("keras.layers")
@described_as(ZeroPadding)
class ZeroPadding3D(ZeroPadding):
    """Zeros around (batch, depth, height, width, channels), 1 on each side by default.

    Example:
        >>> ZeroPadding3D(((0, 1), (2, 0), (1, 1)))(torch.randn(4, 6, 7, 9, 5)).shape
        torch.Size([4, 7, 9, 11, 5])
    """

    rank = 3
