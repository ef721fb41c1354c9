"""``keras.layers.Cropping1D``, ``Cropping2D`` and ``Cropping3D``."""

from typing import Any, Unpack

from torch import Tensor

from torch_keras_lstm.docstrings import described_as
from torch_keras_lstm.layers.layer import LayerArguments, Shape
from torch_keras_lstm.layers.serialization import register
from torch_keras_lstm.layers.spatial import Amounts, SpatialLayer
from torch_keras_lstm.sliding_windows import pad


class Cropping(SpatialLayer):
    """The axes of space without their margins.

    Args:
        cropping: how many steps to cut off in front and at the end: one number for all axes and both sides; one for
            each axis; or a pair for each axis. ``Cropping1D`` takes one number or one pair.
        data_format: "channels_last", which ``None`` means too, or "channels_first"; ``Cropping1D`` has none.

    Raises:
        ValueError: for another ``cropping`` or ``data_format``, and for inputs with other axes or of which nothing
            would be left.
    """

    def __init__(self, cropping: Amounts = 0, data_format: str | None = None, **kwargs: Unpack[LayerArguments]) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self.cropping = self.pairs("cropping", cropping)

    def check_input_shape(self, shape: Shape) -> None:
        """Raise a ``ValueError`` unless inputs of ``shape`` have the layer's axes and more steps than are cut off."""
        super().check_input_shape(shape)
        if any(size is not None and size < 1 for size in self.compute_output_shape(shape)[1:]):
            raise ValueError(
                f"Layer `{self.name}` cuts off {self.cropping}, which leaves nothing of inputs of shape {tuple(shape)}."
            )

    def forward(self, inputs: Any) -> Tensor:
        """Map (batch, *spatial, channels) to the same with fewer steps in space, or what ``data_format`` says."""
        values = self.channels_first(self.prepare(inputs))
        cut = [(-before, -after) for before, after in self.cropping]
        return self.finish(self.in_data_format(pad(values, cut)))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """The input's shape without what is cut off."""
        return self.resized(input_shape, (1,) * self.rank, [-sum(pair) for pair in self.cropping])

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments under Keras 3's names."""
        return {**super().get_config(), "cropping": self.cropping, "data_format": self.data_format}

    def extra_repr(self) -> str:
        """The amounts."""
        return f"cropping={self.cropping}, {super().extra_repr()}"


@register("keras.layers")
@described_as(Cropping)
class Cropping1D(Cropping):
    """The steps of (batch, length, channels) without their margins, 1 at each end by default.

    Example:
        >>> Cropping1D((1, 2))(torch.arange(6.0).reshape(1, 6, 1)).flatten()
        tensor([1., 2., 3.])
    """

    rank = 1

    def __init__(self, cropping: Amounts = 1, **kwargs: Unpack[LayerArguments]) -> None:
        super().__init__(cropping, **kwargs)

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments under Keras 3's names."""
        config = {**super().get_config(), "cropping": self.cropping[0]}
        del config["data_format"]
        return config


@register("keras.layers")
@described_as(Cropping)
class Cropping2D(Cropping):
    """(batch, height, width, channels) without its margins, of which there are none by default.

    Example:
        >>> Cropping2D(((0, 1), (2, 3)))(torch.randn(4, 7, 9, 5)).shape
        torch.Size([4, 6, 4, 5])
    """

    rank = 2


@register("keras.layers")
@described_as(Cropping)
class Cropping3D(Cropping):
    """(batch, depth, height, width, channels) without its margins, 1 on each side by default.

    Example:
        >>> Cropping3D((1, 2, 3))(torch.randn(4, 6, 7, 9, 5)).shape
        torch.Size([4, 4, 3, 3, 5])
    """

    rank = 3

    def __init__(self, cropping: Amounts = 1, data_format: str | None = None, **kwargs: Unpack[LayerArguments]) -> None:
        super().__init__(cropping, data_format, **kwargs)
