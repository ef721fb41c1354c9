"""Images whose points are looked up at other places: ``keras.ops.image`` over torch tensors."""

from collections.abc import Sequence
from itertools import product
from typing import Any

import torch
from torch import Tensor

from torch_keras_lstm.arguments import check_choice
from torch_keras_lstm.interpolation import scaled_matrix
from torch_keras_lstm.operations.image import affine_transform, as_batch, as_given
from torch_keras_lstm.operations.image_filters import gaussian_blur
from torch_keras_lstm.operations.tensors import as_tensor, floating
from torch_keras_lstm.random import Seed, normal

FILL_MODES = ("constant", "nearest", "wrap", "mirror", "reflect")
_METHODS = {
    **dict.fromkeys(("linear", "bilinear", "trilinear", "triangle"), "bilinear"),
    **dict.fromkeys(("cubic", "bicubic", "tricubic"), "bicubic"),
    "lanczos3": "lanczos3",
    "lanczos5": "lanczos5",
}


def map_coordinates(
    inputs: Any, coordinates: Any, *, order: int, fill_mode: str = "constant", fill_value: Any = 0
) -> Tensor:
    """The values of ``inputs`` at places between its points.

    Args:
        inputs: of any number of axes.
        coordinates: (axes of ``inputs``, *places), counted in points.
        order: 0 for the nearest point, 1 for means of those around.
        fill_mode: what is beyond the border: "constant" ``fill_value``, "nearest", "wrap", "mirror" or "reflect".
        fill_value: see ``fill_mode``.

    Raises:
        ValueError: for another ``order`` or ``fill_mode``, or coordinates for other axes.
    """
    values, places = as_tensor(inputs), as_tensor(coordinates)
    check_choice("fill_mode", fill_mode, FILL_MODES)
    if order not in (0, 1):
        raise ValueError(f"`order` must be 0 or 1, got {order!r}.")
    if places.dim() < 2 or places.shape[0] != values.dim():
        raise ValueError(
            f"`coordinates` must have a first axis of {values.dim()}, one row for each axis of the inputs, and others "
            f"behind it; got shape {tuple(places.shape)}."
        )
    nodes = [_nearest(place) if order == 0 else _around(place) for place in places.unbind(0)]
    total: Any = 0
    for corner in product(*nodes):
        looked_up = [_inside(index, size, fill_mode) for (index, _), size in zip(corner, values.shape, strict=True)]
        found = values[tuple(index for index, _ in looked_up)].to(places.dtype if places.is_floating_point() else None)
        if fill_mode == "constant":
            valid = torch.stack([inside for _, inside in looked_up]).all(0)
            found = torch.where(valid, found, torch.as_tensor(fill_value, dtype=found.dtype, device=found.device))
        for _, weight in corner:
            found = found * weight
        total = total + found
    return (total if values.is_floating_point() else torch.round(total)).to(values.dtype)


def _nearest(place: Tensor) -> list[tuple[Tensor, Any]]:
    return [((torch.round(place) if place.is_floating_point() else place).long(), 1)]


def _around(place: Tensor) -> list[tuple[Tensor, Any]]:
    """The points on both sides, and their weights."""
    lower = torch.floor(place) if place.is_floating_point() else place
    return [(lower.long(), 1 - (place - lower)), (lower.long() + 1, place - lower)]


def _inside(index: Tensor, size: int, fill_mode: str) -> tuple[Tensor, Tensor]:
    """The point that stands for ``index``, and whether it is that itself."""
    valid = (index >= 0) & (index < size)
    if fill_mode == "wrap":
        return torch.remainder(index, size), valid
    if fill_mode in ("mirror", "reflect"):
        period = torch.remainder(index.abs(), 2 * size)
        back = 2 * size - period - (1 if fill_mode == "reflect" else 0)
        # Of "mirror" Keras goes one point beyond the border, where TensorFlow finds a zero or stops.
        return torch.where(period < size, period, back).clamp(max=size - 1), valid
    return index.clamp(0, size - 1), valid


def perspective_transform(
    images: Any,
    start_points: Any,
    end_points: Any,
    *,
    interpolation: str = "bilinear",
    fill_value: Any = 0,
    data_format: str | None = None,
) -> Tensor:
    """Images seen from aside: what stood at the four start points stands at the four end points.

    Args:
        images: (batch, height, width, channels), or without a batch.
        start_points, end_points: (batch, 4, 2) or (4, 2), of (x, y).
        interpolation: "nearest" or "bilinear".
        fill_value: what is beyond the border.
        data_format: where the channels stand.

    Raises:
        ValueError: for another ``interpolation``, or points of another shape.
    """
    check_choice("interpolation", interpolation, ("nearest", "bilinear"))
    points = [as_tensor(one, torch.float32) for one in (start_points, end_points)]
    if points[0].shape != points[1].shape or points[0].shape[-2:] != (4, 2):
        raise ValueError(
            "`start_points` and `end_points` must both have shape (4, 2), or (batch, 4, 2), got "
            f"{tuple(points[0].shape)} and {tuple(points[1].shape)}."
        )
    start, end = (one.reshape(-1, 4, 2) for one in points)
    return affine_transform(
        images,
        homography(start, end).to(as_tensor(images).device),
        interpolation=interpolation,
        fill_mode="constant",
        fill_value=fill_value,
        data_format=data_format,
    )


