"""Images (batch, height, width, channels), or without a batch axis: ``keras.ops.image`` over torch tensors."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from torch_keras_lstm.arguments import check_choice
from torch_keras_lstm.interpolation import KERNELS
from torch_keras_lstm.interpolation import resize as interpolation_by_weights
from torch_keras_lstm.operations.tensors import as_tensor, floating
from torch_keras_lstm.sliding_windows import output_sizes, pad, pads

INTERPOLATIONS = ("nearest", "bilinear", "area", *KERNELS)


def as_batch(images: Any, data_format: str | None) -> tuple[Tensor, bool]:
    """(batch, channels, height, width), and whether there was no batch axis."""
    values = as_tensor(images)
    if values.dim() not in (3, 4):
        raise ValueError(f"Images have 3 axes, or 4 with the batch's, got shape {tuple(values.shape)}.")
    single = values.dim() == 3
    values = values.unsqueeze(0) if single else values
    return (values if data_format == "channels_first" else values.movedim(-1, 1)), single


def as_given(images: Tensor, data_format: str | None, single: bool) -> Tensor:
    """What :func:`as_batch` made of images, as these were given."""
    images = images if data_format == "channels_first" else images.movedim(1, -1)
    return images.squeeze(0) if single else images


def rgb_to_grayscale(images: Any, *, data_format: str | None = None) -> Tensor:
    """One channel, 0.2989 red, 0.587 green and 0.114 blue."""
    values, single = as_batch(images, data_format)
    wide = values.to(torch.promote_types(values.dtype, torch.float32)) if not values.is_floating_point() else values
    weights = torch.tensor([0.2989, 0.587, 0.114], dtype=wide.dtype, device=wide.device)
    gray = (wide * weights.reshape(3, 1, 1)).sum(1, keepdim=True)
    return as_given(gray.to(values.dtype), data_format, single)


def crop_images(
    images: Any,
    *,
    top_cropping: int | None = None,
    left_cropping: int | None = None,
    bottom_cropping: int | None = None,
    right_cropping: int | None = None,
    target_height: int | None = None,
    target_width: int | None = None,
    data_format: str | None = None,
) -> Tensor:
    """Without the rows and columns at the sides; two of top, bottom and height tell the third, and so across.

    Raises:
        ValueError: when a number is missing, or nothing would be left.
    """
    values, single = as_batch(images, data_format)
    top, _, height = _thirds(values.shape[2], top_cropping, bottom_cropping, target_height, "rows")
    left, _, width = _thirds(values.shape[3], left_cropping, right_cropping, target_width, "columns")
    return as_given(values[:, :, top : top + height, left : left + width], data_format, single)


def pad_images(
    images: Any,
    *,
    top_padding: int | None = None,
    left_padding: int | None = None,
    bottom_padding: int | None = None,
    right_padding: int | None = None,
    target_height: int | None = None,
    target_width: int | None = None,
    data_format: str | None = None,
) -> Tensor:
    """With rows and columns of zeros at the sides; two of top, bottom and height tell the third, and so across.

    Raises:
        ValueError: when a number is missing or negative.
    """
    values, single = as_batch(images, data_format)

    def negative(amount: int | None) -> int | None:
        return None if amount is None else -amount

    rows, columns = values.shape[2:]
    top, bottom, _ = _thirds(rows, negative(top_padding), negative(bottom_padding), target_height, "rows")
    left, right, _ = _thirds(columns, negative(left_padding), negative(right_padding), target_width, "columns")
    return as_given(F.pad(values, (-left, -right, -top, -bottom)), data_format, single)


def _thirds(size: int, first: int | None, last: int | None, target: int | None, what: str) -> tuple[int, int, int]:
    if [first, last, target].count(None) != 1:
        raise ValueError(f"Of {what} give two: those in front, at the end, and left; got {first}, {last}, {target}.")
    if target is None:
        target = size - (first or 0) - (last or 0)
    elif first is None:
        first = size - target - (last or 0)
    else:
        last = size - target - first
    if target <= 0:
        raise ValueError(f"Of {size} {what} {target} would be left.")
    return first or 0, last or 0, target


def resize(
    images: Any,
    *,
    size: Any,
    interpolation: str = "bilinear",
    antialias: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    fill_mode: str = "constant",
    fill_value: float = 0.0,
    data_format: str | None = None,
) -> Tensor:
    """Images of another ``size`` (height, width).

    Args:
        images: see the module.
        size: (height, width).
        interpolation: "nearest", "bilinear", "bicubic", "lanczos3", "lanczos5", and tf.keras' "area", "gaussian" and
            "mitchellcubic".
        antialias: whether what is made smaller is smoothed first.
        crop_to_aspect_ratio, pad_to_aspect_ratio: keep the proportions, by cutting off or by filling up what is over.
        fill_mode: "constant".
        fill_value: what is filled up with.
        data_format: where the channels stand.

    Raises:
        ValueError: for another ``interpolation`` or ``fill_mode``.
    """
    check_choice("interpolation", interpolation, INTERPOLATIONS)
    if fill_mode != "constant":
        raise ValueError(f"`fill_mode` must be 'constant', got {fill_mode!r}.")
    if crop_to_aspect_ratio and pad_to_aspect_ratio:
        raise ValueError("Only one of `crop_to_aspect_ratio` and `pad_to_aspect_ratio` can be true.")
    values, single = as_batch(images, data_format)
    dtype = values.dtype
    height, width = (int(length) for length in size)
    if crop_to_aspect_ratio:
        values = _cropped_to_ratio(values, height, width)
    elif pad_to_aspect_ratio:
        values = _padded_to_ratio(values, height, width, fill_value)
    wide = values if values.is_floating_point() else values.float()
    if interpolation == "nearest":
        resized = F.interpolate(wide, (height, width), mode="nearest-exact")
    elif interpolation == "bilinear":
        resized = F.interpolate(wide, (height, width), mode="bilinear", antialias=antialias)
    else:
        resized = interpolation_by_weights(wide, (height, width), interpolation, antialias)
    if not dtype.is_floating_point:
        ends = torch.iinfo(dtype)
        resized = torch.clamp(torch.round(resized), ends.min, ends.max)
    return as_given(resized.to(dtype), data_format, single)


def _cropped_to_ratio(values: Tensor, height: int, width: int) -> Tensor:
    rows, columns = values.shape[2:]
    kept_rows = max(min(rows, int(columns * height / width)), 1)
    kept_columns = max(min(columns, int(rows * width / height)), 1)
    top, left = int((rows - kept_rows) / 2), int((columns - kept_columns) / 2)
    return values[:, :, top : top + kept_rows, left : left + kept_columns]


def _padded_to_ratio(values: Tensor, height: int, width: int, fill_value: float) -> Tensor:
    rows, columns = values.shape[2:]
    full_rows = max(rows, int(columns * height / width))
    full_columns = max(columns, int(rows * width / height))
    top, left = int((full_rows - rows) / 2), int((full_columns - columns) / 2)
    # As much on either side, so that of an odd number of rows or columns one is missing, as in Keras.
    return F.pad(values, (left, left, top, top), value=fill_value)


def extract_patches(
    images: Any,
    *,
    size: Any,
    strides: Any = None,
    dilation_rate: int = 1,
    padding: str = "valid",
    data_format: str | None = None,
) -> Tensor:
    """The windows of ``size`` as vectors, (batch, windows down, windows across, entries of a window)."""
    values, single = as_batch(images, data_format)
    windows = (size, size) if isinstance(size, int) else tuple(size)
    steps = windows if strides is None else (strides, strides) if isinstance(strides, int) else tuple(strides)
    rates = (dilation_rate, dilation_rate)
    counts = output_sizes(values.shape[2:], windows, steps, rates, padding)
    padded = pad(values, pads(values.shape[2:], windows, steps, rates, padding))
    columns = F.unfold(padded, windows, rates, 0, steps)
    batch, channels = values.shape[:2]
    columns = columns.reshape(batch, channels, -1, columns.shape[-1]).transpose(1, 2).flatten(1, 2)
    return as_given(columns.reshape(batch, -1, *[int(count or 0) for count in counts]), data_format, single)


def rgb_to_hsv(images: Any, *, data_format: str | None = None) -> Tensor:
    """Hue, saturation and value, from 0 to 1, of red, green and blue."""
    values, single = as_batch(images, data_format)
    red, green, blue = floating(values).unbind(1)
    largest = values.amax(1)
    spread = largest - values.amin(1)
    safe = torch.where(spread > 0, spread, 1)
    hue = torch.where(
        largest == red,
        (green - blue) / safe,
        torch.where(largest == green, (blue - red) / safe + 2, (red - green) / safe + 4),
    )
    hue = torch.where(spread > 0, torch.remainder(hue / 6, 1), 0)
    saturation = torch.where(largest > 0, spread / torch.where(largest > 0, largest, 1), 0)
    return as_given(torch.stack([hue, saturation, largest], 1), data_format, single)


def hsv_to_rgb(images: Any, *, data_format: str | None = None) -> Tensor:
    """The inverse of :func:`rgb_to_hsv`."""
    values, single = as_batch(images, data_format)
    hue, saturation, value = floating(values).unbind(1)
    sixths = hue * 6
    shares = [
        torch.clamp(torch.abs(sixths - 3) - 1, 0, 1),
        torch.clamp(2 - torch.abs(sixths - 2), 0, 1),
        torch.clamp(2 - torch.abs(sixths - 4), 0, 1),
    ]
    colours = [((share - 1) * saturation + 1) * value for share in shares]
    return as_given(torch.stack(colours, 1), data_format, single)


def affine_transform(
    images: Any,
    transform: Any,
    *,
    interpolation: str = "bilinear",
    fill_mode: str = "constant",
    fill_value: float = 0,
    data_format: str | None = None,
) -> Tensor:
    """Images whose point (x, y) shows what stood at ``(a x + b y + c, d x + e y + f) / (g x + h y + 1)``.

    Args:
        images: see the module.
        transform: (a, b, c, d, e, f, g, h), one for all images or one each.
        interpolation: "nearest" or "bilinear".
        fill_mode: what is beyond the border: "constant" ``fill_value``, "nearest", "reflect" or "wrap".
        fill_value: see ``fill_mode``.
        data_format: where the channels stand.

    Raises:
        ValueError: for another ``interpolation`` or ``fill_mode``.
    """
    values, single = as_batch(images, data_format)
    wide = floating(values)
    numbers = as_tensor(transform, wide.dtype).reshape(-1, 8, 1, 1).unbind(1)
    a, b, c, d, e, f, g, h = numbers
    rows, columns = wide.shape[2:]
    y = torch.arange(rows, dtype=wide.dtype, device=wide.device).reshape(1, -1, 1)
    x = torch.arange(columns, dtype=wide.dtype, device=wide.device).reshape(1, 1, -1)
    depth = g * x + h * y + 1
    places = [(along / depth).expand(wide.shape[0], rows, columns) for along in (d * x + e * y + f, a * x + b * y + c)]
    found = _sampled(wide, places, interpolation, fill_mode, fill_value)
    return as_given(found.to(values.dtype), data_format, single)


def _sampled(images: Tensor, places: Sequence[Tensor], interpolation: str, fill_mode: str, fill: float) -> Tensor:
    y, x = (_wrapped(place, size, fill_mode) for place, size in zip(places, images.shape[2:], strict=True))
    if interpolation == "nearest":
        return _at(images, _nearest(y), _nearest(x), fill_mode, fill)
    if interpolation != "bilinear":
        raise ValueError(f"`interpolation` must be 'nearest' or 'bilinear', got {interpolation!r}.")
    top, left = torch.floor(y), torch.floor(x)
    down, right = (y - top).unsqueeze(1), (x - left).unsqueeze(1)
    upper = _at(images, top, left, fill_mode, fill) * (1 - right) + _at(images, top, left + 1, fill_mode, fill) * right
    top = top + 1
    lower = _at(images, top, left, fill_mode, fill) * (1 - right) + _at(images, top, left + 1, fill_mode, fill) * right
    return upper * (1 - down) + lower * down


def _nearest(place: Tensor) -> Tensor:
    """Rounded, halves away from 0."""
    return torch.sign(place) * torch.floor(place.abs() + 0.5)


def _wrapped(place: Tensor, size: int, fill_mode: str) -> Tensor:
    match fill_mode:
        case "constant":
            return place
        case "nearest":
            return torch.clamp(place, 0, size - 1)
        case "reflect":
            period = torch.remainder(place, 2 * size)
            return torch.clamp(torch.where(period >= size, 2 * size - period - 1, period), 0, size - 1)
        case "wrap":
            # TensorFlow counts the turns by one point less than it goes back for each
            turns = torch.where(place < 0, torch.floor(-place / max(size - 1, 1)) + 1, 0)
            turns = torch.where(place > size - 1, -torch.floor(place / max(size - 1, 1)), turns)
            return torch.clamp(place + turns * size, 0, size - 1)
        case _:
            raise ValueError(f"`fill_mode` must be 'constant', 'nearest', 'reflect' or 'wrap', got {fill_mode!r}.")


def _at(images: Tensor, y: Tensor, x: Tensor, fill_mode: str, fill: float) -> Tensor:
    rows, columns = images.shape[2:]
    inside = (y >= 0) & (y <= rows - 1) & (x >= 0) & (x <= columns - 1)
    flat = (torch.clamp(y, 0, rows - 1) * columns + torch.clamp(x, 0, columns - 1)).long()
    found = images.flatten(2).gather(2, flat.flatten(1).unsqueeze(1).expand(-1, images.shape[1], -1))
    found = found.reshape(*images.shape[:2], *y.shape[1:])
    return torch.where(inside.unsqueeze(1), found, fill) if fill_mode == "constant" else found
