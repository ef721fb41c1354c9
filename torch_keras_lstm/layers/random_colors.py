"""Colours changed at random: ``keras.layers.RandomBrightness``, ``RandomContrast``, ``RandomHue`` and their like."""

from collections.abc import Mapping
from typing import Any, Unpack

import torch
from torch import Tensor
from torch.nn import functional as F

from torch_keras_lstm.layers.image_augmentation import (
    Factor,
    ImageAugmentation,
    bounds,
    chosen,
    for_each_image,
    in_range,
    range_of_values,
)
from torch_keras_lstm.layers.layer import LayerArguments
from torch_keras_lstm.layers.serialization import register
from torch_keras_lstm.operations.image import hsv_to_rgb, rgb_to_grayscale, rgb_to_hsv

Transformation = Mapping[str, Any]

_BYTES = (0, 255)


class _Colored(ImageAugmentation):
    """Base of the layers that change the values of images.

    Args:
        factor: how much, between the ``factor_bounds`` of the class: two numbers between which it is drawn, or one up
            to which, or for both sides of 0.
        value_range: the range of the images' values.
        data_format: "channels_last", which ``None`` means too, or "channels_first".
        seed: gives the layer a generator of its own; ``None`` uses torch's global one.
        **kwargs: the arguments of every layer; see :class:`Layer`.

    Raises:
        ValueError: for an argument outside of these, and for inputs that are no images.
    """

    config_names = ("factor", "value_range", "seed")
    factor_bounds: tuple[float, float] = (0, 1)

    def __init__(
        self,
        factor: Factor,
        value_range: Any = _BYTES,
        data_format: str | None = None,
        seed: int | None = None,
        bounding_box_format: str | None = None,
        **kwargs: Unpack[LayerArguments],
    ) -> None:
        super().__init__(data_format=data_format, seed=seed, bounding_box_format=bounding_box_format, **kwargs)
        self.factor = bounds("factor", factor, *self.factor_bounds)
        self.value_range = range_of_values(value_range)

    def get_random_transformation(self, images: Tensor) -> Transformation:
        """``factor``, (batch,)."""
        return {"factor": self.uniform(images, (len(images),), *self.factor)}

    def _gray(self, images: Tensor) -> Tensor:
        return rgb_to_grayscale(images, data_format=self.data_format)


