"""How ``tf.image.resize`` enlarges an axis where torch has no like of it: each new pixel as a weighted sum of old ones.

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


def enlarging_matrix(size: int, times: int, method: str) -> Tensor:
    """(size * times, size), float64: row by row the weights of the old pixels in a new one.

    Args:
        size: of the axis.
        times: what it is multiplied by.
        method: a key of ``KERNELS``.
    """
    kernel = KERNELS[method]
    centres = (torch.arange(size * times, dtype=torch.float64) + 0.5) / times - 0.5
    if kernel.places:
        centres = centres.floor() + ((centres - centres.floor()) * kernel.places).round() / kernel.places
    distances = (torch.arange(size, dtype=torch.float64) - centres.unsqueeze(1)).abs()
    weights = kernel.weight(distances).where(distances < kernel.radius, 0)
    return weights / weights.sum(dim=1, keepdim=True)


def enlarge(images: Tensor, times: Sequence[int], method: str) -> Tensor:
    """(batch, channels, height, width), floating -> the same, so many times as high and as wide."""
    rows, columns = (
        enlarging_matrix(size, factor, method).to(images) for size, factor in zip(images.shape[2:], times, strict=True)
    )
    return rows @ images @ columns.mT
