"""Images mixed with others of their batch, and their labels with them: ``keras.layers.MixUp`` and ``CutMix``."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from torch_keras_lstm.arguments import check_number
from torch_keras_lstm.layers.image_augmentation import Factor, ImageAugmentation, bounds, for_each_image
from torch_keras_lstm.layers.serialization import register

Transformation = Mapping[str, Any]


class _Mixing(ImageAugmentation):
    """Base of the two: with the others in which order, and how much of one's own is left."""

    def _order(self, images: Tensor) -> Tensor:
        """A permutation of the batch."""
        return self.uniform(images, (len(images),)).argsort()

    def transform_labels(self, labels: Tensor, transformation: Transformation) -> Tensor:
        """Means of the labels (batch, classes), as much of each as of its image is left."""
        weight: Tensor = transformation["mix_weight"].reshape(-1, 1)
        return weight * labels + (1 - weight) * labels[transformation["permutation_order"]]


@register("keras.layers")
class MixUp(_Mixing):
    """In training, means of an image and another of its batch, and of their labels; else the identity.

    Labels come with the images in a dictionary, ``{"images": ..., "labels": ...}``, and so do they go out.

    Args:
        alpha: of the beta distribution from which the weight of an image is drawn: near 0 it is near 0 or 1.
        data_format: "channels_last", which ``None`` means too, or "channels_first".
        seed: gives the layer a generator of its own; ``None`` uses torch's global one.
        **kwargs: the arguments of every layer; see :class:`Layer`.

    Raises:
        ValueError: for inputs that are no images, and an ``alpha`` that is no number above 0.

    Example:
        >>> given = {"images": torch.rand(2, 4, 5, 3), "labels": torch.eye(2)}
        >>> mixed = MixUp()(given, training=True)
        >>> mixed["images"].shape, mixed["labels"].sum(1)
        (torch.Size([2, 4, 5, 3]), tensor([1., 1.]))
    """

    config_names = ("alpha", "seed")

    def __init__(
        self, alpha: float = 0.2, data_format: str | None = None, seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(data_format=data_format, seed=seed, **kwargs)
        check_number("alpha", alpha)
        if alpha <= 0:
            raise ValueError(f"`alpha` must be a number above 0, got {alpha!r}.")
        self.alpha = alpha

    def get_random_transformation(self, images: Tensor) -> Transformation:
        """``mix_weight``, (batch,): how much is left of an image; ``permutation_order``, with which it is mixed."""
        order = self._order(images)
        return {"mix_weight": self.beta(images, (len(images),), self.alpha), "permutation_order": order}

    def transform_images(self, images: Tensor, transformation: Transformation) -> Tensor:
        """The means."""
        weight = for_each_image(transformation["mix_weight"]).to(images.dtype)
        return weight * images + (1 - weight) * images[transformation["permutation_order"]]

    def transform_segmentation_masks(self, masks: Tensor, transformation: Transformation) -> Tensor:
        """Means of the masks."""
        weight = for_each_image(transformation["mix_weight"])
        return weight * masks + (1 - weight) * masks[transformation["permutation_order"]]


@register("keras.layers")
class CutMix(_Mixing):
    """In training, images with a rectangle of another of their batch, and means of their labels; else the identity.

    Labels come with the images in a dictionary, ``{"images": ..., "labels": ...}``, and so do they go out. A single
    image stays as it is.

    Args:
        factor: of the beta distribution from which the share of an image that is left is drawn, from 0 to 1: two
            numbers between which it is drawn, or one up to which.
        seed: gives the layer a generator of its own; ``None`` uses torch's global one.
        data_format: "channels_last", which ``None`` means too, or "channels_first".
        **kwargs: the arguments of every layer; see :class:`Layer`.

    Raises:
        ValueError: for an argument outside of these, and for inputs that are no images.

    Example:
        >>> given = {"images": torch.rand(2, 4, 5, 3), "labels": torch.eye(2)}
        >>> CutMix()(given, training=True)["labels"].sum(1)
        tensor([1., 1.])
    """

    config_names = ("factor", "seed")

    def __init__(
        self, factor: Factor = 1.0, seed: int | None = None, data_format: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(data_format=data_format, seed=seed, **kwargs)
        self.factor = bounds("factor", factor, 0, 1)

    def get_random_transformation(self, images: Tensor) -> Transformation:
        """``batch_masks``, which points are another's; ``mix_weight``, (batch,) and axes; ``permutation_order``."""
        alpha = float(self.uniform(images, (), *self.factor)) + 1e-6
        ratio = torch.sqrt(1 - self.beta(images, (len(images),), alpha))
        rows, columns = images.shape[self.height_axis], images.shape[self.width_axis]
        left, right = self._cut(images, columns, ratio)
        top, low = self._cut(images, rows, ratio)
        y, x = (torch.arange(size, dtype=images.dtype, device=images.device) for size in (rows, columns))
        down = (y >= top.reshape(-1, 1)) & (y < low.reshape(-1, 1))
        across = (x >= left.reshape(-1, 1)) & (x < right.reshape(-1, 1))
        inside = (down.unsqueeze(2) & across.unsqueeze(1)).unsqueeze(self.channel_axis % 4)
        return {
            "batch_masks": inside.expand(images.shape),
            "mix_weight": 1 - for_each_image((right - left) * (low - top) / (rows * columns)),
            "permutation_order": self._order(images),
        }

    def _cut(self, images: Tensor, length: int, ratio: Tensor) -> tuple[Tensor, Tensor]:
        size = ratio * length
        start = self.uniform(images, (len(images),)) * (length - size)
        return start, start + size

    def images_for(self, images: Tensor, training: bool) -> Tensor:
        """The batch of images that a call gives."""
        return super().images_for(images, training and len(images) > 1)

    def transform_images(self, images: Tensor, transformation: Transformation) -> Tensor:
        """The images with their rectangles."""
        return torch.where(transformation["batch_masks"], images[transformation["permutation_order"]], images)

    def transform_segmentation_masks(self, masks: Tensor, transformation: Transformation) -> Tensor:
        """The masks with the same rectangles."""
        inside = transformation["batch_masks"].narrow(self.channel_axis, 0, 1)
        return torch.where(inside, masks[transformation["permutation_order"]], masks)
