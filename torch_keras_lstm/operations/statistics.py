"""Averages, quantiles, counts and what is done in the face of nan: ``keras.ops`` over torch tensors."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from torch_keras_lstm.operations import reductions, shaping
from torch_keras_lstm.operations.reductions import Axis, axes_of
from torch_keras_lstm.operations.tensors import as_tensor, floating, promoted


def average(x: Any, weights: Any = None, *, axis: Axis = None) -> Tensor:
    """The mean, weighted if ``weights`` are given, in the shape of ``x`` or one for each place along ``axis``."""
    values = floating(x)
    if weights is None:
        return reductions.mean(values, axis)
    values, weights = promoted(values, weights, least=float)
    axes = axes_of(values, axis)
    if weights.shape != values.shape and len(axes) == 1:
        shape = [1] * values.dim()
        shape[axes[0]] = -1
        weights = weights.reshape(shape).expand(values.shape)
    return torch.sum(values * weights, axes) / torch.sum(weights, axes)


def median(x: Any, *, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The value in the middle, or the mean of the two there."""
    return quantile(x, 0.5, axis=axis, keepdims=keepdims)


def quantile(x: Any, q: Any, *, axis: Axis = None, method: str = "linear", keepdims: bool = False) -> Tensor:
    """The value below which the share ``q`` of the values lies; several shares give a first axis of them.

    Args:
        x: a tensor; where a nan is among the values the result is nan.
        q: shares from 0 to 1, a number or a vector.
        axis: ``None`` for all axes, one, or several.
        method: what lies between two values: "linear", "lower", "higher", "midpoint" or "nearest".
        keepdims: whether the axes stay, with size 1.

    Raises:
        ValueError: for another ``method``.
    """
    values = floating(x)
    found = _quantiles(values, q, axis, method, keepdims)
    unknown = reductions.any_of(torch.isnan(values), axis, keepdims)
    return torch.where(unknown, torch.nan, found)


def nan_quantile(x: Any, q: Any, *, axis: Axis = None, method: str = "linear", keepdims: bool = False) -> Tensor:
    """Quantiles, of shares ``q`` from 0 to 1, of the values that are not nan."""
    return _quantiles(floating(x), q, axis, method, keepdims)


def _quantiles(values: Tensor, q: Any, axis: Axis, method: str, keepdims: bool) -> Tensor:
    axes = axes_of(values, axis)
    others = [place for place in range(values.dim()) if place not in axes]
    flat = values.permute(*others, *axes).flatten(len(others))
    shares = as_tensor(q, values.dtype, values.device)
    ordered = torch.sort(flat, dim=-1).values  # nan comes last
    last = (~torch.isnan(flat)).sum(-1, keepdim=True) - 1
    places = shares.flatten() * torch.clamp(last, min=0)
    below, above = (ordered.gather(-1, end.long()) for end in (torch.floor(places), torch.ceil(places)))
    match method:
        case "lower":
            found = below
        case "higher":
            found = above
        case "nearest":
            found = ordered.gather(-1, torch.round(places).long())
        case "midpoint":
            found = (below + above) / 2
        case "linear":
            found = torch.lerp(below, above, places - torch.floor(places))
        case _:
            raise ValueError(f"`method` must be 'linear', 'lower', 'higher', 'midpoint' or 'nearest', got {method!r}.")
    found = found.movedim(-1, 0).reshape((*shares.shape, *flat.shape[:-1]))
    for place in sorted(axes) if keepdims else ():
        found = found.unsqueeze(place + shares.dim())
    return found


def percentile(x: Any, q: Any, *, axis: Axis = None, method: str = "linear", keepdims: bool = False) -> Tensor:
    """Quantiles, of shares ``q`` in percent."""
    return quantile(x, as_tensor(q, floating(x).dtype) / 100, axis=axis, method=method, keepdims=keepdims)


def nan_percentile(x: Any, q: Any, *, axis: Axis = None, method: str = "linear", keepdims: bool = False) -> Tensor:
    """Quantiles, of shares ``q`` in percent, of the values that are not nan."""
    return nan_quantile(x, as_tensor(q, floating(x).dtype) / 100, axis=axis, method=method, keepdims=keepdims)


