"""Images moved at random: ``keras.layers.RandomFlip``, ``RandomRotation``, ``RandomZoom`` and their like."""

import math
from collections.abc import Mapping
from typing import Any, Unpack

import torch
from torch import Tensor

from torch_keras_lstm.arguments import check_choice, check_number
from torch_keras_lstm.layers.image_augmentation import Factor, ImageAugmentation, bounds, for_each_image
from torch_keras_lstm.layers.layer import LayerArguments
from torch_keras_lstm.layers.serialization import register
from torch_keras_lstm.operations.image import affine_transform

Transformation = Mapping[str, Any]

_MODES = ("horizontal", "vertical", "horizontal_and_vertical")


@register("keras.layers")
class RandomFlip(ImageAugmentation):
    """In training, half of the images mirrored; else the identity.

    Args:
        mode: "horizontal", left for right; "vertical"; or "horizontal_and_vertical", both for the same images.
        seed: gives the layer a generator of its own; ``None`` uses torch's global one.
        data_format: "channels_last", which ``None`` means too, or "channels_first".
        bounding_box_format: accepted for the sake of files; boxes are not changed along with images here.
        **kwargs: the arguments of every layer; see :class:`Layer`.

    Raises:
        ValueError: for another ``mode``, and for inputs that are no images.

    Example:
        >>> RandomFlip("horizontal")(torch.rand(2, 4, 5, 3), training=True).shape
        torch.Size([2, 4, 5, 3])
    """

    config_names = ("seed", "mode")

    def __init__(
        self,
        mode: str = "horizontal_and_vertical",
        seed: int | None = None,
        data_format: str | None = None,
        bounding_box_format: str | None = None,
        **kwargs: Unpack[LayerArguments],
    ) -> None:
        super().__init__(data_format=data_format, seed=seed, bounding_box_format=bounding_box_format, **kwargs)
        check_choice("mode", mode, _MODES)
        self.mode = mode

    def get_random_transformation(self, images: Tensor) -> Transformation:
        """``flips``: which images."""
        return {"flips": self.uniform(images, (len(images), 1, 1, 1)) <= 0.5}

    def transform_images(self, images: Tensor, transformation: Transformation) -> Tensor:
        """The images, some of them mirrored."""
        axes = [self.width_axis] if self.mode != "vertical" else []
        axes += [self.height_axis] if self.mode != "horizontal" else []
        return torch.where(transformation["flips"], images.flip(axes), images)

    def transform_segmentation_masks(self, masks: Tensor, transformation: Transformation) -> Tensor:
        """The masks, mirrored as the images."""
        return self.transform_images(masks, transformation)


