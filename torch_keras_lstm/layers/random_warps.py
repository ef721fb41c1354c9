"""Images blurred, bent, seen from aside: ``keras.layers.RandomGaussianBlur`` and its like."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from torch_keras_lstm.arguments import check_choice, check_number, integers_per_axis
from torch_keras_lstm.layers.image_augmentation import Factor, ImageAugmentation, bounds, chosen
from torch_keras_lstm.layers.serialization import register
from torch_keras_lstm.operations.image import as_batch, as_given
from torch_keras_lstm.operations.image_filters import gaussian_blur
from torch_keras_lstm.operations.image_warps import FILL_MODES, elastic, perspective_transform

Transformation = Mapping[str, Any]

_BYTES = (0, 255)
_INTERPOLATIONS = ("nearest", "bilinear")


@register("keras.layers")
class RandomGaussianBlur(ImageAugmentation):
    """In training, images out of focus; else the identity.

    Args:
        factor: of how many images, from 0 to 1: two numbers between which it is drawn, or one up to which.
        kernel_size: of the window, one odd number or two.
        sigma: the standard deviation of the blur, from 0 to 1, in the form of ``factor``.
        value_range: the range of the images' values, to which they are clipped.
        data_format: "channels_last", which ``None`` means too, or "channels_first".
        seed: gives the layer a generator of its own; ``None`` uses torch's global one.
        **kwargs: the arguments of every layer; see :class:`Layer`.

    Raises:
        ValueError: for an argument outside of these, and for inputs that are no images.

    Example:
        >>> RandomGaussianBlur()(torch.rand(2, 4, 5, 3), training=True).shape
        torch.Size([2, 4, 5, 3])
    """

    config_names = ("factor", "kernel_size", "sigma", "value_range", "seed")

    def __init__(
        self,
        factor: Factor = 1.0,
        kernel_size: Any = 3,
        sigma: Factor = 1.0,
        value_range: Any = _BYTES,
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format=data_format, seed=seed, **kwargs)
        self.factor = bounds("factor", factor, 0, 1)
        self.kernel_size = integers_per_axis("kernel_size", kernel_size, 2)
        if not all(size % 2 for size in self.kernel_size):
            raise ValueError(f"`kernel_size` must be odd, got {kernel_size!r}.")
        self.sigma = bounds("sigma", sigma, 0, 1)
        self.value_range = value_range

    def get_random_transformation(self, images: Tensor) -> Transformation:
        """``should_apply_blur``, which images; ``blur_factor``, (2,): the standard deviations."""
        applies = self.some_images(images, self.factor)
        return {"should_apply_blur": applies, "blur_factor": self.uniform(images, (2,), *self.sigma) + 1e-6}

    def transform_images(self, images: Tensor, transformation: Transformation) -> Tensor:
        """The images, some of them blurred."""
        sigma = transformation["blur_factor"]
        blurred = gaussian_blur(images, kernel_size=self.kernel_size, sigma=sigma, data_format=self.data_format)
        return torch.clamp(chosen(transformation["should_apply_blur"], blurred, images), *self.value_range)


@register("keras.layers")
class RandomElasticTransform(ImageAugmentation):
    """In training, images whose points are moved this way and that, neighbours alike; else the identity.

    Args:
        factor: of how many images, from 0 to 1: two numbers between which it is drawn, or one up to which.
        scale: how far points are moved, from 0 to 1, in the same form.
        interpolation: "bilinear" or "nearest".
        fill_mode: what is beyond the border: "reflect", "mirror", "wrap", "nearest", or "constant" ``fill_value``.
        fill_value: see ``fill_mode``.
        value_range: the range of the images' values, to which they are clipped.
        seed: gives the layer a generator of its own; ``None`` uses torch's global one.
        data_format: "channels_last", which ``None`` means too, or "channels_first".
        **kwargs: the arguments of every layer; see :class:`Layer`.

    Raises:
        ValueError: for an argument outside of these, and for inputs that are no images.

    Example:
        >>> RandomElasticTransform()(torch.rand(2, 4, 5, 3), training=True).shape
        torch.Size([2, 4, 5, 3])
    """

    config_names = ("factor", "scale", "interpolation", "fill_mode", "fill_value", "value_range", "seed")

    def __init__(
        self,
        factor: Factor = 1.0,
        scale: Factor = 1.0,
        interpolation: str = "bilinear",
        fill_mode: str = "reflect",
        fill_value: float = 0.0,
        value_range: Any = _BYTES,
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format=data_format, seed=seed, **kwargs)
        self.factor = bounds("factor", factor, 0, 1)
        self.scale = bounds("scale", scale, 0, 1)
        check_choice("interpolation", interpolation, _INTERPOLATIONS)
        check_choice("fill_mode", fill_mode, FILL_MODES)
        self.interpolation = interpolation
        self.fill_mode = fill_mode
        self.fill_value = fill_value
        self.value_range = value_range

    def get_random_transformation(self, images: Tensor) -> Transformation | None:
        """``apply_transform``, which images; ``distortion_factor``; ``noise``, (2, batch, height, width)."""
        if not self.factor[1] or not self.scale[1]:
            return None
        sizes = images.shape[self.height_axis], images.shape[self.width_axis]
        applies, factor = self.some_images(images, self.factor), self.uniform(images, (), *self.scale)
        options: Any = {"dtype": images.dtype, "device": images.device}
        noise = self.generator.normal((2, len(images), *sizes), 0.0, 1.0, **options)
        return {"apply_transform": applies, "distortion_factor": factor, "noise": noise}

    def transform_images(self, images: Tensor, transformation: Transformation | None) -> Tensor:
        """The images, some of them bent."""
        return self._bent(images, transformation, self.interpolation)

    def transform_segmentation_masks(self, masks: Tensor, transformation: Transformation | None) -> Tensor:
        """The masks, bent as the images."""
        return self._bent(masks, transformation, "nearest")

    def _bent(self, images: Tensor, transformation: Transformation | None, interpolation: str) -> Tensor:
        if transformation is None:
            return images
        values, _ = as_batch(images, self.data_format)
        sizes, factor = values.shape[2:], float(transformation["distortion_factor"])
        alpha, sigma = max(sizes) * 0.1 * factor, min(sizes) * 0.05 * factor
        moved = elastic(values, transformation["noise"], alpha, sigma, interpolation, self.fill_mode, self.fill_value)
        bent = chosen(transformation["apply_transform"], as_given(moved, self.data_format, False), images)
        return torch.clamp(bent, *self.value_range)


@register("keras.layers")
class RandomPerspective(ImageAugmentation):
    """In training, images seen from aside; else the identity.

    Args:
        factor: of how many images, from 0 to 1: two numbers between which it is drawn, or one up to which.
        scale: how far the corners are moved, from 0 to 1.
        interpolation: "bilinear" or "nearest".
        fill_value: what is beyond the border.
        seed: gives the layer a generator of its own; ``None`` uses torch's global one.
        data_format: "channels_last", which ``None`` means too, or "channels_first".
        **kwargs: the arguments of every layer; see :class:`Layer`.

    Raises:
        ValueError: for an argument outside of these, and for inputs that are no images.

    Example:
        >>> RandomPerspective(scale=0.3)(torch.rand(2, 4, 5, 3), training=True).shape
        torch.Size([2, 4, 5, 3])
    """

    config_names = ("factor", "scale", "interpolation", "fill_value", "seed")

    def __init__(
        self,
        factor: Factor = 1.0,
        scale: float = 1.0,
        interpolation: str = "bilinear",
        fill_value: float = 0.0,
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format=data_format, seed=seed, **kwargs)
        self.factor = bounds("factor", factor, 0, 1)
        check_number("scale", scale)
        if not 0 <= scale <= 1:
            raise ValueError(f"`scale` must be a number from 0 to 1, got {scale!r}.")
        self.scale = scale
        check_choice("interpolation", interpolation, _INTERPOLATIONS)
        self.interpolation = interpolation
        self.fill_value = fill_value

    def get_random_transformation(self, images: Tensor) -> Transformation:
        """``apply_perspective``, which images; ``start_points`` and ``end_points``, (batch, 4, 2): of the corners."""
        applies, half = self.some_images(images, self.factor), 0.5 * self.scale
        moves = self.uniform(images, (len(images), 4, 2), -half, half)
        right, low = images.shape[self.width_axis] - 1, images.shape[self.height_axis] - 1
        corners = [[0.0, 0.0], [right, 0.0], [0.0, low], [right, low]]
        start = torch.tensor(corners, dtype=images.dtype, device=images.device).expand(len(images), 4, 2)
        return {"apply_perspective": applies, "start_points": start, "end_points": start + start * moves}

    def transform_images(self, images: Tensor, transformation: Transformation) -> Tensor:
        """The images, some of them seen from aside."""
        return self._seen(images, transformation, self.interpolation)

    def transform_segmentation_masks(self, masks: Tensor, transformation: Transformation) -> Tensor:
        """The masks, seen as the images."""
        return self._seen(masks, transformation, "nearest")

    def _seen(self, images: Tensor, transformation: Transformation, interpolation: str) -> Tensor:
        seen = perspective_transform(
            images,
            transformation["start_points"],
            transformation["end_points"],
            interpolation=interpolation,
            fill_value=self.fill_value,
            data_format=self.data_format,
        )
        return chosen(transformation["apply_perspective"], seen, images)
