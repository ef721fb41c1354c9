"""``keras.layers.MaxPooling1D`` to ``3D`` and ``AveragePooling1D`` to ``3D``."""

import math
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, Unpack

import torch
from torch import Tensor
from torch.nn import functional as F

from torch_keras_lstm.arguments import check_choice, integers_per_axis
from torch_keras_lstm.docstrings import described_as
from torch_keras_lstm.half_precision import mean_of_windows
from torch_keras_lstm.layers.layer import LayerArguments, Shape
from torch_keras_lstm.layers.serialization import register
from torch_keras_lstm.layers.spatial import SpatialLayer, check_windows_fit
from torch_keras_lstm.sliding_windows import Pads, output_sizes, pad, pads

_MAX = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}
_MEAN = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}


class Pooling(SpatialLayer):
    """One number for each channel and window of the inputs.

    Args:
        pool_size: size of the window, one number or one for each axis of space.
        strides: the same; ``None`` is ``pool_size``.
        padding: "valid" or "same", in any case. "same" pads as TensorFlow does, more at the end than in front, and
            what is padded counts neither for a maximum nor for a mean.
        data_format: "channels_last", which ``None`` means too, or "channels_first".

    Raises:
        ValueError: when an argument is out of its range; for inputs with other axes, or with less room than a window
            takes.
    """

    def __init__(
        self,
        pool_size: int | Sequence[int] = 2,
        strides: int | Sequence[int] | None = None,
        padding: str = "valid",
        data_format: str | None = None,
        **kwargs: Unpack[LayerArguments],
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self.pool_size = integers_per_axis("pool_size", pool_size, self.rank)
        self.strides = self.pool_size if strides is None else integers_per_axis("strides", strides, self.rank)
        self.padding = padding.lower() if isinstance(padding, str) else padding
        check_choice("padding", self.padding, ("valid", "same"))

    def check_input_shape(self, shape: Shape) -> None:
        """Raise a ``ValueError`` unless inputs of ``shape`` have the layer's axes and room for a window."""
        super().check_input_shape(shape)
        check_windows_fit(self, shape, self.output_sizes(shape))

    def output_sizes(self, input_shape: Shape) -> list[int | None]:
        """The sizes of the output's axes of space, ``None`` where the input's is free."""
        return output_sizes(self.sizes_of(input_shape), self.pool_size, self.strides, (1,) * self.rank, self.padding)

    def forward(self, inputs: Any) -> Tensor:
        """Map (batch, *spatial, channels) to the same with fewer steps in space, or what ``data_format`` says."""
        values = self.prepare_numbers(inputs)
        amounts = pads(values.shape[2:], self.pool_size, self.strides, (1,) * self.rank, self.padding)
        return self.finish(self.in_data_format(self.pool(values, amounts)))

    @abstractmethod
    def pool(self, values: Tensor, amounts: Pads) -> Tensor:
        """Pool (batch, channels, *spatial) padded by ``amounts``."""

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """(batch, *spatial, channels), or what ``data_format`` says."""
        return self.arrange(input_shape[0], self.output_sizes(input_shape), self.channels_of(input_shape))

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments under Keras 3's names."""
        return {
            **super().get_config(),
            "pool_size": self.pool_size,
            "padding": self.padding,
            "strides": self.strides,
            "data_format": self.data_format,
        }

    def extra_repr(self) -> str:
        """The window, and what differs from Keras' defaults."""
        parts = [f"pool_size={self.pool_size}", super().extra_repr()]
        parts += [f"strides={self.strides}"] if self.strides != self.pool_size else []
        parts += [f"padding={self.padding!r}"] if self.padding != "valid" else []
        parts += [f"data_format={self.data_format!r}"] if self.data_format != "channels_last" else []
        return ", ".join(parts)


class MaxPooling(Pooling):
    """The largest value of each window; arguments as :class:`Pooling`."""

    def pool(self, values: Tensor, amounts: Pads) -> Tensor:
        """Padding is minus infinity, which no window consists of alone."""
        return _MAX[self.rank](pad(values, amounts, -math.inf), self.pool_size, self.strides)


class AveragePooling(Pooling):
    """The mean of each window; arguments as :class:`Pooling`."""

    has_own_half = ("pool",)

    def pool_in_half(self, values: Tensor, amounts: Pads) -> Tensor:
        """As :meth:`pool`."""
        return mean_of_windows(values, self.pool_size, self.strides, amounts)

    def pool(self, values: Tensor, amounts: Pads) -> Tensor:
        """Means over padded windows, corrected for the share of each that is no padding."""
        means = _MEAN[self.rank](pad(values, amounts), self.pool_size, self.strides)
        if self.padding == "valid":
            return means
        inside = torch.ones((1, 1, *values.shape[2:]), dtype=values.dtype, device=values.device)
        return means / _MEAN[self.rank](pad(inside, amounts), self.pool_size, self.strides)


@register("keras.layers")
@described_as(Pooling)
class MaxPooling1D(MaxPooling):
    """The largest value of each window of (batch, length, channels).

    Example:
        >>> MaxPooling1D(2)(torch.tensor([[[1.0], [4.0], [3.0], [2.0], [5.0]]])).tolist()
        [[[4.0], [3.0]]]
    """

    rank = 1


@register("keras.layers")
@described_as(Pooling)
class MaxPooling2D(MaxPooling):
    """The largest value of each window of (batch, height, width, channels).

    Example:
        >>> MaxPooling2D(2, padding="same")(torch.randn(4, 7, 9, 5)).shape
        torch.Size([4, 4, 5, 5])
    """

    rank = 2


@register("keras.layers")
@described_as(Pooling)
class MaxPooling3D(MaxPooling):
    """The largest value of each window of (batch, depth, height, width, channels).

    Example:
        >>> MaxPooling3D((1, 2, 3))(torch.randn(4, 6, 7, 9, 5)).shape
        torch.Size([4, 6, 3, 3, 5])
    """

    rank = 3


@register("keras.layers")
@described_as(Pooling)
class AveragePooling1D(AveragePooling):
    """The mean of each window of (batch, length, channels).

    Example:
        >>> AveragePooling1D(2, strides=1)(torch.tensor([[[1.0], [4.0], [3.0]]])).tolist()
        [[[2.5], [3.5]]]
    """

    rank = 1


@register("keras.layers")
@described_as(Pooling)
class AveragePooling2D(AveragePooling):
    """The mean of each window of (batch, height, width, channels).

    Example:
        >>> AveragePooling2D((2, 3))(torch.ones(4, 7, 9, 5)).shape
        torch.Size([4, 3, 3, 5])
    """

    rank = 2


@register("keras.layers")
@described_as(Pooling)
class AveragePooling3D(AveragePooling):
    """The mean of each window of (batch, depth, height, width, channels).

    Example:
        >>> AveragePooling3D(2, data_format="channels_first")(torch.randn(4, 5, 6, 7, 9)).shape
        torch.Size([4, 5, 3, 3, 4])
    """

    rank = 3
