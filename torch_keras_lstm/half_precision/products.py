"""Products and convolutions: their sums are float32, rounded once, but for the kernels of Eigen's that are float16."""

import math
from itertools import product
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

# Up to here Eigen multiplies matrices in the simplest way, and else eight columns at a time.
_SMALL_PRODUCT, _LANES = 20, 8


def depthwise(inputs: Tensor, weight: Tensor, strides: tuple[int, ...], dilations: tuple[int, ...]) -> Tensor:
    """A convolution of each channel by itself in float16, rounded after each product that is added.

    Args:
        inputs: (batch, channels, *spatial), padded.
        weight: (channels * multiplier, 1, *windows)
    """
    channels = inputs.shape[1]
    several = inputs.repeat_interleave(weight.shape[0] // channels, 1)
    windows = weight.shape[2:]
    places = product(*map(range, windows))
    weights = dict(zip(places, weight.flatten(2).squeeze(1).unbind(-1), strict=True))
    total = None
    for place in weights:
        part = several
        for axis, (at, window, stride, dilation) in enumerate(zip(place, windows, strides, dilations, strict=True)):
            begin, reach = at * dilation, (window - 1) * dilation
            taken = torch.arange(begin, part.shape[axis + 2] - reach + begin, stride, device=part.device)
            part = part.index_select(axis + 2, taken)
        factor = weights[place].reshape(-1, *(1,) * len(windows))
        added = part.float() * factor.float()
        total = (added if total is None else total.float() + added).to(inputs.dtype)
    assert total is not None, "a window has at least one place"
    return total


def convolution_in_space(inputs: Tensor, weight: Tensor, strides: tuple[int, ...]) -> Tensor:
    """A convolution over three axes in float16, by the product with what each window sees.

    Args:
        inputs: (batch, channels, *spatial), padded.
        weight: (filters, channels, *windows)
    """
    rank = len(strides)
    views = inputs
    for axis, (window, stride) in enumerate(zip(weight.shape[2:], strides, strict=True)):
        views = views.unfold(axis + 2, window, stride)
    seen = views.movedim(1, -1)  # (batch, *output, *windows, channels)
    kernel = weight.movedim((0, 1), (-1, -2)).flatten(0, rank)
    found = rounded_product(seen.flatten(rank + 1).flatten(0, rank), kernel)
    outputs: Tensor = found.unflatten(0, seen.shape[: rank + 1]).movedim(-1, 1)
    return outputs


def transposed_convolution(inputs: Tensor, weight: Tensor, strides: tuple[int, ...]) -> Tensor:
    """A transposed convolution in float16: what each place of the inputs gives is added up from the first place on.

    Args:
        inputs: (batch, channels, *spatial)
        weight: (channels, filters, *windows)
    """
    windows, spatial = weight.shape[2:], inputs.shape[2:]
    found = rounded_product(inputs.movedim(1, -1).flatten(0, -2), weight.movedim(1, -1).flatten(1))
    parts = found.reshape(inputs.shape[0], *spatial, math.prod(windows), weight.shape[1]).unbind(-2)
    sizes = [(size - 1) * stride + window for size, stride, window in zip(spatial, strides, windows, strict=True)]
    outputs = found.new_zeros(inputs.shape[0], *sizes, weight.shape[1])
    places = list(product(*map(range, windows)))
    for place, part in reversed([*zip(places, parts, strict=True)]):
        reached = tuple(
            slice(at, at + (size - 1) * stride + 1, stride)
            for at, size, stride in zip(place, spatial, strides, strict=True)
        )
        outputs[:, *reached] = outputs[:, *reached] + part
    return outputs.movedim(-1, 1)


class _RoundedProduct(Function):
    """``first @ second`` in float16 by Eigen's own kernel, whose sums are rounded after each term."""

    generate_vmap_rule = True

    @staticmethod
    def forward(first: Tensor, second: Tensor) -> Tensor:
        rows, (terms, columns) = first.shape[-2], second.shape[-2:]
        if rows + terms + columns < _SMALL_PRODUCT:
            return _sum_of_products(first, second)
        wide, whole = columns // (2 * _LANES) * 2 * _LANES, columns // _LANES * _LANES
        parts = [_sum_of_products(first, second[..., :wide])]
        if whole > wide:  # eight columns, four rows at a time, by two sums
            fours, middle = rows // 4 * 4, second[..., wide:whole]
            of_fours = _two_sums_of_products(first[..., :fours, :], middle)
            parts.append(torch.cat((of_fours, _sum_of_products(first[..., fours:, :], middle)), -2))
        parts.append(_sum_of_products(first, second[..., whole:], at_once=True))
        return torch.cat(parts, -1)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor]:
        first, second = ctx.saved_tensors
        gradient = gradients[0]
        return rounded_product(gradient, second.mT), rounded_product(first.mT, gradient)


def _sum_of_products(first: Tensor, second: Tensor, start: Tensor | None = None, *, at_once: bool = False) -> Tensor:
    """The product of matrices, term by term, from ``start`` on; ``at_once`` rounds products and sums together."""
    if start is None:
        together = torch.broadcast_shapes(first.shape[:-2], second.shape[:-2])
        start = first.new_zeros(*together, first.shape[-2], second.shape[-1])
    total = start
    for left, right in zip(first.unbind(-1), second.unbind(-2), strict=True):
        one, other = left.unsqueeze(-1), right.unsqueeze(-2)
        exact = total.float() + one.float() * other.float() if at_once else total + one * other
        total = exact.to(first.dtype)
    return total


def _two_sums_of_products(first: Tensor, second: Tensor) -> Tensor:
    """The same by one sum for the even and one for the odd terms, as far as there are eight more."""
    whole = first.shape[-1] // _LANES * _LANES
    even, odd = (_sum_of_products(first[..., k:whole:2], second[..., k:whole:2, :]) for k in (0, 1))
    return _sum_of_products(first[..., whole:], second[..., whole:, :], even + odd)


def rounded_product(first: Tensor, second: Tensor) -> Tensor:
    """The product of float16 matrices by Eigen's own kernel, whose sums are rounded after each term."""
    rounded: Tensor = _RoundedProduct.apply(first, second)  # type: ignore[no-untyped-call]  # torch has not annotated it
    return rounded


def _by_einsum(first: Tensor, second: Tensor) -> Tensor:
    if first.dtype is torch.float16:
        return rounded_product(first, second)
    return (first.float() @ second.float()).to(first.dtype)


def attention(query: Tensor, key: Tensor, value: Tensor, allowed: Tensor | None, scale: float) -> Tensor:
    """Keras' ``dot_product_attention``, whose softmax is float32, for (..., heads, steps, size)."""
    scores = _by_einsum(query, key.mT).float() * scale
    if allowed is not None:
        scores = torch.where(allowed, scores, -0.7 * torch.finfo(torch.float32).max)
    return _by_einsum(torch.softmax(scores, -1).to(query.dtype), value)
