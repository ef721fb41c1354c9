"""Sums: in float16 Eigen rounds after each term, eight side by side; in bfloat16 they are float32 until the end."""

import math
from typing import Any

import torch
from torch import Tensor

from torch_keras_lstm.half_precision.rule import Rule
from torch_keras_lstm.sliding_windows import pad

# Eigen adds up eight float16 at a time, four times, and halves what is longer than so many of the eight.
_LANES, _UNROLLED, _LEAF = 8, 4, 200
_UNROLLED_FROM = 16


def _sum_of_last(values: Tensor) -> Tensor:
    """The sums along the last axis, (..., n) -> (...), as Eigen adds up what lies side by side."""
    size = values.shape[-1]
    if size > _LANES * _LEAF:
        middle = _LANES * math.ceil(math.ceil(size / 2) / _LANES)
        return _sum_of_last(values[..., :middle]) + _sum_of_last(values[..., middle:])
    lanes = values.new_zeros(*values.shape[:-1], _LANES)
    unrolled = size // (_UNROLLED * _LANES) * _UNROLLED * _LANES
    if unrolled:
        blocks = values[..., :unrolled].unflatten(-1, (-1, _UNROLLED, _LANES))
        lanes = _one_after_the_other(_one_after_the_other(blocks, -3), -2)
    whole = size // _LANES * _LANES
    for block in values[..., unrolled:whole].split(_LANES, -1) if whole > unrolled else ():
        lanes = lanes + block
    rest = values.new_zeros(values.shape[:-1])
    for one in values[..., whole:].unbind(-1):
        rest = rest + one
    return rest + lanes.float().sum(-1).to(values.dtype)


def _sum_of_middle(values: Tensor) -> Tensor:
    """The sums along the axis before the last, (..., n, m) -> (..., m), as Eigen adds up what lies rows apart."""
    size, width = values.shape[-2:]
    in_order = _one_after_the_other(values, -2)
    if size < _UNROLLED_FROM:
        return in_order
    unrolled = size // _UNROLLED * _UNROLLED
    quarters = _one_after_the_other(values[..., :unrolled, :].unflatten(-2, (-1, _UNROLLED)), -3)
    in_fours = _one_after_the_other(torch.cat((quarters, values[..., unrolled:, :]), -2), -2)
    # Only eight results that lie side by side in one row are computed so.
    first = torch.arange(in_order.numel(), device=values.device) // _LANES * _LANES
    together = (first % width <= width - _LANES) & (first <= in_order.numel() - _LANES)
    return torch.where(together.reshape(in_order.shape), in_fours, in_order)


def _one_after_the_other(values: Tensor, axis: int) -> Tensor:
    first, *others = values.unbind(axis)
    for one in others:
        first = first + one
    return first


def _sum(values: Tensor, axes: tuple[int, ...], lanes: bool = False) -> Tensor:
    """The sums along the axes, which stay with size 1.

    Args:
        lanes: whether bfloat16 is added up as float16 is.
    """
    if values.dtype is torch.bfloat16 and not lanes:
        return values.float().sum(axes, keepdim=True).to(values.dtype)
    rank = values.ndim
    kept = [axis for axis in range(rank) if axis not in axes]
    last = not kept or kept[-1] < min(axes)
    if last or list(axes) != list(range(min(axes), max(axes) + 1)):
        summed = _sum_of_last(values.permute(*kept, *axes).flatten(len(kept)))
    else:
        found = _sum_of_middle(values.flatten(max(axes) + 1).flatten(min(axes), max(axes)))
        summed = found.reshape([values.shape[axis] for axis in kept])
    return summed.reshape([1 if axis in axes else values.shape[axis] for axis in range(rank)])


def _axes(values: Tensor, given: Any) -> tuple[int, ...]:
    if given is None or given == ():
        return tuple(range(values.ndim))
    return tuple(sorted(axis % values.ndim for axis in ((given,) if isinstance(given, int) else given)))


def sum_along(values: Tensor, axes: Any, keepdim: bool) -> Tensor:
    """``tf.reduce_sum``."""
    found = _axes(values, axes)
    sums = Rule(lambda x: _sum(x, found), lambda dy, x, y: dy.expand(x.shape))(values)
    return sums if keepdim else sums.squeeze(found)


def mean_along(values: Tensor, axes: Any, keepdim: bool) -> Tensor:
    """Keras' ``mean``, which is float32 in between."""
    return values.float().mean(_axes(values, axes), keepdim=keepdim).to(values.dtype)


def softmax(values: Tensor, axis: int) -> Tensor:
    """``tf.nn.softmax``, along the last axis as it does it, whichever is asked for."""
    return _SOFTMAX(values.movedim(axis, -1)).movedim(-1, axis)


def log_softmax(values: Tensor, axis: int) -> Tensor:
    """``tf.nn.log_softmax``, as :func:`softmax`."""
    return _LOG_SOFTMAX(values.movedim(axis, -1)).movedim(-1, axis)


def _softmax(x: Tensor) -> Tensor:
    if x.dtype is torch.bfloat16:
        return torch.softmax(x.float(), -1).to(x.dtype)
    exponentials = torch.exp(x - x.amax(-1, keepdim=True))
    return exponentials * (1 / _sum(exponentials, (x.ndim - 1,)))


def _log_softmax(x: Tensor) -> Tensor:
    shifted = x - x.amax(-1, keepdim=True)
    return shifted - torch.log(_sum(torch.exp(shifted), (x.ndim - 1,), lanes=True))


_SOFTMAX = Rule(_softmax, lambda dy, x, y: (dy - _sum(dy * y, (y.ndim - 1,))) * y)
_LOG_SOFTMAX = Rule(_log_softmax, lambda dy, x, y: dy - torch.exp(y) * _sum(dy, (y.ndim - 1,)))


def mean_of_windows(values: Tensor, windows: tuple[int, ...], strides: tuple[int, ...], amounts: Any) -> Tensor:
    """``tf.nn.avg_pool``: the means over windows of (batch, channels, *spatial), of what is no padding.

    Args:
        amounts: what each axis of space is padded by, in front and at the end.
    """
    sums = _over_windows(pad(values, amounts), windows, strides)
    counts = _over_windows(pad(torch.ones_like(values[:1, :1]).float(), amounts), windows, strides)
    return (sums / counts).to(values.dtype) if sums.dtype is torch.float32 else sums / counts.to(values.dtype)


def _over_windows(values: Tensor, windows: tuple[int, ...], strides: tuple[int, ...]) -> Tensor:
    """The sums, in float16 rounded after each term, otherwise in float32."""
    views = values if values.dtype is torch.float16 else values.float()
    for axis, (window, stride) in enumerate(zip(windows, strides, strict=True)):
        views = views.unfold(axis + 2, window, stride)
    return _one_after_the_other(views.flatten(values.ndim), -1)
