"""``keras.layers.MaxNumBoundingBoxes``."""

from collections.abc import Mapping
from typing import Any, SupportsIndex

import torch
from torch import Tensor
from torch.nn import functional as F

from torch_keras_lstm.arguments import positive_integer
from torch_keras_lstm.layers.image_augmentation import ImageAugmentation
from torch_keras_lstm.layers.serialization import register


@register("keras.layers")
class MaxNumBoundingBoxes(ImageAugmentation):
    """So many bounding boxes for every image, the first ones, or filled up with boxes that are none.

    Images, labels and masks stay as they are, in training and in inference.

    Args:
        max_number: how many.
        fill_value: what the numbers and the label of a box are that is none.
        **kwargs: ``bounding_box_format``, without which boxes are refused, ``data_format``, and the arguments of every
            layer; see :class:`Layer`.

    Raises:
        ValueError: when ``max_number`` is not a positive integer.

    Example:
        >>> boxes = {"boxes": torch.rand(2, 3, 4), "labels": torch.ones(2, 3)}
        >>> layer = MaxNumBoundingBoxes(5, bounding_box_format="xyxy")
        >>> outputs = layer({"images": torch.rand(2, 4, 5, 3), "bounding_boxes": boxes})
        >>> outputs["bounding_boxes"]["labels"][0]
        tensor([ 1.,  1.,  1., -1., -1.])
    """

    config_names = ("max_number",)
    changes_boxes_in_inference = True

    def __init__(self, max_number: SupportsIndex, fill_value: int = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.max_number = positive_integer("max_number", max_number)
        self.fill_value = int(fill_value)

    def get_random_transformation(self, images: Tensor) -> None:
        """Nothing is drawn."""

    def transform_images(self, images: Tensor, transformation: None) -> Tensor:
        """The same."""
        return images

    def transform_bounding_boxes(self, boxes: Mapping[str, Tensor], transformation: None) -> Mapping[str, Tensor]:
        """``boxes``, (batch, max_number, 4), and ``labels``, (batch, max_number)."""
        found, labels = (torch.as_tensor(boxes[name])[:, : self.max_number] for name in ("boxes", "labels"))
        more = self.max_number - found.shape[1]
        return {
            **boxes,
            "boxes": F.pad(found, (0, 0, 0, more), value=self.fill_value),
            "labels": F.pad(labels, (0, more), value=self.fill_value),
        }