class _Moved(ImageAugmentation):
    """Base of the layers that look up each point of the result at another place of the image.

    Args:
        fill_mode: what is beyond the border: "reflect", "wrap", "nearest", or "constant" ``fill_value``.
        interpolation: "bilinear" or "nearest".
        fill_value: see ``fill_mode``.
    """

    def __init__(self, fill_mode: str, interpolation: str, fill_value: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        check_choice("fill_mode", fill_mode, ("reflect", "wrap", "constant", "nearest"))
        check_choice("interpolation", interpolation, ("nearest", "bilinear"))
        check_number("fill_value", fill_value)
        self.fill_mode = fill_mode
        self.interpolation = interpolation
        self.fill_value = fill_value

    def transform_images(self, images: Tensor, transformation: Transformation) -> Tensor:
        """The images, moved."""
        return self._moved(images, transformation, self.interpolation)

    def transform_segmentation_masks(self, masks: Tensor, transformation: Transformation) -> Tensor:
        """The masks, moved as the images."""
        return self._moved(masks, transformation, "nearest")

    def _moved(self, images: Tensor, transformation: Transformation, interpolation: str) -> Tensor:
        return affine_transform(
            images,
            self.matrices(images, transformation),
            interpolation=interpolation,
            fill_mode=self.fill_mode,
            fill_value=self.fill_value,
            data_format=self.data_format,
        )

    def matrices(self, images: Tensor, transformation: Transformation) -> Tensor:
        """(batch, 8): of each image, as ``ops.image.affine_transform`` takes them."""
        raise NotImplementedError

    def _middle(self, images: Tensor) -> tuple[float, float]:
        """The point around which images are turned, (x, y)."""
        return (images.shape[self.width_axis] - 1) / 2, (images.shape[self.height_axis] - 1) / 2


def _rows(*columns: Tensor | float, like: Tensor) -> Tensor:
    """(batch, 8) of numbers, one for all or one for each image (batch,); what is left out is 0."""
    full = [torch.as_tensor(column, dtype=like.dtype, device=like.device).expand(len(like)) for column in columns]
    full += [like.new_zeros(len(like))] * (8 - len(full))
    return torch.stack(full, 1)


@register("keras.layers")
class RandomRotation(_Moved):
    """In training, images turned around their middle; else the identity.

    Args:
        factor: of a full turn, from -1 to 1: two numbers between which it is drawn, or one for both sides of 0.
            Positive ones turn against the clock.
        fill_mode: what is beyond the border: "reflect", "wrap", "nearest", or "constant" ``fill_value``.
        interpolation: "bilinear" or "nearest".
        seed: gives the layer a generator of its own; ``None`` uses torch's global one.
        fill_value: see ``fill_mode``.
        data_format: "channels_last", which ``None`` means too, or "channels_first".
        bounding_box_format: accepted for the sake of files; boxes are not changed along with images here.
        **kwargs: the arguments of every layer; see :class:`Layer`.

    Raises:
        ValueError: for an argument outside of these, and for inputs that are no images.

    Example:
        >>> RandomRotation(0.1)(torch.rand(2, 4, 5, 3), training=True).shape
        torch.Size([2, 4, 5, 3])
    """

    config_names = ("factor", "fill_mode", "fill_value", "interpolation", "seed")

    def __init__(
        self,
        factor: Factor,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        bounding_box_format: str | None = None,
        **kwargs: Unpack[LayerArguments],
    ) -> None:
        super().__init__(
            fill_mode,
            interpolation,
            fill_value,
            data_format=data_format,
            seed=seed,
            bounding_box_format=bounding_box_format,
            **kwargs,
        )
        self.factor = bounds("factor", factor, -1, 1)

    def get_random_transformation(self, images: Tensor) -> Transformation:
        """``angle``: of each image in degrees."""
        low, high = self.factor
        return {"angle": self.uniform(images, (len(images),), 360 * low, 360 * high)}

    def matrices(self, images: Tensor, transformation: Transformation) -> Tensor:
        """Those of a rotation."""
        angle = transformation["angle"] * (math.pi / 180)
        cos, sin = angle.cos(), angle.sin()
        x, y = self._middle(images)
        return _rows(cos, -sin, x - x * cos + y * sin, sin, cos, y - x * sin - y * cos, like=angle)


@register("keras.layers")
class RandomZoom(_Moved):
    """In training, images enlarged or made smaller around their middle; else the identity.

    Args:
        height_factor: how much higher what is seen becomes, above -1 and up to 1: two numbers between which it is
            drawn, or one for both sides of 0. Positive ones show more of the image, which so looks smaller.
        width_factor: the same of the width; ``None`` keeps the proportions.
        fill_mode, interpolation, seed, fill_value, data_format: as in :class:`RandomRotation`.
        bounding_box_format: accepted for the sake of files; boxes are not changed along with images here.
        **kwargs: the arguments of every layer; see :class:`Layer`.

    Raises:
        ValueError: for an argument outside of these, and for inputs that are no images.

    Example:
        >>> RandomZoom(0.3)(torch.rand(2, 4, 5, 3), training=True).shape
        torch.Size([2, 4, 5, 3])
    """

    config_names = ("height_factor", "width_factor", "fill_mode", "interpolation", "seed", "fill_value")

    def __init__(
        self,
        height_factor: Factor,
        width_factor: Factor | None = None,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        bounding_box_format: str | None = None,
        **kwargs: Unpack[LayerArguments],
    ) -> None:
        super().__init__(
            fill_mode,
            interpolation,
            fill_value,
            data_format=data_format,
            seed=seed,
            bounding_box_format=bounding_box_format,
            **kwargs,
        )
        self._heights = self._bounds("height_factor", height_factor)
        self._widths = None if width_factor is None else self._bounds("width_factor", width_factor)
        self.height_factor = height_factor
        self.width_factor = width_factor

    @staticmethod
    def _bounds(name: str, factor: Factor) -> tuple[float, float]:
        low, high = bounds(name, factor, -1, 1)
        if low == -1 and isinstance(factor, list | tuple):
            raise ValueError(f"`{name}` must be above -1, of which nothing would be left, got {factor!r}.")
        return low, high

    def get_random_transformation(self, images: Tensor) -> Transformation:
        """``height_zoom`` and ``width_zoom``, (batch, 1): by how much what is seen is stretched."""
        low, high = self._heights
        heights = self.uniform(images, (len(images), 1), 1 + low, 1 + high)
        if self._widths is None:
            return {"height_zoom": heights, "width_zoom": heights}
        low, high = self._widths
        return {"height_zoom": heights, "width_zoom": self.uniform(images, (len(images), 1), 1 + low, 1 + high)}

    def matrices(self, images: Tensor, transformation: Transformation) -> Tensor:
        """Those of two stretches."""
        across, down = transformation["width_zoom"].flatten(), transformation["height_zoom"].flatten()
        x, y = self._middle(images)
        return _rows(across, 0.0, x * (1 - across), 0.0, down, y * (1 - down), like=across)


@register("keras.layers")
class RandomTranslation(_Moved):
    """In training, images shifted; else the identity.

    Args:
        height_factor: down by how much of the height, from -1 to 1: two numbers between which it is drawn, or one for
            both sides of 0.
        width_factor: the same of the width, to the right.
        fill_mode, interpolation, seed, fill_value, data_format: as in :class:`RandomRotation`.
        bounding_box_format: accepted for the sake of files; boxes are not changed along with images here.
        **kwargs: the arguments of every layer; see :class:`Layer`.

    Raises:
        ValueError: for an argument outside of these, and for inputs that are no images.

    Example:
        >>> RandomTranslation(0.2, 0.1)(torch.rand(2, 4, 5, 3), training=True).shape
        torch.Size([2, 4, 5, 3])
    """

    config_names = ("height_factor", "width_factor", "fill_mode", "interpolation", "seed", "fill_value")

    def __init__(
        self,
        height_factor: Factor,
        width_factor: Factor,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        bounding_box_format: str | None = None,
        **kwargs: Unpack[LayerArguments],
    ) -> None:
        super().__init__(
            fill_mode,
            interpolation,
            fill_value,
            data_format=data_format,
            seed=seed,
            bounding_box_format=bounding_box_format,
            **kwargs,
        )
        self._down = bounds("height_factor", height_factor, -1, 1)
        self._right = bounds("width_factor", width_factor, -1, 1)
        self.height_factor = height_factor
        self.width_factor = width_factor

    def get_random_transformation(self, images: Tensor) -> Transformation:
        """``translations``, (batch, 2): how far to the right, and down, in points."""
        down = self.uniform(images, (len(images), 1), *self._down) * images.shape[self.height_axis]
        right = self.uniform(images, (len(images), 1), *self._right) * images.shape[self.width_axis]
        return {"translations": torch.cat([right, down], 1)}

    def matrices(self, images: Tensor, transformation: Transformation) -> Tensor:
        """Those of a shift."""
        right, down = transformation["translations"].unbind(1)
        return _rows(1.0, 0.0, -right, 0.0, 1.0, -down, like=right)


@register("keras.layers")
class RandomShear(_Moved):
    """In training, images with their rows, or columns, moved the further the further down, or right; else the identity.

    Args:
        x_factor: by how much a row lies beside the one above, from 0 to 1: two numbers between which it is drawn, or
            one for both sides of 0. Half of the images go the other way.
        y_factor: the same of columns.
        interpolation, fill_mode, fill_value, data_format, seed: as in :class:`RandomRotation`.
        bounding_box_format: accepted for the sake of files; boxes are not changed along with images here.
        **kwargs: the arguments of every layer; see :class:`Layer`.

    Raises:
        ValueError: for an argument outside of these, and for inputs that are no images.

    Example:
        >>> RandomShear(0.3)(torch.rand(2, 4, 5, 3), training=True).shape
        torch.Size([2, 4, 5, 3])
    """

    config_names = ("x_factor", "y_factor", "fill_mode", "interpolation", "seed", "fill_value")

    def __init__(
        self,
        x_factor: Factor = 0.0,
        y_factor: Factor = 0.0,
        interpolation: str = "bilinear",
        fill_mode: str = "reflect",
        fill_value: float = 0.0,
        data_format: str | None = None,
        seed: int | None = None,
        bounding_box_format: str | None = None,
        **kwargs: Unpack[LayerArguments],
    ) -> None:
        super().__init__(
            fill_mode,
            interpolation,
            fill_value,
            data_format=data_format,
            seed=seed,
            bounding_box_format=bounding_box_format,
            **kwargs,
        )
        self.x_factor = self._bounds("x_factor", x_factor)
        self.y_factor = self._bounds("y_factor", y_factor)

    @staticmethod
    def _bounds(name: str, factor: Factor) -> tuple[float, float]:
        # What a configuration holds of one number is on both sides of 0.
        several = isinstance(factor, list | tuple) and len(factor) == 2 and factor[0] == -factor[1]
        low, high = bounds(name, factor[1] if several else factor, 0, 1)  # type: ignore[index]  # it is a list
        return (low, high) if isinstance(factor, list | tuple) and not several else (-high, high)

    def get_random_transformation(self, images: Tensor) -> Transformation:
        """``shear_factor``, (batch, 2): of rows and of columns."""
        shape = (len(images), 1)
        sign = torch.where(self.uniform(images, shape) > 0.5, -1.0, 1.0).to(images.dtype)
        down, across = self.uniform(images, shape, *self.y_factor), self.uniform(images, shape, *self.x_factor)
        return {"shear_factor": torch.cat([across, down], 1) * sign}

    def matrices(self, images: Tensor, transformation: Transformation) -> Tensor:
        """Those of a shear, around the corner at the top left as in Keras."""
        across, down = transformation["shear_factor"].unbind(1)
        return _rows(1.0, across, 0.0, down, 1.0, like=across)


@register("keras.layers")
class RandomErasing(ImageAugmentation):
    """In training, a rectangle of images filled; else the identity.

    Args:
        factor: of how many images, from 0 to 1: two numbers between which it is drawn, or one up to which.
        scale: of the image that the rectangle covers, from 0 to 1, in the same form.
        fill_value: a number, or one for each of three channels; ``None`` for noise.
        value_range: the range of the images' values.
        seed: gives the layer a generator of its own; ``None`` uses torch's global one.
        data_format: "channels_last", which ``None`` means too, or "channels_first".
        bounding_box_format: accepted for the sake of files; boxes are not changed along with images here.
        **kwargs: the arguments of every layer; see :class:`Layer`.

    Raises:
        ValueError: for an argument outside of these, and for inputs that are no images.

    Example:
        >>> RandomErasing(fill_value=0.0)(torch.rand(2, 4, 5, 3), training=True).shape
        torch.Size([2, 4, 5, 3])
    """

    config_names = ("factor", "scale", "fill_value", "value_range", "seed")

    def __init__(
        self,
        factor: Factor = 1.0,
        scale: Factor = (0.02, 0.33),
        fill_value: Factor | None = None,
        value_range: Any = (0, 255),
        seed: int | None = None,
        data_format: str | None = None,
        bounding_box_format: str | None = None,
        **kwargs: Unpack[LayerArguments],
    ) -> None:
        super().__init__(data_format=data_format, seed=seed, bounding_box_format=bounding_box_format, **kwargs)
        self.factor = bounds("factor", factor, 0, 1)
        self.scale = bounds("scale", scale, 0, 1)
        for number in fill_value if isinstance(fill_value, list | tuple) else [fill_value or 0.0]:
            check_number("fill_value", number)
        if isinstance(fill_value, list | tuple) and len(fill_value) != 3:
            raise ValueError(f"`fill_value` must be a number, or one for each of three channels, got {fill_value!r}.")
        self.fill_value = fill_value
        self.value_range = value_range

    def get_random_transformation(self, images: Tensor) -> Transformation:
        """``apply_erasing``, which images; ``batch_masks``, which of their points; ``fill_value``, by what."""
        count = len(images)
        shares = self.uniform(images, (count, 2), *self.scale).sqrt()
        rows, columns = images.shape[self.height_axis], images.shape[self.width_axis]
        across = self._between(images, shares[:, 0], columns)
        down = self._between(images, shares[:, 1], rows)
        masks = (down.unsqueeze(2) & across.unsqueeze(1)).unsqueeze(self.channel_axis % 4).expand(images.shape)
        probability = self.uniform(images, (count,), *self.factor)
        applies = self.uniform(images, (count,)) < probability
        return {"apply_erasing": applies, "batch_masks": masks, "fill_value": self._filling(images)}

    def _between(self, images: Tensor, share: Tensor, length: int) -> Tensor:
        """(batch, length): the places of a stretch that is this share of the length, somewhere."""
        size = share * length
        start = (self.uniform(images, (len(images),)) * (length - size)).unsqueeze(1)
        places = torch.arange(length, dtype=images.dtype, device=images.device)
        return (places >= start) & (places < start + size.unsqueeze(1))

    def _filling(self, images: Tensor) -> Tensor:
        low, high = self.value_range
        if self.fill_value is None:
            noise = self.generator.normal(images.shape, 0.0, 1.0, dtype=images.dtype, device=images.device)
            return torch.clamp(noise * high, low, high)
        filling = torch.as_tensor(self.fill_value, dtype=images.dtype, device=images.device)
        if filling.dim() and self.channel_axis != -1:
            filling = filling.reshape(-1, 1, 1)
        return torch.clamp(filling, low, high).expand(images.shape)

    def transform_images(self, images: Tensor, transformation: Transformation) -> Tensor:
        """The images, some of them with a rectangle in them."""
        erased = torch.where(transformation["batch_masks"], transformation["fill_value"], images)
        return torch.where(for_each_image(transformation["apply_erasing"]), erased, images)
