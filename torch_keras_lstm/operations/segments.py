"""Sums and extremes of the rows that share a number, and places written by index: ``keras.ops`` over torch tensors."""

from typing import Any

import torch
from torch import Tensor

from torch_keras_lstm.operations.shaping import sizes
from torch_keras_lstm.operations.tensors import as_tensor, promoted

_REDUCTIONS = {"sum": "sum", "max": "amax", "min": "amin", "prod": "prod"}


def _segments(data: Any, segment_ids: Any, num_segments: int | None, reduction: str) -> Tensor:
    values, numbers = as_tensor(data), as_tensor(segment_ids).long()
    count = int(numbers.max()) + 1 if num_segments is None else int(num_segments)
    flat = values.reshape(numbers.numel(), -1)
    places = numbers.reshape(-1, 1).expand_as(flat)
    counts = (places >= 0) & (places < count)
    spare = torch.where(counts, places, count)  # a row for what belongs to none
    whole = torch.full((count + 1, flat.shape[1]), _empty(values.dtype, reduction), dtype=values.dtype)
    whole = whole.to(values.device).scatter_reduce(0, spare, flat, _REDUCTIONS[reduction], include_self=True)
    return whole[:count].reshape(count, *values.shape[numbers.dim() :])


def _empty(dtype: torch.dtype, reduction: str) -> float:
    if reduction in ("sum", "prod"):
        return float(reduction == "prod")
    ends = torch.finfo(dtype) if dtype.is_floating_point else torch.iinfo(dtype)
    return ends.min if reduction == "max" else ends.max


def segment_sum(data: Any, segment_ids: Any, *, num_segments: int | None = None, sorted: bool = False) -> Tensor:
    """The sum of the rows of each number, 0 where there are none."""
    return _segments(data, segment_ids, num_segments, "sum")


def segment_max(data: Any, segment_ids: Any, *, num_segments: int | None = None, sorted: bool = False) -> Tensor:
    """The largest of the rows of each number, the least number that there is where there are none."""
    return _segments(data, segment_ids, num_segments, "max")


def segment_min(data: Any, segment_ids: Any, *, num_segments: int | None = None, sorted: bool = False) -> Tensor:
    """The smallest of the rows of each number, the largest number that there is where there are none."""
    return _segments(data, segment_ids, num_segments, "min")


def segment_prod(data: Any, segment_ids: Any, *, num_segments: int | None = None, sorted: bool = False) -> Tensor:
    """The product of the rows of each number, 1 where there are none."""
    return _segments(data, segment_ids, num_segments, "prod")


def in_top_k(targets: Any, predictions: Any, *, k: int) -> Tensor:
    """Whether fewer than ``k`` predictions of each row are larger than that of its target."""
    scores, classes = as_tensor(predictions), as_tensor(targets).long()
    known = (classes >= 0) & (classes < scores.shape[-1])
    own = scores.gather(-1, torch.where(known, classes, 0).unsqueeze(-1))
    finite = torch.isfinite(own).squeeze(-1)
    return known & finite & ((scores > own).sum(-1) < k)


def scatter(indices: Any, values: Any, *, shape: Any) -> Tensor:
    """Zeros of ``shape`` to which ``values`` are added at ``indices``, (..., axes that are indexed)."""
    numbers = as_tensor(values)
    zeros = torch.zeros(sizes(shape), dtype=numbers.dtype, device=numbers.device)
    return scatter_update(zeros, indices, numbers, reduction="add")


def scatter_update(inputs: Any, indices: Any, updates: Any, *, reduction: str | None = None) -> Tensor:
    """``inputs`` with ``updates`` at ``indices``, (..., axes that are indexed), or combined with what is there.

    Args:
        inputs: a tensor.
        indices: integers.
        updates: (..., axes that are not indexed).
        reduction: ``None`` to replace, "add", "mul", "max" or "min".
    """
    values, numbers = as_tensor(inputs), as_tensor(updates)
    numbers = numbers.to(values.dtype)
    places = as_tensor(indices).long()
    depth = places.shape[-1]
    places = places.reshape(-1, depth)
    numbers = numbers.reshape(places.shape[0], *values.shape[depth:])
    if reduction in (None, "add"):
        return values.index_put(tuple(places.unbind(-1)), numbers, accumulate=reduction == "add")
    if reduction not in ("mul", "max", "min"):
        raise ValueError(f"`reduction` must be None, 'add', 'mul', 'max' or 'min', got {reduction!r}.")
    wide = [int(size) for size in values.shape[:depth]]
    flat = values.reshape(-1, *values.shape[depth:])
    row = torch.zeros_like(places[:, 0])
    for axis, size in enumerate(wide):
        row = row * size + torch.where(places[:, axis] < 0, places[:, axis] + size, places[:, axis])
    kind = {"mul": "prod", "max": "amax", "min": "amin"}[reduction]
    index = row.reshape(-1, *(1,) * (numbers.dim() - 1)).expand_as(numbers)
    return flat.scatter_reduce(0, index, numbers, kind, include_self=True).reshape(values.shape)


def slice_of(inputs: Any, start_indices: Any, *, shape: Any) -> Tensor:
    """The part of ``shape`` that begins at ``start_indices``; -1 is all that is left of an axis."""
    values, wanted = as_tensor(inputs), sizes(shape)
    if isinstance(start_indices, Tensor) and min(wanted, default=0) >= 0:  # whose numbers nobody need wait for
        for axis, (start, size) in enumerate(zip(start_indices.to(values.device), wanted, strict=True)):
            values = values.index_select(axis, start + torch.arange(size, device=values.device))
        return values
    for axis, (start, size) in enumerate(zip(sizes(start_indices), wanted, strict=True)):
        values = values.narrow(axis, start, values.shape[axis] - start if size < 0 else size)
    return values


def slice_update(inputs: Any, start_indices: Any, updates: Any) -> Tensor:
    """``inputs`` with ``updates`` in the place that begins at ``start_indices``, moved inside where it is not."""
    values, numbers = promoted(inputs, updates)
    if isinstance(start_indices, Tensor):  # whose numbers nobody need wait for
        places = [
            start.clamp(0, whole - size) + torch.arange(size, device=values.device)
            for start, whole, size in zip(start_indices.to(values.device), values.shape, numbers.shape, strict=True)
        ]
        return values.index_put(torch.meshgrid(*places, indexing="ij"), numbers)
    values = values.clone()
    part = values
    for axis, (start, size) in enumerate(zip(sizes(start_indices), numbers.shape, strict=True)):
        part = part.narrow(axis, min(max(start, 0), values.shape[axis] - size), size)
    part.copy_(numbers)
    return values


def unravel_index(indices: Any, *, shape: Any) -> tuple[Tensor, ...]:
    """The index along each axis of ``shape`` of places in the flattened tensor, in their type."""
    places = as_tensor(indices)
    whole = places.long()
    count = 1
    for size in sizes(shape):
        count *= size
    whole = torch.where(whole < 0, whole + count, whole)
    return tuple(axis.to(places.dtype) for axis in torch.unravel_index(whole, sizes(shape)))
