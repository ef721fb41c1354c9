"""``keras.layers.GlobalMaxPooling1D`` to ``3D`` and ``GlobalAveragePooling1D`` to ``3D``."""

from abc import abstractmethod
from typing import Any, Unpack

import torch
from torch import Tensor

from torch_keras_lstm.docstrings import described_as
from torch_keras_lstm.layers.layer import LayerArguments, Shape
from torch_keras_lstm.layers.serialization import register
from torch_keras_lstm.layers.spatial import SpatialLayer


class GlobalPooling(SpatialLayer):
    """One number for each channel, from all steps in space.

    Args:
        data_format: "channels_last", which ``None`` means too, or "channels_first".
        keepdims: whether the axes of space stay, with size 1.

    Raises:
        ValueError: for another ``data_format``, and for inputs with other axes.
    """

    def __init__(
        self, data_format: str | None = None, keepdims: bool = False, **kwargs: Unpack[LayerArguments]
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self.keepdims = keepdims

    def forward(self, inputs: Any) -> Tensor:
        """Map (batch, *spatial, channels) to (batch, channels), or (batch, 1, ..., channels) with ``keepdims``."""
        values = self.prepare_numbers(inputs)
        return self.finish(self._delivered(self.pool(values, tuple(range(2, values.ndim)))))

    def _delivered(self, pooled: Tensor) -> Tensor:
        return self.in_data_format(pooled) if self.keepdims else pooled.flatten(1)

    @abstractmethod
    def pool(self, values: Tensor, axes: tuple[int, ...]) -> Tensor:
        """Reduce ``axes`` of (batch, channels, *spatial) to size 1."""

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """(batch, channels), or with ``keepdims`` the input's shape with size 1 along space."""
        batch, channels = input_shape[0], self.channels_of(input_shape)
        return self.arrange(batch, (1,) * self.rank, channels) if self.keepdims else (batch, channels)

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments under Keras 3's names."""
        return {**super().get_config(), "data_format": self.data_format, "keepdims": self.keepdims}


class GlobalMaxPooling(GlobalPooling):
    """The largest value of each channel; arguments as :class:`GlobalPooling`. A mask is not looked at, as in Keras."""

    def pool(self, values: Tensor, axes: tuple[int, ...]) -> Tensor:
        """Among several largest values the gradient is shared, as in TensorFlow."""
        return values.amax(axes, keepdim=True)


class GlobalAveragePooling(GlobalPooling):
    """The mean of each channel; arguments as :class:`GlobalPooling`."""

    has_own_half = ("sum_of_steps",)

    def sum_of_steps_in_half(self, values: Tensor) -> Tensor:
        """As :meth:`sum_of_steps`, along the axis that the inputs have: the order of a sum is seen."""
        if self.data_format == "channels_first":
            return values.sum(2, keepdim=True)
        return values.movedim(1, -1).sum(1, keepdim=True).movedim(-1, 1)

    def sum_of_steps(self, values: Tensor) -> Tensor:
        """The sums over time of (batch, channels, time)."""
        return values.sum(2, keepdim=True)

    def pool(self, values: Tensor, axes: tuple[int, ...]) -> Tensor:
        """The mean."""
        return values.mean(axes, keepdim=True)


@register("keras.layers")
@described_as(GlobalPooling)
class GlobalMaxPooling1D(GlobalMaxPooling):
    """The largest value over time of (batch, length, channels). A mask is not looked at, as in Keras.

    Example:
        >>> GlobalMaxPooling1D()(torch.tensor([[[1.0, 5.0], [3.0, 2.0]]]))
        tensor([[3., 5.]])
    """

    rank = 1


@register("keras.layers")
@described_as(GlobalPooling)
class GlobalMaxPooling2D(GlobalMaxPooling):
    """The largest value of (batch, height, width, channels) for each channel.

    Example:
        >>> GlobalMaxPooling2D()(torch.randn(4, 7, 9, 5)).shape
        torch.Size([4, 5])
    """

    rank = 2


@register("keras.layers")
@described_as(GlobalPooling)
class GlobalMaxPooling3D(GlobalMaxPooling):
    """The largest value of (batch, depth, height, width, channels) for each channel.

    Example:
        >>> GlobalMaxPooling3D(keepdims=True)(torch.randn(4, 6, 7, 9, 5)).shape
        torch.Size([4, 1, 1, 1, 5])
    """

    rank = 3


@register("keras.layers")
@described_as(GlobalPooling)
class GlobalAveragePooling1D(GlobalAveragePooling):
    """The mean over time of (batch, length, channels), masked steps left out.

    A row without a single unmasked step gives nan, as in Keras.

    Example:
        >>> x = torch.tensor([[[1.0], [3.0], [8.0]]])
        >>> GlobalAveragePooling1D()(x), GlobalAveragePooling1D()(x, mask=torch.tensor([[True, True, False]]))
        (tensor([[4.]]), tensor([[2.]]))
    """

    supports_masking = True

    rank = 1

    def forward(self, inputs: Any, mask: Any = None) -> Tensor:
        """Map (batch, length, channels) to (batch, channels); ``mask`` is (batch, length), ``True`` where it counts."""
        if mask is None:
            return super().forward(inputs)
        values = self.prepare_numbers(inputs)
        steps = torch.as_tensor(mask, device=values.device)
        if steps.shape != values[:, 0].shape:
            raise ValueError(
                f"`mask` of layer `{self.name}` must have shape (batch, length) = {tuple(values[:, 0].shape)}, "
                f"got {tuple(steps.shape)}."
            )
        steps = steps.bool().unsqueeze(1)
        sums = self.sum_of_steps(torch.where(steps, values, 0))
        return self.finish(self._delivered(sums / steps.sum(2, keepdim=True)))

    def compute_mask(self, inputs: Any, mask: Any = None) -> None:
        """None: the steps that the mask means are not there any more."""


@register("keras.layers")
@described_as(GlobalPooling)
class GlobalAveragePooling2D(GlobalAveragePooling):
    """The mean of (batch, height, width, channels) for each channel.

    Example:
        >>> GlobalAveragePooling2D(data_format="channels_first")(torch.randn(4, 5, 7, 9)).shape
        torch.Size([4, 5])
    """

    rank = 2


@register("keras.layers")
@described_as(GlobalPooling)
class GlobalAveragePooling3D(GlobalAveragePooling):
    """The mean of (batch, depth, height, width, channels) for each channel.

    Example:
        >>> GlobalAveragePooling3D()(torch.ones(1, 6, 7, 9, 2))
        tensor([[1., 1.]])
    """

    rank = 3
