"""``keras.layers.Equalization`` and ``ContrastLimitedAdaptiveHistogramEqualization``: values made about as frequent."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from torch_keras_lstm.arguments import check_number, integers_per_axis, positive_integer
from torch_keras_lstm.layers.image_augmentation import ImageAugmentation, in_range, range_of_values
from torch_keras_lstm.layers.serialization import register

_BYTES = (0, 255)


@register("keras.layers")
class Equalization(ImageAugmentation):
    """In training, images in which all values are about as frequent, channel by channel; else the identity.

    As in Keras the values of all images of a batch are counted together.

    Args:
        value_range: the range of the images' values.
        bins: how many values are told apart.
        data_format: "channels_last", which ``None`` means too, or "channels_first".
        **kwargs: the arguments of every layer; see :class:`Layer`.

    Raises:
        ValueError: for an argument outside of these, and for inputs that are no images.

    Example:
        >>> Equalization(value_range=(0, 1))(torch.rand(2, 4, 5, 3), training=True).shape
        torch.Size([2, 4, 5, 3])
    """

    config_names = ("value_range", "bins")

    def __init__(
        self, value_range: Any = _BYTES, bins: int = 256, data_format: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self.value_range = range_of_values(value_range)
        self.bins = positive_integer("bins", bins)

    def get_random_transformation(self, images: Tensor) -> None:
        """Nothing is drawn."""

    def transform_images(self, images: Tensor, transformation: None) -> Tensor:
        """The images, equalized."""
        channels = [self._equalized(channel) for channel in images.unbind(self.channel_axis)]
        return torch.stack(channels, self.channel_axis).to(images.dtype)

    def _equalized(self, channel: Tensor) -> Tensor:
        values = in_range(channel, self.value_range, _BYTES)
        bins = (values.float() * (self.bins - 1) / 255).to(torch.int32).clamp(0, self.bins - 1)
        counts = torch.bincount(bins.flatten().long(), minlength=self.bins)
        below = counts.cumsum(0)
        first = below[(below > 0).int().argmax()]
        rest = below[-1] - first
        table = ((below - first) * 255 / rest.where(rest != 0, 1)).round().clamp(0, 255)
        looked_up = table[(values / 255 * (self.bins - 1)).clamp(0, self.bins - 1).long()].to(values.dtype)
        changed = torch.where((counts > 0).sum() <= 1, values, looked_up)
        return in_range(changed, _BYTES, self.value_range)


@register("keras.layers")
class ContrastLimitedAdaptiveHistogramEqualization(ImageAugmentation):
    """Images equalized tile by tile, in training and in inference, as in Keras (Zuiderveld, 1994).

    A point goes by means of the tiles around it, whose contrast is limited.

    Args:
        value_range: the range of the images' values.
        clip_limit: how many times as frequent as on average a value of a tile may count; 0 for no limit.
        tile_grid_size: how many tiles the images have, down and across.
        data_format: "channels_last", which ``None`` means too, or "channels_first".
        **kwargs: the arguments of every layer; see :class:`Layer`.

    Raises:
        ValueError: for an argument outside of these, and for inputs that are no images.

    Example:
        >>> layer = ContrastLimitedAdaptiveHistogramEqualization((0, 1), tile_grid_size=(2, 2))
        >>> layer(torch.rand(2, 6, 5, 3)).shape
        torch.Size([2, 6, 5, 3])
    """

    config_names = ("value_range", "clip_limit", "tile_grid_size")
    keeps_type = True

    def __init__(
        self,
        value_range: Any = _BYTES,
        clip_limit: float = 4.0,
        tile_grid_size: Sequence[int] = (8, 8),
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self.value_range = range_of_values(value_range)
        check_number("clip_limit", clip_limit)
        self.clip_limit = clip_limit
        self.tile_grid_size = integers_per_axis("tile_grid_size", tile_grid_size, 2)

    def images_for(self, images: Tensor, training: bool) -> Tensor:
        """The images, equalized."""
        return self.transform_images(images, None)

    def get_random_transformation(self, images: Tensor) -> None:
        """Nothing is drawn."""

    def transform_images(self, images: Tensor, transformation: None) -> Tensor:
        """As :meth:`images_for`."""
        values = in_range(images.float(), self.value_range, _BYTES)
        values = values if self.data_format == "channels_first" else values.movedim(-1, 1)
        values = self._equalized(values)
        values = values if self.data_format == "channels_first" else values.movedim(1, -1)
        return in_range(values, _BYTES, self.value_range).to(images.dtype)

    def _equalized(self, images: Tensor) -> Tensor:
        """(batch, channels, height, width) of bytes."""
        batch, channels, *sizes = images.shape
        grid = self.tile_grid_size
        tile = [-(-size // count) for size, count in zip(sizes, grid, strict=True)]
        more = [size * count - old for size, count, old in zip(tile, grid, sizes, strict=True)]
        bytes_ = _mirrored(images, more).to(torch.int32).clamp(0, 255).long()
        tiles = bytes_.reshape(batch, channels, grid[0], tile[0], grid[1], tile[1]).transpose(3, 4).flatten(4)
        counts = torch.zeros(*tiles.shape[:-1], 256, device=images.device)
        counts.scatter_add_(-1, tiles, torch.ones_like(tiles, dtype=counts.dtype))
        if self.clip_limit > 0:
            kept = counts.clamp(max=self.clip_limit * tiles.shape[-1] / 256)
            counts = kept + (counts - kept).sum(-1, keepdim=True) / 256
        below = counts.cumsum(-1)
        least = below.amin(-1, keepdim=True)
        rest = tiles.shape[-1] - least
        curves = ((below - least) * 255 / rest.where(rest != 0, 1)).clamp(0, 255)
        found = torch.zeros_like(bytes_, dtype=images.dtype)
        for rows, down in self._tiles_around(tile[0], grid[0], images):
            for columns, across in self._tiles_around(tile[1], grid[1], images):
                of_tiles = curves[:, :, rows][:, :, :, columns]
                found = found + of_tiles.gather(-1, bytes_.unsqueeze(-1)).squeeze(-1) * down.unsqueeze(1) * across
        return found[..., : sizes[0], : sizes[1]]

    @staticmethod
    def _tiles_around(tile: int, count: int, like: Tensor) -> list[tuple[Tensor, Tensor]]:
        """For each point of an axis the tile before its place and the one behind, and their weights."""
        place = (torch.arange(tile * count, dtype=torch.float32, device=like.device) - tile / 2) / tile
        before = place.floor()
        behind = place - before
        last = count - 1
        return [(before.long().clamp(0, last), 1 - behind), (before.long().add(1).clamp(0, last), behind)]


def _mirrored(images: Tensor, more: Sequence[int]) -> Tensor:
    """With so many rows and columns more, those at the border in the opposite order."""
    if not any(more):
        return images
    places = [
        torch.cat([torch.arange(size), torch.arange(size - 1, size - 1 - extra, -1)])
        for size, extra in zip(images.shape[2:], more, strict=True)
    ]
    return images[:, :, places[0].unsqueeze(1), places[1]]
