"""``keras.layers.RandomCrop``."""

from typing import Any, SupportsIndex, Unpack

from torch import Tensor

from torch_keras_lstm.arguments import positive_integer
from torch_keras_lstm.layers.image_augmentation import ImageAugmentation
from torch_keras_lstm.layers.layer import LayerArguments, Shape
from torch_keras_lstm.layers.serialization import register
from torch_keras_lstm.operations.image import resize


@register("keras.layers")
class RandomCrop(ImageAugmentation):
    """In training, a part of the batch's images, the same of all, wherever it is; else, as in Keras 3, the identity.

    Images that are smaller in a direction are cut to the proportions in their middle, and resized.

    Args:
        height, width: of the part.
        seed: gives the layer a generator of its own; ``None`` uses torch's global one.
        data_format: "channels_last", which ``None`` means too, or "channels_first".
        resizes_in_inference: be in inference as tf.keras was: the largest middle of those proportions, resized. Models
            that it saved say so.
        bounding_box_format: accepted for the sake of files; boxes are not changed along with images here.
        **kwargs: the arguments of every layer; see :class:`Layer`.

    Raises:
        ValueError: when a size is not a positive integer, and for inputs that are no images.

    Example:
        >>> RandomCrop(3, 2)(torch.rand(2, 4, 5, 3), training=True).shape
        torch.Size([2, 3, 2, 3])
    """

    config_names = ("height", "width", "seed")

    def __init__(
        self,
        height: SupportsIndex,
        width: SupportsIndex,
        seed: int | None = None,
        data_format: str | None = None,
        bounding_box_format: str | None = None,
        resizes_in_inference: bool = False,
        **kwargs: Unpack[LayerArguments],
    ) -> None:
        super().__init__(data_format=data_format, seed=seed, bounding_box_format=bounding_box_format, **kwargs)
        self.height = positive_integer("height", height)
        self.width = positive_integer("width", width)
        self.resizes_in_inference = resizes_in_inference

    def images_for(self, images: Tensor, training: bool) -> Tensor:
        """The batch of images that a call gives."""
        if training or not self.resizes_in_inference:
            return super().images_for(images, training)
        size = (self.height, self.width)
        return resize(images, size=size, crop_to_aspect_ratio=True, data_format=self.data_format)

    def get_random_transformation(self, images: Tensor) -> tuple[int, int]:
        """The row and the column at which the part begins."""
        rows, columns = images.shape[self.height_axis], images.shape[self.width_axis]
        if rows > self.height and columns > self.width:
            down, across = self.uniform(images, (2,)).tolist()
            return int(down * (rows - self.height + 1)), int(across * (columns - self.width + 1))
        height = max(min(rows, int(columns * self.height / self.width)), 1)
        width = max(min(columns, int(rows * self.width / self.height)), 1)
        return int((rows - height) / 2), int((columns - width) / 2)

    def transform_images(self, images: Tensor, transformation: tuple[int, int]) -> Tensor:
        """That part of the images."""
        down, across = transformation
        part = images.narrow(self.height_axis, down, min(self.height, images.shape[self.height_axis] - down))
        part = part.narrow(self.width_axis, across, min(self.width, images.shape[self.width_axis] - across))
        size = (self.height, self.width)
        if (part.shape[self.height_axis], part.shape[self.width_axis]) == size:
            return part
        return resize(part, size=size, data_format=self.data_format)

    def transform_segmentation_masks(self, masks: Tensor, transformation: tuple[int, int]) -> Tensor:
        """That part of the masks."""
        return self.transform_images(masks, transformation)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """The shape with ``height`` and ``width``, as in training."""
        sizes: list[Any] = [*input_shape]
        sizes[self.height_axis], sizes[self.width_axis] = self.height, self.width
        return tuple(sizes)

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments under Keras 3's names."""
        return super().get_config() | ({"resizes_in_inference": True} if self.resizes_in_inference else {})