def homography(start: Tensor, end: Tensor) -> Tensor:
    """(batch, 8): what takes the end points to the start points, both (batch, 4, 2), for ``affine_transform``."""
    ones, zeros = torch.ones_like(end[..., :1]), torch.zeros_like(end)
    plane, none = torch.cat([end, ones], -1), torch.cat([zeros, zeros[..., :1]], -1)
    across = torch.cat([plane, none, -start[..., :1] * end], -1)
    down = torch.cat([none, plane, -start[..., 1:] * end], -1)
    rows = torch.stack([across, down], 2).flatten(1, 2)
    solved: Tensor = torch.linalg.solve(rows, start.flatten(1).unsqueeze(-1))
    return solved.squeeze(-1)


def elastic_transform(
    images: Any,
    *,
    alpha: float = 20.0,
    sigma: float = 5.0,
    interpolation: str = "bilinear",
    fill_mode: str = "reflect",
    fill_value: Any = 0.0,
    seed: Seed = None,
    data_format: str | None = None,
) -> Tensor:
    """Images whose points are moved this way and that, neighbours alike.

    Args:
        images: (batch, height, width, channels), or without a batch.
        alpha: how far, times the noise.
        sigma: how smooth the noise is, and how strong.
        interpolation: "nearest" or "bilinear".
        fill_mode, fill_value: as in :func:`map_coordinates`.
        seed: what the noise is drawn from.
        data_format: where the channels stand.

    Raises:
        ValueError: for another ``interpolation`` or ``fill_mode``.
    """
    values, single = as_batch(floating(as_tensor(images)), data_format)
    shape = (2, len(values), *values.shape[2:])
    noise = normal(shape, dtype=str(values.dtype).removeprefix("torch."), seed=seed).to(values.device)
    moved = elastic(values, noise, alpha, sigma, interpolation, fill_mode, fill_value)
    return as_given(moved.to(as_tensor(images).dtype), data_format, single)


def elastic(
    images: Tensor,
    noise: Tensor,
    alpha: Any,
    sigma: Any,
    interpolation: str,
    fill_mode: str,
    fill_value: Any,
) -> Tensor:
    """(batch, channels, height, width) moved by noise, (2, batch, height, width): to the right, and down."""
    check_choice("interpolation", interpolation, ("nearest", "bilinear"))
    check_choice("fill_mode", fill_mode, FILL_MODES)
    size = (6 * int(sigma)) | 1
    smooth = [
        gaussian_blur((one * sigma).unsqueeze(-1), kernel_size=(size, size), sigma=(float(sigma), float(sigma)))
        for one in noise
    ]
    right, down = (one.squeeze(-1) * alpha for one in smooth)
    rows = torch.arange(images.shape[2], dtype=images.dtype, device=images.device).reshape(1, -1, 1) + down
    columns = torch.arange(images.shape[3], dtype=images.dtype, device=images.device) + right
    order = 0 if interpolation == "nearest" else 1
    samples = [
        [_moved(channel, y, x, order, fill_mode, fill_value) for channel in sample]
        for sample, y, x in zip(images, rows, columns, strict=True)
    ]
    return torch.stack([torch.stack(channels) for channels in samples])


def _moved(channel: Tensor, y: Tensor, x: Tensor, order: int, fill_mode: str, fill_value: Any) -> Tensor:
    places = torch.stack([y, x])
    return map_coordinates(channel, places, order=order, fill_mode=fill_mode, fill_value=fill_value)


def scale_and_translate(
    images: Any,
    output_shape: Sequence[int],
    scale: Any,
    translation: Any,
    *,
    spatial_dims: Sequence[int],
    method: str,
    antialias: bool = True,
) -> Tensor:
    """Some axes stretched and shifted, by weights that depend on the distance.

    Args:
        images: of any number of axes.
        output_shape: of the result.
        scale, translation: for each of ``spatial_dims`` what a place is multiplied by, and what is added then.
        spatial_dims: which axes.
        method: "linear", "cubic" (or "bilinear", "bicubic" and so on), "lanczos3" or "lanczos5".
        antialias: whether what is made smaller is smoothed first.

    Raises:
        ValueError: for another ``method``.
    """
    check_choice("method", method, (*_METHODS,))
    values = as_tensor(images)
    wide = floating(values)
    for axis, factor, shift in zip(spatial_dims, as_tensor(scale), as_tensor(translation), strict=True):
        sizes = wide.shape[axis], int(output_shape[axis])
        matrix = scaled_matrix(*sizes, _METHODS[method], factor, shift, antialias).to(wide)
        wide = torch.movedim(torch.movedim(wide, axis, -1) @ matrix.mT, -1, axis)
    if not values.is_floating_point():
        wide = torch.clamp(torch.round(wide), float(values.min()), float(values.max()))
    return wide.to(values.dtype)
