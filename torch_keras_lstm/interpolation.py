"""How ``tf.image.resize`` resizes an axis where torch has no like of it: each new pixel as a weighted sum of old ones.

Every method takes the pixels around the place where the middle of the new pixel lies among the old ones, weights them
by their distance and divides by the sum of the weights, so that pixels beyond the border leave theirs to the others
(``tensorflow/core/kernels/image/scale_and_translate_op.cc`` and ``resize_bicubic_op.cc``).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor


class Kernel(NamedTuple):
    """The weight of an old pixel.

    Attributes:
        radius: the distance from which on it is zero.
        weight: by the distance, in pixels.
        places: how finely the distance is resolved, 1 / places; 0 for exactly.
    """

    radius: float
    weight: Callable[[Tensor], Tensor]
    places: int = 0


def _cubic(b: float, c: float) -> Callable[[Tensor], Tensor]:
    """The family of Mitchell and Netravali (1988)."""

    def weight(distance: Tensor) -> Tensor:
        square, cube = distance**2, distance**3
        near = (12 - 9 * b - 6 * c) * cube + (-18 + 12 * b + 6 * c) * square + (6 - 2 * b)
        far = (-b - 6 * c) * cube + (6 * b + 30 * c) * square + (-12 * b - 48 * c) * distance + (8 * b + 24 * c)
        return torch.where(distance < 1, near, far) / 6

    return weight


def _lanczos(radius: int) -> Callable[[Tensor], Tensor]:
    return lambda distance: torch.sinc(distance) * torch.sinc(distance / radius)


def _gaussian(distance: Tensor) -> Tensor:
    return torch.exp(-2 * distance**2)  # a standard deviation of half a pixel


KERNELS: Mapping[str, Kernel] = {
    "bicubic": Kernel(2, _cubic(0, 0.5), places=1024),  # TensorFlow looks its weights up in a table
    "gaussian": Kernel(1.5, _gaussian),
    "lanczos3": Kernel(3, _lanczos(3)),
    "lanczos5": Kernel(5, _lanczos(5)),
    "mitchellcubic": Kernel(2, _cubic(1 / 3, 1 / 3)),
}


# The kernels of TensorFlow's `scale_and_translate` beside those above, which looks nothing up in a table.
_SMOOTHING: Mapping[str, Kernel] = {
    **KERNELS,
    "bicubic": Kernel(2, _cubic(0, 0.5)),
    "bilinear": Kernel(1, lambda distance: 1 - distance),
}


def resizing_matrix(size: int, new_size: int, method: str, antialias: bool = False) -> Tensor:
    """(new_size, size), float64: row by row the weights of the old pixels in a new one.

    Args:
        size: of the axis.
        new_size: what becomes of it.
        method: a key of ``KERNELS``, "area" for means over what a new pixel covers; with ``antialias`` "bilinear" too.
        antialias: whether the kernel is widened where the axis is made smaller, so that it covers a new pixel.
    """
    scale = size / new_size
    if method == "area":
        return _area_matrix(size, new_size)
    kernel = _SMOOTHING[method] if antialias else KERNELS[method]
    width = max(scale, 1.0) if antialias else 1.0
    centres = (torch.arange(new_size, dtype=torch.float64) + 0.5) * scale - 0.5
    if kernel.places:
        centres = centres.floor() + ((centres - centres.floor()) * kernel.places).round() / kernel.places
    distances = (torch.arange(size, dtype=torch.float64) - centres.unsqueeze(1)).abs() / width
    weights = kernel.weight(distances).where(distances < kernel.radius, 0)
    return weights / weights.sum(dim=1, keepdim=True)


def scaled_matrix(
    size: int, new_size: int, method: str, scale: Tensor, translation: Tensor, antialias: bool = False
) -> Tensor:
    """As :func:`resizing_matrix` for a place that goes to ``place * scale + translation``, what is outside is nought.

    Args:
        size, new_size, antialias: as there.
        method: "bilinear", "bicubic", "lanczos3" or "lanczos5".
        scale, translation: of the axis, a number each.
    """
    kernel = _SMOOTHING[method]
    scale, translation = scale.double(), translation.double()
    width = (1 / scale).clamp(min=1) if antialias else torch.ones_like(scale)
    new, old = (torch.arange(one, dtype=torch.float64, device=scale.device) for one in (new_size, size))
    centres = (new + 0.5 - translation) / scale - 0.5
    distances = (old - centres.unsqueeze(1)).abs() / width
    weights = kernel.weight(distances).where(distances < kernel.radius, 0)
    total = weights.sum(dim=1, keepdim=True)
    inside = (centres >= -0.5) & (centres <= size - 0.5)
    seen = (total.abs() > 1000 * torch.finfo(torch.float32).eps) & inside.unsqueeze(1)
    return torch.where(seen, weights / torch.where(seen, total, 1), 0)


def _area_matrix(size: int, new_size: int) -> Tensor:
    """As :func:`resizing_matrix`: each old pixel by how much of the new one it covers."""
    ends = torch.arange(new_size + 1, dtype=torch.float64) * (size / new_size)
    pixels = torch.arange(size, dtype=torch.float64)
    upper = torch.minimum(ends[1:].unsqueeze(1), pixels + 1)
    covered = (upper - torch.maximum(ends[:-1].unsqueeze(1), pixels)).clamp(min=0)
    return covered / covered.sum(dim=1, keepdim=True)


def resize(images: Tensor, size: Sequence[int], method: str, antialias: bool = False) -> Tensor:
    """(batch, channels, height, width), floating -> the same, of another height and width."""
    rows, columns = (
        resizing_matrix(old, new, method, antialias).to(images) for old, new in zip(images.shape[2:], size, strict=True)
    )
    return rows @ images @ columns.mT


def enlarge(images: Tensor, times: Sequence[int], method: str) -> Tensor:
    """(batch, channels, height, width), floating -> the same, so many times as high and as wide."""
    return resize(images, [old * factor for old, factor in zip(images.shape[2:], times, strict=True)], method)
