"""``RandomHeight`` and ``RandomWidth`` of tf.keras, which Keras 3 dropped."""

from typing import Any, ClassVar, Unpack

import torch
from torch import Tensor

from torch_keras_lstm.arguments import check_choice
from torch_keras_lstm.docstrings import described_as
from torch_keras_lstm.layers.image_augmentation import Factor, ImageAugmentation, bounds
from torch_keras_lstm.layers.layer import LayerArguments, Shape
from torch_keras_lstm.layers.serialization import register
from torch_keras_lstm.operations import image


class RandomSize(ImageAugmentation):
    """Base of the two: one axis of a batch of images, (batch, height, width, channels), is made longer or shorter.

    Args:
        factor: by how much of the size, at least -1: two numbers between which it is drawn, one for the whole batch,
            or one number for both sides of 0.
        interpolation: as in :class:`Resizing`.
        seed: gives the layer a generator of its own; ``None`` uses torch's global one.
        **kwargs: the arguments of every layer; see :class:`Layer`.

    Raises:
        ValueError: for an argument outside of these, and for inputs that are no images.
    """

    config_names = ("factor", "interpolation", "seed")
    # which of height and width
    changed: ClassVar[int]

    def __init__(
        self, factor: Factor, interpolation: str = "bilinear", seed: int | None = None, **kwargs: Unpack[LayerArguments]
    ) -> None:
        super().__init__(seed=seed, **kwargs)
        self._bounds = bounds("factor", factor, -1, torch.inf)
        self.factor = factor
        check_choice("interpolation", interpolation, image.INTERPOLATIONS)
        self.interpolation = interpolation

    def get_random_transformation(self, images: Tensor) -> Tensor:
        """The number that the size is multiplied by."""
        low, high = self._bounds
        return self.uniform(images, (), 1 + low, 1 + high)

    def transform_images(self, images: Tensor, transformation: Tensor) -> Tensor:
        """The images in the new size, rounded down."""
        size = [images.shape[self.height_axis], images.shape[self.width_axis]]
        size[self.changed] = int(transformation.float() * size[self.changed])
        if size[self.changed] < 1:
            raise ValueError(f"Nothing is left of images of shape {tuple(images.shape)} in layer `{self.name}`.")
        return image.resize(images, size=size, interpolation=self.interpolation)

    def transform_segmentation_masks(self, masks: Tensor, transformation: Tensor) -> Tensor:
        """The masks in the same size."""
        return self.transform_images(masks, transformation)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """The size that is drawn is free, in inference too."""
        axis = len(input_shape) - 3 + self.changed
        return tuple(None if place == axis else size for place, size in enumerate(input_shape))

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments under tf.keras' names."""
        return {name: value for name, value in super().get_config().items() if name != "data_format"}


@register("keras.layers")
@described_as(RandomSize)
class RandomHeight(RandomSize):
    """In training, images made higher or lower; else the identity.

    Example:
        >>> RandomHeight((0.5, 0.5))(torch.rand(2, 4, 5, 3), training=True).shape
        torch.Size([2, 6, 5, 3])
    """

    changed = 0


@register("keras.layers")
@described_as(RandomSize)
class RandomWidth(RandomSize):
    """In training, images made wider or narrower; else the identity.

    Example:
        >>> RandomWidth((1.0, 1.0))(torch.rand(2, 4, 5, 3), training=True).shape
        torch.Size([2, 4, 10, 3])
    """

    changed = 1
