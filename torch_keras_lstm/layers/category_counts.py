"""Indices of categories as vectors: what the layers that find such indices share."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

MODES = ("multi_hot", "one_hot", "count")


def encode(indices: Tensor, mode: str, depth: int, dtype: torch.dtype) -> Tensor:
    """Vectors of ``depth`` entries; an index that is out of range marks none.

    Args:
        indices: integers (), (length,), (batch, length) or (batch, length, ...).
        mode: "one_hot" marks each index, in place of the last axis if that is of size 1; "multi_hot" marks those that
            occur in a sample, "count" says how often. With more than two axes they count along axis 1, as Keras does.
        depth: of the vectors.
        dtype: of the result.
    """
    if indices.ndim == 0:
        indices = indices[None]
    if mode == "one_hot":
        if indices.ndim > 1 and indices.shape[-1] == 1:
            indices = indices.squeeze(-1)
        return _marks(indices, depth).to(dtype)
    counts = _counts(indices, depth) if indices.ndim <= 2 else _marks(indices, depth).sum(dim=1)
    return (counts if mode == "count" else counts.clamp(max=1)).to(dtype)


def encoded_shape(shape: Sequence[int | None], mode: str, depth: int | None) -> tuple[int | None, ...]:
    """The shape of :func:`encode` of indices of ``shape``."""
    if mode == "one_hot":
        return (*(shape[:-1] if len(shape) > 1 and shape[-1] == 1 else shape), depth)
    return (*shape[:-1], depth) if len(shape) <= 2 else (shape[0], *shape[2:], depth)


def _marks(indices: Tensor, depth: int) -> Tensor:
    return indices.unsqueeze(-1) == torch.arange(depth, device=indices.device)


def _counts(indices: Tensor, depth: int) -> Tensor:
    """How often each index occurs along the last axis; no memory but the result's."""
    known = (indices >= 0) & (indices < depth)
    places = torch.where(known, indices, 0)
    counts = torch.zeros((*indices.shape[:-1], depth), dtype=torch.int64, device=indices.device)
    return counts.scatter_add_(-1, places, known.long())


def padded(rows: Sequence[Sequence[Any]], value: Any, length: int | None = None) -> list[list[Any]]:
    """Rows of one length, by default that of the longest: longer ones are cut, ``value`` fills up the others."""
    length = max(map(len, rows), default=0) if length is None else length
    return [[*row[:length], *[value] * (length - len(row))] for row in rows]
