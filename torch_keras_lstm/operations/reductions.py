"""Reductions along axes: ``keras.ops`` over torch tensors.

``axis`` is ``None`` for all axes, one, or several; ``keepdims`` leaves a 1 in their place.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from torch_keras_lstm.operations.named_types import ArrayLike, as_dtype, as_floating
from torch_keras_lstm.operations.tensors import as_tensor

Axis = int | Sequence[int] | None


def axes_of(x: Tensor, axis: Axis) -> tuple[int, ...]:
    """``axis`` as axes of ``x`` counted from 0."""
    if axis is None:
        return tuple(range(x.dim()))
    # One axis may come as a tensor, where the graph computed it.
    axes = axis if isinstance(axis, list | tuple) else (axis,)
    return tuple(int(a) % max(x.dim(), 1) for a in axes)


def reduction(function: Callable[[Tensor, tuple[int, ...], bool], Tensor]) -> Callable[..., Tensor]:
    """``function`` of a tensor, the axes and ``keepdims`` as an operation."""

    def operation(x: ArrayLike, axis: Axis = None, keepdims: bool | None = False) -> Tensor:
        x = as_tensor(x)
        axes = axes_of(x, axis)
        if x.is_meta and axes:
            told = function(torch.ones((1,) * x.dim(), dtype=x.dtype, device="cpu"), axes, True)
            left = [1 if axis in axes else size for axis, size in enumerate(x.shape) if keepdims or axis not in axes]
            return torch.empty(left, dtype=told.dtype, device="meta")  # as of `without_numbers`
        # torch takes no axes for all of them; here they are none.
        return function(x, axes, bool(keepdims)) if axes else function(x.unsqueeze(0), (0,), False)

    operation.__doc__ = function.__doc__
    return operation


@reduction
def total(x: Tensor, axes: tuple[int, ...], keepdims: bool) -> Tensor:
    """The sum; booleans and small integers are counted in int32."""
    small = not x.is_floating_point() and x.dtype != torch.int64
    return torch.sum(x, axes, keepdims, dtype=torch.int32 if small else None)


@reduction
def mean(x: Tensor, axes: tuple[int, ...], keepdims: bool) -> Tensor:
    """The mean, a floating-point number also of integers."""
    return torch.mean(as_floating(x), axes, keepdims)


@reduction
def variance(x: Tensor, axes: tuple[int, ...], keepdims: bool) -> Tensor:
    """The mean squared distance from the mean."""
    return torch.var(as_floating(x), axes, correction=0, keepdim=keepdims)


@reduction
def standard_deviation(x: Tensor, axes: tuple[int, ...], keepdims: bool) -> Tensor:
    """The root of the variance."""
    return torch.sqrt(torch.var(as_floating(x), axes, correction=0, keepdim=keepdims))


@reduction
def any_of(x: Tensor, axes: tuple[int, ...], keepdims: bool) -> Tensor:
    """Whether any entry is true, or not 0."""
    return torch.any(x.bool(), axes, keepdims)


@reduction
def all_of(x: Tensor, axes: tuple[int, ...], keepdims: bool) -> Tensor:
    """Whether every entry is true, or not 0."""
    return torch.all(x.bool(), axes, keepdims)


@reduction
def logsumexp(x: Tensor, axes: tuple[int, ...], keepdims: bool) -> Tensor:
    """The logarithm of the sum of exponentials."""
    return torch.logsumexp(as_floating(x), axes, keepdims)


@reduction
def count_nonzero(x: Tensor, axes: tuple[int, ...], keepdims: bool) -> Tensor:
    """How many entries are not 0."""
    return torch.sum(x != 0, axes, keepdims, dtype=torch.int32)


def largest(x: ArrayLike, axis: Axis = None, keepdims: bool | None = False, initial: float | None = None) -> Tensor:
    """The largest entry, and at least ``initial``; entries that share the place share the gradient."""
    x = as_tensor(x)
    found = torch.amax(x, axes_of(x, axis), bool(keepdims))
    return found if initial is None else torch.clamp(found, min=initial)


def smallest(x: ArrayLike, axis: Axis = None, keepdims: bool | None = False, initial: float | None = None) -> Tensor:
    """The smallest entry, and at most ``initial``; entries that share the place share the gradient."""
    x = as_tensor(x)
    found = torch.amin(x, axes_of(x, axis), bool(keepdims))
    return found if initial is None else torch.clamp(found, max=initial)


def product(x: ArrayLike, axis: Axis = None, keepdims: bool | None = False, dtype: Any = None) -> Tensor:
    """The product of the entries."""
    x = as_tensor(x)
    small = not x.is_floating_point() and x.dtype != torch.int64
    x = x.to(as_dtype(dtype)) if dtype is not None else x.to(torch.int32) if small else x
    axes = sorted((a % x.dim() for a in axes_of(x, axis)), reverse=True)
    for a in axes:
        x = torch.prod(x, a, keepdim=bool(keepdims), dtype=x.dtype)
    return x


def argmax(x: ArrayLike, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """The index of the largest entry along ``axis``, or in the flattened tensor; int32."""
    return torch.argmax(as_tensor(x), axis, keepdims).to(torch.int32)


def argmin(x: ArrayLike, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """The index of the smallest entry along ``axis``, or in the flattened tensor; int32."""
    return torch.argmin(as_tensor(x), axis, keepdims).to(torch.int32)


def argsort(x: ArrayLike, axis: int | None = -1) -> Tensor:
    """The indices that put ``x`` into rising order along ``axis``, or flattened; int32."""
    x = as_tensor(x)
    x, axis = (x.flatten(), 0) if axis is None else (x, axis)
    return torch.argsort(x, dim=axis, stable=True).to(torch.int32)


def top_k(x: ArrayLike, k: int, sorted: bool = True) -> tuple[Tensor, Tensor]:
    """The ``k`` largest entries of the last axis and their indices, int32."""
    # Not torch.topk, which may take any of equal entries: the first ones count.
    found = torch.sort(as_tensor(x), dim=-1, descending=True, stable=True)
    return found.values[..., : int(k)], found.indices[..., : int(k)].to(torch.int32)


def norm(x: ArrayLike, ord: Any = None, axis: Axis = None, keepdims: bool | None = False) -> Tensor:
    """``numpy.linalg.norm``: by default the root of the sum of squares; "euclidean" is TensorFlow's name of that."""
    x = as_floating(as_tensor(x))
    order = None if ord == "euclidean" else ord
    axes = None if axis is None else axes_of(x, axis)
    if order is None and (axes is None or len(axes) == 1):
        # Not torch.linalg.norm, which takes no tensor of rank 3 in whole, once an axis is kept.
        return torch.sqrt(torch.sum(torch.square(x), axes_of(x, axis), bool(keepdims)))
    length: Tensor = torch.linalg.norm(x, order, axes, bool(keepdims))
    return length


def normalize(x: ArrayLike, axis: int = -1, order: float | str = 2, epsilon: float | None = None) -> Tensor:
    """``x`` divided by its norm along ``axis``; the norm counts as ``epsilon``, by default 1e-7, where it is less."""
    x = as_floating(as_tensor(x))
    epsilon = 1e-7 if epsilon is None else epsilon
    if order == 2:
        return x * torch.rsqrt(torch.clamp(torch.sum(torch.square(x), axis, keepdim=True), min=epsilon**2))
    length = torch.linalg.vector_norm(x, float(order), axis, keepdim=True)
    return x / torch.clamp(length, min=epsilon)
