"""``keras.layers.Mosaic``, which came with Keras 3.16."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from torch_keras_lstm.layers.image_augmentation import Factor, ImageAugmentation, bounds
from torch_keras_lstm.layers.serialization import register

Transformation = Mapping[str, Any]


@register("keras.layers")
class Mosaic(ImageAugmentation):
    """In training, images made of four images of their batch, which meet at one point; else the identity.

    Labels come with the images in a dictionary, ``{"images": ..., "labels": ...}``, and so do they go out: means of
    those of the four, as much of each as of its image is seen.

    Args:
        offset: where the four meet, as shares of height and width from 0 to 1: two numbers between which it is drawn,
            or one up to which.
        seed: gives the layer a generator of its own; ``None`` uses torch's global one.
        bounding_box_format: accepted for the sake of files; boxes are not changed along with images here.
        data_format: "channels_last", which ``None`` means too, or "channels_first".
        **kwargs: the arguments of every layer; see :class:`Layer`.

    Raises:
        ValueError: for an argument outside of these, and for inputs that are no images.

    Example:
        >>> given = {"images": torch.rand(2, 4, 5, 3), "labels": torch.eye(2)}
        >>> Mosaic()(given, training=True)["labels"].sum(1)
        tensor([1., 1.])
    """

    config_names = ("offset", "seed")

    def __init__(
        self,
        offset: Factor = (0.25, 0.75),
        seed: int | None = None,
        bounding_box_format: str | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format=data_format, seed=seed, bounding_box_format=bounding_box_format, **kwargs)
        self.offset = bounds("offset", offset, 0, 1)

    def get_random_transformation(self, images: Tensor) -> Transformation:
        """``permutation_order``, (batch, 4): which images; ``mosaic_centers``, (batch, 2): where they meet, (x, y)."""
        count = len(images)
        others = (self.uniform(images, (count, 3)) * count).long().clamp(max=count - 1)
        first = torch.arange(count, device=images.device).unsqueeze(1)
        sizes = images.new_tensor([images.shape[self.width_axis], images.shape[self.height_axis]])
        centers = torch.round(self.uniform(images, (count, 2), *self.offset) * sizes) / sizes
        return {"permutation_order": torch.cat([first, others], 1), "mosaic_centers": centers}

    def transform_images(self, images: Tensor, transformation: Transformation) -> Tensor:
        """The mosaics: each image is cut off where the next one begins."""
        rows, columns = images.shape[self.height_axis], images.shape[self.width_axis]
        centers = transformation["mosaic_centers"]
        x, y = (torch.round(centers[:, axis] * size).long() for axis, size in enumerate((columns, rows)))
        # A point is the one that lies as far from the meeting point as in the image from its corner there.
        down = torch.arange(rows, device=images.device) - y.unsqueeze(1)
        across = torch.arange(columns, device=images.device) - x.unsqueeze(1)
        which = 2 * (down >= 0).long().unsqueeze(2) + (across >= 0).long().unsqueeze(1)
        source = transformation["permutation_order"].unsqueeze(1).gather(2, which.flatten(1).unsqueeze(1)).squeeze(1)
        source = source.reshape(which.shape)
        values = images if self.channel_axis == -1 else images.movedim(1, -1)
        row = torch.remainder(down, rows).unsqueeze(2).expand_as(which)
        column = torch.remainder(across, columns).unsqueeze(1).expand_as(which)
        mosaics = values[source, row, column]
        return mosaics if self.channel_axis == -1 else mosaics.movedim(-1, 1)

    def transform_segmentation_masks(self, masks: Tensor, transformation: Transformation) -> Tensor:
        """The masks, put together as the images."""
        return self.transform_images(masks, transformation)

    def transform_labels(self, labels: Tensor, transformation: Transformation) -> Tensor:
        """Means of the labels, (batch, classes).

        Raises:
            ValueError: unless they are such, of numbers with fractions.
        """
        if labels.dim() != 2 or not labels.is_floating_point():
            raise ValueError(
                f"Layer `{self.name}` mixes labels: they must be one number with fractions for each class, (batch, "
                f"classes), got {labels.dtype} of shape {tuple(labels.shape)}."
            )
        x, y = transformation["mosaic_centers"].to(labels.dtype).unbind(1)
        shares = torch.stack([x * y, (1 - x) * y, x * (1 - y), (1 - x) * (1 - y)], 1)
        return (labels[transformation["permutation_order"]] * shares.unsqueeze(-1)).sum(1)
