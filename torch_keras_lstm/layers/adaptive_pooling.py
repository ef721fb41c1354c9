"""``keras.layers.AdaptiveAveragePooling1D`` to ``3D`` and ``AdaptiveMaxPooling1D`` to ``3D``."""

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Unpack

from torch import Tensor
from torch.nn import functional as F

from torch_keras_lstm.arguments import integers_per_axis
from torch_keras_lstm.docstrings import described_as
from torch_keras_lstm.layers.layer import LayerArguments, Shape
from torch_keras_lstm.layers.serialization import register
from torch_keras_lstm.layers.spatial import SpatialLayer

_Pool = Callable[..., Tensor]
_MEAN: Mapping[int, _Pool] = {
    1: F.adaptive_avg_pool1d,
    2: F.adaptive_avg_pool2d,
    3: F.adaptive_avg_pool3d,
}
_MAX: Mapping[int, _Pool] = {
    1: F.adaptive_max_pool1d,
    2: F.adaptive_max_pool2d,
    3: F.adaptive_max_pool3d,
}


class AdaptivePooling(SpatialLayer):
    """One number for each channel and window, the windows chosen so that ``output_size`` of them come out.

    Window ``i`` of ``n`` along an axis of size ``s`` runs from ``floor(i * s / n)`` to ``ceil((i + 1) * s / n)``.

    Args:
        output_size: steps of the output in space, one number or one for each axis.
        data_format: "channels_last", which ``None`` means too, or "channels_first".
        **kwargs: the arguments of every layer; see :class:`Layer`.

    Raises:
        ValueError: when a size is not a positive integer, and for inputs with other axes.
    """

    def __init__(
        self, output_size: int | Sequence[int], data_format: str | None = None, **kwargs: Unpack[LayerArguments]
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self.output_size = integers_per_axis("output_size", output_size, self.rank)

    def forward(self, inputs: Any) -> Tensor:
        """Map (batch, *spatial, channels) to (batch, *output_size, channels), or what ``data_format`` says."""
        return self.finish(self.in_data_format(self.pool(self.prepare_numbers(inputs))))

    @abstractmethod
    def pool(self, values: Tensor) -> Tensor:
        """Pool (batch, channels, *spatial)."""

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """(batch, *output_size, channels), or what ``data_format`` says."""
        return self.arrange(input_shape[0], self.output_size, self.channels_of(input_shape))

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments under Keras 3's names."""
        return {**super().get_config(), "output_size": self.output_size, "data_format": self.data_format}

    def extra_repr(self) -> str:
        """The sizes and the name."""
        return f"output_size={self.output_size}, {super().extra_repr()}"


class AdaptiveAveragePooling(AdaptivePooling):
    """The mean of each window; arguments as :class:`AdaptivePooling`."""

    def pool(self, values: Tensor) -> Tensor:
        """The means."""
        return _MEAN[self.rank](values, self.output_size)


class AdaptiveMaxPooling(AdaptivePooling):
    """The largest value of each window; arguments as :class:`AdaptivePooling`."""

    def pool(self, values: Tensor) -> Tensor:
        """The maxima."""
        return _MAX[self.rank](values, self.output_size)


@register("keras.layers")
@described_as(AdaptivePooling)
class AdaptiveAveragePooling1D(AdaptiveAveragePooling):
    """The means of ``output_size`` windows of (batch, length, channels).

    Example:
        >>> AdaptiveAveragePooling1D(2)(torch.tensor([[[1.0], [2.0], [3.0], [6.0]]])).tolist()
        [[[1.5], [4.5]]]
    """

    rank = 1


@register("keras.layers")
@described_as(AdaptivePooling)
class AdaptiveAveragePooling2D(AdaptiveAveragePooling):
    """The means of windows of (batch, height, width, channels).

    Example:
        >>> AdaptiveAveragePooling2D((2, 3))(torch.randn(4, 7, 9, 5)).shape
        torch.Size([4, 2, 3, 5])
    """

    rank = 2


@register("keras.layers")
@described_as(AdaptivePooling)
class AdaptiveAveragePooling3D(AdaptiveAveragePooling):
    """The means of windows of (batch, depth, height, width, channels).

    Example:
        >>> AdaptiveAveragePooling3D(2)(torch.randn(4, 6, 7, 9, 5)).shape
        torch.Size([4, 2, 2, 2, 5])
    """

    rank = 3


@register("keras.layers")
@described_as(AdaptivePooling)
class AdaptiveMaxPooling1D(AdaptiveMaxPooling):
    """The maxima of ``output_size`` windows of (batch, length, channels).

    Example:
        >>> AdaptiveMaxPooling1D(2)(torch.tensor([[[1.0], [2.0], [3.0], [6.0]]])).tolist()
        [[[2.0], [6.0]]]
    """

    rank = 1


@register("keras.layers")
@described_as(AdaptivePooling)
class AdaptiveMaxPooling2D(AdaptiveMaxPooling):
    """The maxima of windows of (batch, height, width, channels).

    Example:
        >>> AdaptiveMaxPooling2D(1)(torch.arange(6.0).reshape(1, 2, 3, 1)).flatten()
        tensor([5.])
    """

    rank = 2


@register("keras.layers")
@described_as(AdaptivePooling)
class AdaptiveMaxPooling3D(AdaptiveMaxPooling):
    """The maxima of windows of (batch, depth, height, width, channels).

    Example:
        >>> AdaptiveMaxPooling3D((1, 2, 4))(torch.randn(4, 6, 7, 9, 5)).shape
        torch.Size([4, 1, 2, 4, 5])
    """

    rank = 3
