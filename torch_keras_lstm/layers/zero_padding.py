"""``keras.layers.ZeroPadding1D``, ``ZeroPadding2D`` and ``ZeroPadding3D``."""

from typing import Any, Unpack

from torch import Tensor

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
class ZeroPadding1D(ZeroPadding):
    """Zeros around the steps of (batch, length, channels); arguments as :class:`ZeroPadding`."""

    rank = 1


@register("keras.layers")
class ZeroPadding2D(ZeroPadding):
    """Zeros around (batch, height, width, channels); arguments as :class:`ZeroPadding`."""

    rank = 2


@register("keras.layers")
class ZeroPadding3D(ZeroPadding):
    """Zeros around (batch, depth, height, width, channels); arguments as :class:`ZeroPadding`."""

    rank = 3