@register("keras.layers")
class RandomBrightness(_Colored):
    """In training, the same added to all values of an image; else the identity.

    Args:
        factor: how much of the range of values, from -1 to 1: two numbers between which it is drawn, or one for both
            sides of 0.
        value_range: the range of the images' values, which they stay in.
        seed: gives the layer a generator of its own; ``None`` uses torch's global one.
        **kwargs: ``data_format``, and the arguments of every layer; see :class:`Layer`.

    Raises:
        ValueError: for an argument outside of these, and for inputs that are no images.

    Example:
        >>> RandomBrightness(0.3)(torch.rand(2, 4, 5, 3), training=True).shape
        torch.Size([2, 4, 5, 3])
    """

    factor_bounds = (-1, 1)

    def __init__(self, factor: Factor, value_range: Any = _BYTES, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(factor, value_range, seed=seed, **kwargs)

    def get_random_transformation(self, images: Tensor) -> Transformation:
        """``rgb_delta``, (batch, 1, 1, 1): what is added."""
        low, high = self.value_range
        return {"rgb_delta": self.uniform(images, (len(images), 1, 1, 1), *self.factor) * (high - low)}

    def transform_images(self, images: Tensor, transformation: Transformation) -> Tensor:
        """The images, brighter or darker."""
        return torch.clamp(images + transformation["rgb_delta"], *self.value_range)


@register("keras.layers")
class RandomContrast(_Colored):
    """In training, the values of each channel moved away from its mean, or towards it; else the identity.

    Args:
        factor: two numbers from 0 to 1: the distance from the mean is multiplied by what is drawn between 1 less the
            first and 1 plus the second; one number ``f`` is ``(0, f)``, as in Keras 3.
        value_range: the range of the images' values, which they stay in.
        seed: gives the layer a generator of its own; ``None`` uses torch's global one.
        **kwargs: ``data_format``, and the arguments of every layer; see :class:`Layer`.

    Raises:
        ValueError: for an argument outside of these, and for inputs that are no images.

    Example:
        >>> RandomContrast(0.4)(torch.rand(2, 4, 5, 3), training=True).shape
        torch.Size([2, 4, 5, 3])
    """

    def __init__(self, factor: Factor, value_range: Any = _BYTES, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(factor, value_range, seed=seed, **kwargs)

    def get_random_transformation(self, images: Tensor) -> Transformation:
        """``contrast_factor``, (batch, 1, 1, 1)."""
        low, high = self.factor
        return {"contrast_factor": self.uniform(images, (len(images), 1, 1, 1), 1 - low, 1 + high)}

    def transform_images(self, images: Tensor, transformation: Transformation) -> Tensor:
        """The images with more contrast, or less."""
        mean = images.mean((self.height_axis, self.width_axis), keepdim=True)
        return torch.clamp((images - mean) * transformation["contrast_factor"] + mean, *self.value_range)


@register("keras.layers")
class RandomGrayscale(ImageAugmentation):
    """In training, some images without colours; else the identity.

    Args:
        factor: of how many images, from 0 to 1.
        data_format: "channels_last", which ``None`` means too, or "channels_first".
        seed: gives the layer a generator of its own; ``None`` uses torch's global one.
        **kwargs: the arguments of every layer; see :class:`Layer`.

    Raises:
        ValueError: for another ``factor``, and for inputs that are no images.

    Example:
        >>> RandomGrayscale()(torch.rand(2, 4, 5, 3), training=True).shape
        torch.Size([2, 4, 5, 3])
    """

    config_names = ("factor",)  # Keras 3.15 leaves the seed out, and does not refuse it

    def __init__(
        self, factor: float = 0.5, data_format: str | None = None, seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(data_format=data_format, seed=seed, **kwargs)
        bounds("factor", factor, 0, 1)
        self.factor = factor

    def get_random_transformation(self, images: Tensor) -> Tensor:
        """(batch, 1, 1, 1): which images."""
        return self.uniform(images, (len(images), 1, 1, 1)) < self.factor

    def transform_images(self, images: Tensor, transformation: Tensor) -> Tensor:
        """The images, some of them gray in three channels."""
        gray = rgb_to_grayscale(images, data_format=self.data_format)
        return torch.where(transformation, gray, images)


@register("keras.layers")
class RandomInvert(_Colored):
    """In training, some images with their values subtracted from the largest; else the identity.

    Args:
        factor: of how many images, from 0 to 1: two numbers between which it is drawn, or one up to which.
        value_range: the range of the images' values.
        seed: gives the layer a generator of its own; ``None`` uses torch's global one.
        data_format: "channels_last", which ``None`` means too, or "channels_first".
        **kwargs: the arguments of every layer; see :class:`Layer`.

    Raises:
        ValueError: for an argument outside of these, and for inputs that are no images.

    Example:
        >>> RandomInvert(0.5)(torch.rand(2, 4, 5, 3), training=True).shape
        torch.Size([2, 4, 5, 3])
    """

    def __init__(
        self,
        factor: Factor = 1.0,
        value_range: Any = _BYTES,
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(factor, value_range, data_format, seed, **kwargs)

    def get_random_transformation(self, images: Tensor) -> Transformation:
        """``apply_inversion``, (batch,): which images."""
        probability = self.uniform(images, (len(images),), *self.factor)
        return {"apply_inversion": self.uniform(images, (len(images),)) < probability}

    def transform_images(self, images: Tensor, transformation: Transformation) -> Tensor:
        """The images, some of them inverted."""
        return chosen(transformation["apply_inversion"], self.value_range[1] - images, images)


@register("keras.layers")
class RandomHue(_Colored):
    """In training, images with all hues turned by the same angle; else the identity.

    Args:
        factor: of half a turn, from 0 to 1: two numbers between which it is drawn, or one up to which. Half of the
            images go the other way.
        value_range, data_format, seed: as in :class:`RandomSharpness`.
        **kwargs: the arguments of every layer; see :class:`Layer`.

    Raises:
        ValueError: for an argument outside of these, and for inputs that are no images.

    Example:
        >>> RandomHue(0.2, value_range=(0, 1))(torch.rand(2, 4, 5, 3), training=True).shape
        torch.Size([2, 4, 5, 3])
    """

    def get_random_transformation(self, images: Tensor) -> Transformation:
        """``factor``, (batch,): of a full turn."""
        sign = torch.where(self.uniform(images, (len(images),)) > 0.5, -0.5, 0.5).to(images.dtype)
        return {"factor": sign * self.uniform(images, (len(images),), *self.factor)}

    def transform_images(self, images: Tensor, transformation: Transformation) -> Tensor:
        """The images in other hues."""
        colors = rgb_to_hsv(in_range(images, self.value_range, (0, 1)), data_format=self.data_format)
        hue, saturation, value = colors.unbind(self.channel_axis)
        hue = hue + transformation["factor"].reshape(-1, 1, 1)
        hue = torch.where(hue > 1, hue - 1, hue)
        hue = torch.where(hue < 0, hue + 1, hue)
        colors = torch.stack([hue, saturation, value], self.channel_axis)
        turned = torch.clamp(hsv_to_rgb(colors, data_format=self.data_format), 0, 1)
        return in_range(turned, (0, 1), self.value_range)


@register("keras.layers")
class RandomSaturation(_Colored):
    """In training, images with stronger or weaker colours; else the identity.

    Args:
        factor: from 0, gray, by 0.5, as it is, to 1: two numbers between which it is drawn, or one up to which.
        value_range, data_format, seed: as in :class:`RandomSharpness`.
        **kwargs: the arguments of every layer; see :class:`Layer`.

    Raises:
        ValueError: for an argument outside of these, and for inputs that are no images.

    Example:
        >>> RandomSaturation((0.3, 0.7), value_range=(0, 1))(torch.rand(2, 4, 5, 3), training=True).shape
        torch.Size([2, 4, 5, 3])
    """

    def get_random_transformation(self, images: Tensor) -> Transformation:
        """``factor``, (batch,): by which the saturation is multiplied."""
        drawn = self.uniform(images, (len(images),), *self.factor)
        return {"factor": drawn / (1 - drawn + 1e-7)}

    def transform_images(self, images: Tensor, transformation: Transformation) -> Tensor:
        """The images in other saturations, which as in Keras the range of values bounds."""
        hue, saturation, value = rgb_to_hsv(images, data_format=self.data_format).unbind(self.channel_axis)
        saturation = torch.clamp(saturation * transformation["factor"].reshape(-1, 1, 1), *self.value_range)
        colors = torch.stack([hue, saturation, value], self.channel_axis)
        return hsv_to_rgb(colors, data_format=self.data_format)


@register("keras.layers")
class RandomColorDegeneration(_Colored):
    """In training, images with a share of their colours; else the identity.

    Args:
        factor: how much is taken away, from -1 to 1: two numbers between which it is drawn, or one for both sides of 0.
        value_range, data_format, seed: as in :class:`RandomSharpness`.
        **kwargs: the arguments of every layer; see :class:`Layer`.

    Raises:
        ValueError: for an argument outside of these, and for inputs that are no images.

    Example:
        >>> RandomColorDegeneration(0.5)(torch.rand(2, 4, 5, 3), training=True).shape
        torch.Size([2, 4, 5, 3])
    """

    factor_bounds = (-1, 1)

    def get_random_transformation(self, images: Tensor) -> Transformation:
        """``factor``, (batch, 1, 1, 1): how much of the colours is taken away."""
        return {"factor": self.uniform(images, (len(images), 1, 1, 1), *self.factor)}

    def transform_images(self, images: Tensor, transformation: Transformation) -> Tensor:
        """The images, nearer to gray, or farther from it."""
        return torch.clamp(images + transformation["factor"] * (self._gray(images) - images), *self.value_range)


@register("keras.layers")
class RandomSharpness(_Colored):
    """In training, images sharper or smoother; else the identity.

    Args:
        factor: from 0, smoothed, by 0.5, as it is, to 1, sharpened: two numbers between which it is drawn, or one up to
            which.
        value_range: the range of the images' values, which they stay in.
        data_format: "channels_last", which ``None`` means too, or "channels_first".
        seed: gives the layer a generator of its own; ``None`` uses torch's global one.
        **kwargs: the arguments of every layer; see :class:`Layer`.

    Raises:
        ValueError: for an argument outside of these, and for inputs that are no images.

    Example:
        >>> RandomSharpness(0.8)(torch.rand(2, 4, 5, 3), training=True).shape
        torch.Size([2, 4, 5, 3])
    """

    def transform_images(self, images: Tensor, transformation: Transformation) -> Tensor:
        """The images, mixed with what a window of 3 by 3 points makes of them: the middle weighs 5, the others 1."""
        first = images if self.data_format == "channels_first" else images.movedim(-1, 1)
        channels = first.shape[1]
        window = torch.full((channels, 1, 3, 3), 1 / 13, dtype=images.dtype, device=images.device)
        window[:, :, 1, 1] = 5 / 13
        smooth = F.conv2d(first, window, padding=1, groups=channels)
        mixed = first + (1 - 2 * for_each_image(transformation["factor"])) * (smooth - first)
        mixed = torch.clamp(mixed, *self.value_range)
        return mixed if self.data_format == "channels_first" else mixed.movedim(1, -1)


@register("keras.layers")
class RandomPosterization(_Colored):
    """In training, images of which each value keeps some of its eight bits; else the identity.

    Args:
        factor: how many bits, from 1 to 8: two numbers between which it is drawn, the second left out, or one.
        value_range, data_format, seed: as in :class:`RandomSharpness`.
        **kwargs: the arguments of every layer; see :class:`Layer`.

    Raises:
        ValueError: for an argument outside of these, and for inputs that are no images.

    Example:
        >>> RandomPosterization((2, 6))(torch.rand(2, 4, 5, 3), training=True).shape
        torch.Size([2, 4, 5, 3])
    """

    factor_bounds = (1, 8)

    def get_random_transformation(self, images: Tensor) -> Transformation:
        """``shift_factor``, (batch,): how many bits go."""
        low, high = self.factor
        if low == high:
            return {"shift_factor": torch.full((len(images),), 8 - int(low), dtype=torch.uint8, device=images.device)}
        drawn = self.uniform(images, (len(images),), low, high).floor()
        return {"shift_factor": (8 - drawn).to(torch.uint8)}

    def transform_images(self, images: Tensor, transformation: Transformation) -> Tensor:
        """The images in fewer shades."""
        step = torch.pow(2, for_each_image(transformation["shift_factor"]).to(images.dtype))
        values = in_range(images, self.value_range, _BYTES).to(torch.uint8).to(images.dtype)
        return in_range((values / step).floor() * step, _BYTES, self.value_range)


@register("keras.layers")
class RandomColorJitter(ImageAugmentation):
    """In training, images of another brightness, contrast, saturation and hue, in this order; else the identity.

    Args:
        value_range: the range of the images' values.
        brightness_factor: of a :class:`RandomBrightness`; ``None`` for none. So are the next of their layers.
        contrast_factor: of a :class:`RandomContrast`.
        saturation_factor: of a :class:`RandomSaturation`.
        hue_factor: of a :class:`RandomHue`.
        seed: gives the layer a generator of its own; ``None`` uses torch's global one.
        data_format: "channels_last", which ``None`` means too, or "channels_first".
        **kwargs: the arguments of every layer; see :class:`Layer`.

    Raises:
        ValueError: for an argument outside of these, and for inputs that are no images.

    Example:
        >>> jitter = RandomColorJitter(value_range=(0, 1), brightness_factor=0.2, hue_factor=0.1)
        >>> jitter(torch.rand(2, 4, 5, 3), training=True).shape
        torch.Size([2, 4, 5, 3])
    """

    config_names = (
        "value_range",
        "brightness_factor",
        "contrast_factor",
        "saturation_factor",
        "hue_factor",
        "seed",
    )

    def __init__(
        self,
        value_range: Any = _BYTES,
        brightness_factor: Factor | None = None,
        contrast_factor: Factor | None = None,
        saturation_factor: Factor | None = None,
        hue_factor: Factor | None = None,
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format=data_format, seed=seed, **kwargs)
        factors = {
            RandomBrightness: brightness_factor,
            RandomContrast: contrast_factor,
            RandomSaturation: saturation_factor,
            RandomHue: hue_factor,
        }
        self.value_range = value_range
        self.brightness_factor = brightness_factor
        self.contrast_factor = contrast_factor
        self.saturation_factor = saturation_factor
        self.hue_factor = hue_factor
        options = {"value_range": value_range, "seed": seed, "data_format": self.data_format, "dtype": self.dtype}
        self.steps = [make(factor, **options) for make, factor in factors.items() if factor is not None]

    def get_random_transformation(self, images: Tensor) -> Transformation:
        """For each layer, by its class, what it does."""
        return {type(step).__name__: step.get_random_transformation(images) for step in self.steps}

    def transform_images(self, images: Tensor, transformation: Transformation) -> Tensor:
        """The images, changed by one layer after the other."""
        for step in self.steps:
            images = step.transform_images(images, transformation[type(step).__name__])
        return images
