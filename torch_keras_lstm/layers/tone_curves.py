"""Images whose values go through a curve: ``keras.layers.Solarization`` and ``AutoContrast``."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from torch_keras_lstm.layers.image_augmentation import Factor, ImageAugmentation, bounds, in_range, range_of_values
from torch_keras_lstm.layers.serialization import register

Transformation = Mapping[str, Any]

_BYTES = (0, 255)


@register("keras.layers")
class Solarization(ImageAugmentation):
    """In training, images with something added to them, and inverted where they are bright; else the identity.

    Args:
        addition_factor: what is added, of the range of values: from 0 to 1, two numbers between which it is drawn, or
            one up to which.
        threshold_factor: from which value on points are inverted, in the same form.
        value_range: the range of the images' values, which they stay in.
        seed: gives the layer a generator of its own; ``None`` uses torch's global one.
        **kwargs: ``data_format``, and the arguments of every layer; see :class:`Layer`.

    Raises:
        ValueError: for an argument outside of these, and for inputs that are no images.

    Example:
        >>> Solarization(threshold_factor=0.5)(torch.rand(2, 4, 5, 3), training=True).shape
        torch.Size([2, 4, 5, 3])
    """

    config_names = ("addition_factor", "threshold_factor", "value_range", "seed")

    def __init__(
        self,
        addition_factor: Factor = 0.0,
        threshold_factor: Factor = 0.0,
        value_range: Any = _BYTES,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, **kwargs)
        self.addition_factor = bounds("addition_factor", addition_factor, 0, 1, mirrored=False)
        self.threshold_factor = bounds("threshold_factor", threshold_factor, 0, 1, mirrored=False)
        self.value_range = range_of_values(value_range)

    def get_random_transformation(self, images: Tensor) -> Transformation:
        """``additions`` and ``thresholds``, (batch, 1, 1, 1), for values from 0 to 255."""
        shape = (len(images), 1, 1, 1)
        (low, high), (least, most) = self.addition_factor, self.threshold_factor
        return {
            "additions": self.uniform(images, shape, low, high * 255),  # the first as it is, as Keras 3 has it
            "thresholds": self.uniform(images, shape, least, most * 255),
        }

    def transform_images(self, images: Tensor, transformation: Transformation) -> Tensor:
        """The images, solarized."""
        values = torch.clamp(in_range(images, self.value_range, _BYTES) + transformation["additions"], *_BYTES)
        values = torch.where(values < transformation["thresholds"], values, 255 - values)
        return in_range(values, _BYTES, self.value_range)


@register("keras.layers")
class AutoContrast(ImageAugmentation):
    """Images whose channels each fill the range of values, in training and in inference, as in Keras.

    Args:
        value_range: the range of the images' values.
        **kwargs: ``data_format``, and the arguments of every layer; see :class:`Layer`.

    Raises:
        ValueError: for another ``value_range``, and for inputs that are no images.

    Example:
        >>> AutoContrast()(torch.rand(2, 4, 5, 3), training=True).shape
        torch.Size([2, 4, 5, 3])
    """

    config_names = ("value_range",)

    def __init__(self, value_range: Any = _BYTES, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.value_range = range_of_values(value_range)

    def get_random_transformation(self, images: Tensor) -> None:
        """Nothing is drawn."""

    def images_for(self, images: Tensor, training: bool) -> Tensor:
        """The images, stretched."""
        return self.transform_images(images, None)

    def transform_images(self, images: Tensor, transformation: None) -> Tensor:
        """As :meth:`images_for`; the axes are those of images with their channels last, as in Keras."""
        values = in_range(images, self.value_range, _BYTES)
        low, high = values.amin((1, 2), keepdim=True), values.amax((1, 2), keepdim=True)
        scale = 255 / (high - low)
        stretched = in_range(torch.clamp(values * scale - low * scale, *_BYTES), _BYTES, self.value_range)
        return torch.where(stretched.isnan(), images, stretched)
