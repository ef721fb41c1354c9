"""Sums over a window of images, (batch, height, width, channels) or without a batch: ``keras.ops.image``."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from torch_keras_lstm.operations.image import as_batch, as_given
from torch_keras_lstm.operations.tensors import as_tensor, floating
from torch_keras_lstm.sliding_windows import convolve


def gaussian_blur(
    images: Any, *, kernel_size: Any = (3, 3), sigma: Any = (1.0, 1.0), data_format: str | None = None
) -> Tensor:
    """Images out of focus: means by the bell curve, of what is beyond the border as of zeros.

    Args:
        images: see the module.
        kernel_size: of the window, two numbers.
        sigma: the standard deviations, two numbers.
        data_format: where the channels stand.
    """
    values, single = as_batch(images, data_format)
    sizes = [int(size) for size in kernel_size]
    deviations = as_tensor(sigma, values.dtype).to(values.device)
    across, down = (bell(size, deviations[axis]) for axis, size in enumerate(sizes))
    # Keras reshapes the product, and does not permute it, for windows that are not square.
    kernel = torch.outer(down, across).reshape(sizes)
    return as_given(_each_channel(values, kernel, "same"), data_format, single)


def bell(size: int, sigma: Tensor) -> Tensor:
    """``size`` weights by the bell curve around their middle, which add up to 1."""
    places = torch.arange(size, dtype=sigma.dtype, device=sigma.device) - (size - 1) / 2
    weights = torch.exp(-0.5 * (places / sigma) ** 2)
    return weights / weights.sum()


def _each_channel(values: Tensor, kernel: Tensor, padding: str) -> Tensor:
    channels = values.shape[1]
    weight = kernel.expand(channels, 1, *kernel.shape)
    ones = (1, 1)
    return convolve(values, weight, strides=ones, padding=padding, dilations=ones, groups=channels)


def sobel_edges(images: Any, *, data_format: str | None = None) -> Tensor:
    """(*images, 2): by how much the values rise, down and to the right, by Sobel's kernels."""
    values, single = as_batch(images, data_format)
    down = torch.tensor([[-1, -2, -1], [0, 0, 0], [1, 2, 1]], dtype=values.dtype, device=values.device)
    padded = F.pad(values, (1, 1, 1, 1), mode="reflect")
    edges = [as_given(_each_channel(padded, kernel, "valid"), data_format, single) for kernel in (down, down.mT)]
    return torch.stack(edges, -1)


def ssim(
    image1: Any,
    image2: Any,
    *,
    max_val: float = 1.0,
    filter_size: int = 11,
    filter_sigma: float = 1.5,
    k1: float = 0.01,
    k2: float = 0.03,
    data_format: str | None = None,
) -> Tensor:
    """(batch,): how alike two images are, at most 1 (Wang et al., 2004).

    Args:
        image1, image2: see the module.
        max_val: how far apart values can be.
        filter_size, filter_sigma: the window over which means and variances are taken, and its bell curve.
        k1, k2: keep quotients from zeros.
        data_format: where the channels stand.
    """
    kept = as_tensor(image1).dtype
    (first, single), (second, _) = (as_batch(floating(as_tensor(one)), data_format) for one in (image1, image2))
    weights = bell(filter_size, torch.tensor(filter_sigma, dtype=first.dtype, device=first.device))
    kernel = torch.outer(weights, weights)

    def mean(values: Tensor) -> Tensor:
        return _each_channel(values, kernel, "valid")

    means: Sequence[Tensor] = (mean(first), mean(second))
    squares = [mean(one * one) - middle * middle for one, middle in zip((first, second), means, strict=True)]
    together = mean(first * second) - means[0] * means[1]
    c1, c2 = (k1 * max_val) ** 2, (k2 * max_val) ** 2
    above = (2 * means[0] * means[1] + c1) * (2 * together + c2)
    below = (means[0] ** 2 + means[1] ** 2 + c1) * (squares[0] + squares[1] + c2)
    alike = (above / below).mean((2, 3)).mean(1)
    return (alike.squeeze(0) if single else alike).to(kept)
