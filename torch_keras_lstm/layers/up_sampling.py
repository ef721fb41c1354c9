"""``keras.layers.UpSampling1D``, ``UpSampling2D`` and ``UpSampling3D``."""

from collections.abc import Sequence
from typing import Any, Unpack

import torch
from torch import Tensor
from torch.nn import functional as F

from torch_keras_lstm.arguments import check_choice, integers_per_axis
from torch_keras_lstm.docstrings import described_as
from torch_keras_lstm.interpolation import KERNELS, enlarge
from torch_keras_lstm.layers.layer import LayerArguments, Shape
from torch_keras_lstm.layers.serialization import register
from torch_keras_lstm.layers.spatial import SpatialLayer


class UpSampling(SpatialLayer):
    """Each step in space repeated.

    Args:
        size: how many times, one number or one for each axis of space.
        data_format: "channels_last", which ``None`` means too, or "channels_first"; ``UpSampling1D`` has none.

    Raises:
        ValueError: for another ``size`` or ``data_format``, and for inputs with other axes.
    """

    def __init__(
        self, size: int | Sequence[int] = 2, data_format: str | None = None, **kwargs: Unpack[LayerArguments]
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self.size = integers_per_axis("size", size, self.rank)

    def forward(self, inputs: Any) -> Tensor:
        """Map (batch, *spatial, channels) to the same with more steps in space, or what ``data_format`` says."""
        return self.finish(self.in_data_format(self.resize(self.channels_first(self.prepare(inputs)))))

    def resize(self, values: Tensor) -> Tensor:
        """(batch, channels, *spatial) with more steps in space."""
        for axis, times in enumerate(self.size, start=2):
            values = values.repeat_interleave(times, dim=axis)
        return values

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """The input's shape with its sizes in space multiplied."""
        return self.resized(input_shape, self.size, (0,) * self.rank)

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments under Keras 3's names."""
        return {**super().get_config(), "size": self.size, "data_format": self.data_format}

    def extra_repr(self) -> str:
        """The factors."""
        return f"size={self.size}, {super().extra_repr()}"


@register("keras.layers")
@described_as(UpSampling)
class UpSampling1D(UpSampling):
    """Each step of (batch, length, channels) repeated ``size`` times.

    Example:
        >>> UpSampling1D(3)(torch.tensor([[[1.0], [2.0]]])).flatten()
        tensor([1., 1., 1., 2., 2., 2.])
    """

    rank = 1

    def __init__(self, size: int = 2, **kwargs: Unpack[LayerArguments]) -> None:
        super().__init__(size, **kwargs)

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments under Keras 3's names."""
        config = {**super().get_config(), "size": self.size[0]}
        del config["data_format"]
        return config


@register("keras.layers")
@described_as(UpSampling)
class UpSampling2D(UpSampling):
    """(batch, height, width, channels) enlarged.

    Args:
        interpolation: "nearest" repeats pixels, and so does "area"; "bilinear" goes from the middle of one to that of
            the next; "bicubic", "lanczos3", "lanczos5", "gaussian" and "mitchellcubic" weight the pixels around, as
            TensorFlow does, which computes them in single precision whatever the layer's type. Keras 3 has no "area",
            "gaussian" and "mitchellcubic", tf.keras has.
        from_first: whether "bilinear" begins in the middle of the first pixel and takes equal steps from there, which
            shifts the image, as TF.js does. Models read from its files have it set.

    Example:
        >>> x = torch.tensor([1.0, 3.0]).reshape(1, 1, 2, 1)
        >>> UpSampling2D((1, 2))(x).flatten(), UpSampling2D((1, 2), interpolation="bilinear")(x).flatten()
        (tensor([1., 1., 3., 3.]), tensor([1.0000, 1.5000, 2.5000, 3.0000]))
    """

    rank = 2

    def __init__(
        self,
        size: int | Sequence[int] = 2,
        data_format: str | None = None,
        interpolation: str = "nearest",
        from_first: bool = False,
        **kwargs: Unpack[LayerArguments],
    ) -> None:
        super().__init__(size, data_format, **kwargs)
        self.from_first = from_first
        self.interpolation = interpolation.lower() if isinstance(interpolation, str) else interpolation
        check_choice("interpolation", self.interpolation, ("nearest", "area", "bilinear", *KERNELS))

    def resize(self, values: Tensor) -> Tensor:
        """(batch, channels, height, width) enlarged."""
        if self.interpolation in ("nearest", "area"):
            return super().resize(values)
        floats = values if values.is_floating_point() else values.to(self._dtype)
        if self.interpolation in KERNELS:
            return enlarge(floats, self.size, self.interpolation)
        if self.from_first:
            for axis, times in zip((2, 3), self.size, strict=True):
                floats = _in_equal_steps(floats, axis, times)
            return floats
        sizes = [size * times for size, times in zip(values.shape[2:], self.size, strict=True)]
        return F.interpolate(floats, sizes, mode="bilinear")

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments under Keras 3's names."""
        config = {**super().get_config(), "interpolation": self.interpolation}
        return config | ({"from_first": True} if self.from_first else {})


def _in_equal_steps(values: Tensor, axis: int, times: int) -> Tensor:
    """Between each entry of an axis and the next ``times - 1`` others; behind the last one it is repeated."""
    last = values.narrow(axis, values.shape[axis] - 1, 1)
    following = torch.cat([values.narrow(axis, 1, values.shape[axis] - 1), last], axis)
    steps = [torch.lerp(values, following, step / times) for step in range(times)]
    return torch.stack(steps, axis + 1).flatten(axis, axis + 1)


@register("keras.layers")
@described_as(UpSampling)
class UpSampling3D(UpSampling):
    """(batch, depth, height, width, channels) enlarged.

    Example:
        >>> UpSampling3D((1, 2, 3))(torch.randn(4, 6, 7, 9, 5)).shape
        torch.Size([4, 6, 14, 27, 5])
    """

    rank = 3