def nan_median(x: Any, *, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The median of the values that are not nan."""
    return nan_quantile(x, 0.5, axis=axis, keepdims=keepdims)


def without_nan(reduce: Callable[..., Tensor], instead: float) -> Callable[..., Tensor]:
    """The reduction with ``instead`` in the place of each nan."""

    def operation(x: Any, *, axis: Axis = None, keepdims: bool = False) -> Tensor:
        values = as_tensor(x)
        return reduce(torch.where(torch.isnan(values), _fitting(values, instead), values), axis, keepdims)

    operation.__doc__ = f"{(reduce.__doc__ or '').strip()} nan does not count."
    return operation


def _fitting(values: Tensor, instead: float) -> Tensor:
    return torch.tensor(instead if values.is_floating_point() else 0, dtype=values.dtype, device=values.device)


def extreme_without_nan(reduce: Callable[..., Tensor], instead: float) -> Callable[..., Tensor]:
    """As :func:`without_nan`, and nan where all values are."""
    plain = without_nan(reduce, instead)

    def operation(x: Any, *, axis: Axis = None, keepdims: bool = False) -> Tensor:
        values = as_tensor(x)
        found = plain(values, axis=axis, keepdims=keepdims)
        if not values.is_floating_point():
            return found
        return torch.where(reductions.all_of(torch.isnan(values), axis, keepdims), torch.nan, found)

    operation.__doc__ = plain.__doc__
    return operation


def argument_without_nan(reduce: Callable[..., Tensor], instead: float) -> Callable[..., Tensor]:
    """As :func:`without_nan` of an index, and -1 where all values are nan."""

    def operation(x: Any, *, axis: int | None = None, keepdims: bool = False) -> Tensor:
        values = as_tensor(x)
        found = reduce(torch.where(torch.isnan(values), _fitting(values, instead), values), axis, keepdims)
        return torch.where(reductions.all_of(torch.isnan(values), axis, keepdims), -1, found).to(torch.int32)

    operation.__doc__ = "The index of the extreme value that is not nan, and -1 where all are; int32."
    return operation


def nan_mean(x: Any, *, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The mean of the values that are not nan."""
    values = floating(x)
    known = ~torch.isnan(values)
    axes = axes_of(values, axis)
    return torch.sum(torch.where(known, values, 0), axes, keepdims) / torch.sum(known, axes, keepdims)


def nan_variance(x: Any, *, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The mean squared distance of the values that are not nan from their mean."""
    values = floating(x)
    return nan_mean(torch.square(values - nan_mean(values, axis=axis, keepdims=True)), axis=axis, keepdims=keepdims)


def nan_deviation(x: Any, *, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The root of the mean squared distance of the values that are not nan from their mean."""
    return torch.sqrt(nan_variance(x, axis=axis, keepdims=keepdims))


def nan_cumulative(cumulate: Callable[..., Tensor], instead: float) -> Callable[..., Tensor]:
    """The cumulative operation with ``instead`` in the place of each nan."""

    def operation(x: Any, *, axis: int | None = None, dtype: Any = None) -> Tensor:
        values = as_tensor(x)
        return cumulate(torch.where(torch.isnan(values), _fitting(values, instead), values), axis, dtype)

    operation.__doc__ = f"{(cumulate.__doc__ or '').strip()} nan does not count."
    return operation


def nan_to_num(x: Any, *, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None) -> Tensor:
    """Numbers in the place of nan and of both infinities, by default 0 and the largest there are."""
    values = as_tensor(x)
    return torch.nan_to_num(values, nan, posinf, neginf) if values.is_floating_point() else values


def peak_to_peak(x: Any, *, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The largest value minus the smallest."""
    values = as_tensor(x)
    return reductions.largest(values, axis, keepdims) - reductions.smallest(values, axis, keepdims)


def histogram(x: Any, *, bins: int = 10, range: Any = None) -> tuple[Tensor, Tensor]:
    """How many entries lie in each of ``bins`` equal intervals of ``range``, and the intervals' ends."""
    values = floating(x).flatten()
    low, high = (values.min(), values.max()) if range is None else map(as_tensor, range)
    low, high = low.to(values.dtype), high.to(values.dtype)
    edges = low + (high - low) * torch.arange(bins + 1, dtype=values.dtype, device=values.device) / bins
    inside = ((values >= low) & (values <= high)).to(values.dtype)
    places = torch.clamp(torch.searchsorted(edges, values, right=True) - 1, 0, bins - 1)
    counts = torch.zeros(bins, dtype=values.dtype, device=values.device).scatter_add(0, places, inside)
    return counts, edges


def bincount(x: Any, *, weights: Any = None, minlength: int = 0, sparse: bool = False) -> Tensor:
    """How often each integer occurs, or the sums of its ``weights``; row by row for a matrix."""
    values = as_tensor(x).long()
    size = max(int(values.max()) + 1 if values.numel() else 0, int(minlength))
    counted = torch.ones_like(values, dtype=torch.int32) if weights is None else as_tensor(weights)
    places = torch.arange(size, device=values.device)
    return ((values.unsqueeze(-1) == places) * counted.unsqueeze(-1)).sum(-2, dtype=counted.dtype)


def digitize(x: Any, bins: Any) -> Tensor:
    """The index of the interval between rising ``bins`` that each entry lies in; int32."""
    edges = as_tensor(bins)
    values = as_tensor(x)
    edges, values = promoted(edges, values)
    return torch.searchsorted(edges, values, right=True, out_int32=True)


def searchsorted(sorted_sequence: Any, values: Any, *, side: str = "left") -> Tensor:
    """Where ``values`` would stand in a rising sequence; int32."""
    sequence, wanted = promoted(sorted_sequence, values)
    return torch.searchsorted(sequence, wanted, side=side, out_int32=True)


def correlation_coefficients(x: Any) -> Tensor:
    """(rows, rows): the correlation of each row with each."""
    rows = floating(x)
    rows = rows - rows.mean(-1, keepdim=True)
    products = rows @ rows.mT
    sizes = torch.sqrt(torch.diagonal(products))
    return products / sizes.unsqueeze(-1) / sizes


def correlate(x1: Any, x2: Any, *, mode: str = "valid") -> Tensor:
    """The products of ``x1`` with ``x2`` at each shift, summed."""
    first, second = promoted(x1, x2, least=float)
    shorter, longer = sorted((first.numel(), second.numel()))
    full = torch.nn.functional.conv1d(first[None, None], second[None, None], padding=second.numel() - 1)[0, 0]
    match mode:
        case "full":
            return full
        case "valid":
            return full[shorter - 1 : longer]
        case "same":
            start = (full.numel() - longer) // 2
            return full[start : start + longer]
        case _:
            raise ValueError(f"`mode` must be 'full', 'valid' or 'same', got {mode!r}.")


def difference(a: Any, *, n: int = 1, axis: int = -1) -> Tensor:
    """The ``n``-th differences of neighbours along ``axis``."""
    return torch.diff(as_tensor(a), n, axis)


def trapezoid(y: Any, *, x: Any = None, dx: float = 1.0, axis: int = -1) -> Tensor:
    """The integral of ``y`` by trapezoids, of width ``dx`` or between the places ``x``."""
    values = floating(y)
    if x is None:
        return torch.trapezoid(values, dx=float(dx), dim=axis)
    return torch.trapezoid(values, as_tensor(x, values.dtype), dim=axis)


def unique(
    x: Any,
    *,
    sorted: bool = True,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: int | None = None,
    size: int | None = None,
    fill_value: Any = None,
) -> Any:
    """The different entries, or slices along ``axis``, in rising order; where each stood first, which each is, counts.

    Args:
        x: a tensor.
        sorted: Keras' word; they are always sorted.
        return_index, return_inverse, return_counts: what else is returned, int32.
        axis: ``None`` for the entries.
        size: how many are returned, cut off or filled up with ``fill_value``, by default the first.
        fill_value: see ``size``.
    """
    values = as_tensor(x)
    found, inverse, counts = torch.unique(values, return_inverse=True, return_counts=True, dim=axis)
    along = 0 if axis is None else axis
    places = torch.arange(inverse.numel(), device=values.device)
    first = torch.full((counts.numel(),), inverse.numel(), device=values.device)
    first = first.scatter_reduce(0, inverse.flatten(), places, "amin")
    if size is not None:
        found = _sized(found, size, along, fill_value)
        first, counts = _sized(first, size, 0, None), _sized(counts, size, 0, 0)
    extras = [
        extra.to(torch.int32)
        for wanted, extra in ((return_index, first), (return_inverse, inverse), (return_counts, counts))
        if wanted
    ]
    return (found, *extras) if extras else found


def _sized(values: Tensor, size: int, axis: int, fill_value: Any) -> Tensor:
    missing = size - values.shape[axis]
    if missing <= 0:
        return values.narrow(axis, 0, size)
    fill = values.narrow(axis, 0, 1) if fill_value is None else torch.full_like(values.narrow(axis, 0, 1), fill_value)
    return torch.cat([values, shaping.repeat(fill, missing, axis)], axis)


def moments(x: Any, *, axes: Axis, keepdims: bool = False, synchronized: bool = False) -> tuple[Tensor, Tensor]:
    """Mean and variance along ``axes``; float16 is computed in float32."""
    values = as_tensor(x)
    wide = values.float() if values.dtype is torch.float16 else values
    variance, mean = torch.var_mean(wide, axes_of(wide, axes), correction=0, keepdim=keepdims)
    return mean.to(values.dtype), variance.to(values.dtype)


def covariance(x: Any) -> Tensor:
    """Of rows with each other, (rows, rows), each column an observation; of one row, or a number, a number."""
    values = as_tensor(x)
    if values.dim() > 2:
        raise ValueError(f"`cov` takes at most two axes, got shape {tuple(values.shape)}.")
    values = floating(values)
    if not values.dim():
        return torch.full_like(values, torch.nan)
    rows = values.reshape(1, -1) if values.dim() == 1 else values
    apart = rows - rows.mean(1, keepdim=True)
    of_rows = apart @ apart.mT / (rows.shape[1] - 1)
    return of_rows.reshape(()) if len(rows) == 1 else of_rows
