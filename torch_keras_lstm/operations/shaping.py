"""Reshaping, joining, cutting and indexing: ``keras.ops`` over torch tensors. Sizes may be tensors of one number."""

from collections.abc import Sequence
from types import EllipsisType
from typing import Any

import torch
from torch import Tensor

from torch_keras_lstm.operations.named_types import ArrayLike, as_dtype
from torch_keras_lstm.operations.tensors import as_tensor

Index = int | slice | EllipsisType | None | Tensor


def sizes(shape: Any) -> tuple[int, ...]:
    """A shape as integers, given as a list of numbers and tensors or as one tensor."""
    return tuple(int(size) for size in (shape if isinstance(shape, list | tuple) else torch.as_tensor(shape)))


def reshape(x: ArrayLike, newshape: Any) -> Tensor:
    """``x`` in ``newshape``, where one size may be -1 (Keras also writes ``None``) for what remains."""
    wanted = [-1 if size is None else size for size in newshape] if isinstance(newshape, list | tuple) else newshape
    return as_tensor(x).reshape(sizes(wanted))


def transpose(x: ArrayLike, axes: Any = None) -> Tensor:
    """The axes in the order ``axes``, or reversed."""
    x = as_tensor(x)
    return x.permute(sizes(axes) if axes is not None else tuple(reversed(range(x.dim()))))


def expand_dims(x: ArrayLike, axis: Any) -> Tensor:
    """New axes of size 1 at the places ``axis`` of the result."""
    x = as_tensor(x)
    axes = sizes(axis) if isinstance(axis, list | tuple) else (int(axis),)
    rank = x.dim() + len(axes)
    for place in sorted(a % rank for a in axes):
        x = x.unsqueeze(place)
    return x


def squeeze(x: ArrayLike, axis: Any = None) -> Tensor:
    """Without the axes ``axis``, which must have size 1; ``None`` or none of them for all that have."""
    x = as_tensor(x)
    if axis is None or axis == []:
        return x.squeeze()
    axes = sizes(axis) if isinstance(axis, list | tuple) else (int(axis),)
    wide = [a for a in axes if x.shape[a] != 1]
    if wide:
        raise ValueError(f"Axis {wide[0]} of a tensor of shape {tuple(x.shape)} has not size 1 and cannot be squeezed.")
    return x.squeeze(axes)


def concatenate(xs: Sequence[Any], axis: Any = 0) -> Tensor:
    """The tensors one after the other along ``axis``."""
    return torch.cat([as_tensor(x) for x in xs], int(axis))


def stack(x: Sequence[Any], axis: int = 0) -> Tensor:
    """The tensors along a new axis."""
    like = next((item for item in x if isinstance(item, Tensor)), None)
    device, dtype = (None, None) if like is None else (like.device, like.dtype)
    return torch.stack([torch.as_tensor(item, dtype=dtype, device=device) for item in x], axis)


def unstack(x: ArrayLike, num: int | None = None, axis: int = 0) -> tuple[Tensor, ...]:
    """The slices along ``axis``; their number ``num`` follows from the shape."""
    return torch.unbind(as_tensor(x), axis)


def split(x: ArrayLike, indices_or_sections: Any, axis: Any = 0) -> tuple[Tensor, ...]:
    """Pieces along ``axis``: so many equal ones, or cut at the indices."""
    if isinstance(indices_or_sections, int):
        x = as_tensor(x)
        if x.shape[int(axis)] % indices_or_sections:
            raise ValueError(
                f"Axis {axis} of a tensor of shape {tuple(x.shape)} cannot be split into {indices_or_sections} equal "
                "parts."
            )
        return torch.tensor_split(x, indices_or_sections, int(axis))
    return torch.tensor_split(as_tensor(x), sizes(indices_or_sections), int(axis))


def split_by_size(x: ArrayLike, size_splits: Sequence[int], axis: Any = 0) -> tuple[Tensor, ...]:
    """Pieces of the given sizes along ``axis``; one of them may be -1."""
    x = as_tensor(x)
    widths = sizes(size_splits)
    rest = x.shape[int(axis)] - sum(width for width in widths if width >= 0)
    return torch.split(x, [rest if width < 0 else width for width in widths], int(axis))


def tile(x: ArrayLike, repeats: Any) -> Tensor:
    """``x`` laid side by side, ``repeats`` times along each of the last axes."""
    return torch.tile(as_tensor(x), sizes(repeats) if not isinstance(repeats, int) else (repeats,))


def repeat(x: ArrayLike, repeats: Any, axis: int | None = None) -> Tensor:
    """Each entry ``repeats`` times in a row along ``axis``, or in the flattened tensor."""
    x = as_tensor(x)
    times = repeats if isinstance(repeats, int) else torch.as_tensor(repeats, device=x.device)
    return torch.repeat_interleave(x, times, axis)


def flip(x: ArrayLike, axis: Any = None) -> Tensor:
    """The other way round along ``axis``, or along all."""
    x = as_tensor(x)
    if axis is None:
        return x.flip(tuple(range(x.dim())))
    return x.flip(sizes(axis) if isinstance(axis, list | tuple) else (int(axis),))


def roll(x: ArrayLike, shift: Any, axis: Any = None) -> Tensor:
    """Shifted along ``axis``, what leaves at the end coming back at the beginning."""
    return torch.roll(as_tensor(x), shift, axis)


def take(x: ArrayLike, indices: Any, axis: int | None = None) -> Tensor:
    """The entries at ``indices``, any shape, along ``axis`` or of the flattened tensor."""
    x = as_tensor(x)
    indices = torch.as_tensor(indices, device=x.device).long()
    if axis is None:
        x, axis = x.flatten(), 0
    axis = axis % x.dim()
    indices = torch.where(indices < 0, indices + x.shape[axis], indices)
    found = x.index_select(axis, indices.flatten())
    return found.unflatten(axis, indices.shape) if indices.dim() else found.squeeze(axis)


def take_along_axis(x: ArrayLike, indices: Any, axis: int | None = None) -> Tensor:
    """As ``numpy.take_along_axis``."""
    x = as_tensor(x)
    indices = torch.as_tensor(indices, device=x.device).long()
    return torch.take_along_dim(x, torch.where(indices < 0, indices + x.shape[axis or 0], indices), axis)


def pad(x: ArrayLike, pad_width: Any, mode: str = "constant", constant_values: float | None = None) -> Tensor:
    """Wider by (before, after) along each axis: with ``constant_values`` (0), or the inside "reflect"ed.

    "symmetric" repeats the edge as well, and one pair of widths is for all axes.
    """
    x = as_tensor(x)
    pad_width = (pad_width, pad_width) if isinstance(pad_width, int) else pad_width
    widths = (
        [sizes(pair) for pair in pad_width] if isinstance(pad_width[0], list | tuple | Tensor) else [sizes(pad_width)]
    )
    if len(widths) == 1:
        widths *= x.dim()
    if mode == "constant":
        flat = [width for pair in reversed(widths) for width in pair]
        return torch.nn.functional.pad(x, flat, value=constant_values or 0)
    if mode not in ("reflect", "symmetric"):
        raise ValueError(f"`mode` of padding must be 'constant', 'reflect' or 'symmetric', got {mode!r}.")
    skip = 1 if mode == "reflect" else 0
    for axis, (before, after) in enumerate(widths):
        size = x.shape[axis]
        start, end = x.narrow(axis, skip, before), x.narrow(axis, size - skip - after, after)
        x = torch.cat((start.flip(axis), x, end.flip(axis)), axis)
    return x


def broadcast_to(x: ArrayLike, shape: Any) -> Tensor:
    """``x`` repeated along its axes of size 1 to fill ``shape``."""
    return torch.broadcast_to(as_tensor(x), sizes(shape))


def moveaxis(x: ArrayLike, source: Any, destination: Any) -> Tensor:
    """The axes ``source`` moved to the places ``destination``, the others in order."""
    return torch.movedim(as_tensor(x), source, destination)


def swapaxes(x: ArrayLike, axis1: int, axis2: int) -> Tensor:
    """The two axes in each other's place."""
    return torch.swapaxes(as_tensor(x), axis1, axis2)


def sort(x: ArrayLike, axis: int | None = -1) -> Tensor:
    """In rising order along ``axis``, or flattened."""
    x = as_tensor(x)
    return torch.sort(x.flatten() if axis is None else x, -1 if axis is None else axis).values


def cumulative_sum(x: ArrayLike, axis: int | None = None, dtype: Any = None) -> Tensor:
    """The sums of all entries so far along ``axis``, or of the flattened tensor."""
    x = as_tensor(x)
    x, axis = (x.flatten(), 0) if axis is None else (x, axis)
    return torch.cumsum(x, axis, dtype=x.dtype if dtype is None else as_dtype(dtype))


def cumulative_product(x: ArrayLike, axis: int | None = None, dtype: Any = None) -> Tensor:
    """The products of all entries so far along ``axis``, or of the flattened tensor."""
    x = as_tensor(x)
    x, axis = (x.flatten(), 0) if axis is None else (x, axis)
    return torch.cumprod(x, axis, dtype=x.dtype if dtype is None else as_dtype(dtype))


def cumulative_sum_of_axis(x: ArrayLike, axis: int = 0, exclusive: bool = False, reverse: bool = False) -> Tensor:
    """TensorFlow's ``cumsum``: from the end with ``reverse``, each entry itself left out with ``exclusive``."""
    x = as_tensor(x)
    turned = x.flip(axis) if reverse else x
    sums = torch.cumsum(turned, axis, dtype=x.dtype)
    sums = sums - turned if exclusive else sums
    return sums.flip(axis) if reverse else sums


def get_item(x: ArrayLike, key: Any) -> Tensor:
    """``x[key]`` with integers, slices (also backwards), ``...``, ``None`` and tensors of indices."""
    x = as_tensor(x)
    keys: Sequence[Index] = key if isinstance(key, list | tuple) else (key,)
    position = sum(1 for item in keys[: _ellipsis(keys)] if item is not None)
    behind = sum(1 for item in keys[_ellipsis(keys) + 1 :] if item is not None)
    turned, forward = [], []
    axis, place = 0, 0
    for item in keys:
        if item is Ellipsis:
            axis, place = x.dim() - behind, place + x.dim() - behind - position
        elif isinstance(item, slice) and item.step is not None and int(item.step) < 0:
            # torch has no negative steps: the same entries forwards, then turned round.
            entries = range(x.shape[axis])[item]
            item = slice(entries[-1], entries[0] + 1, -entries.step) if entries else slice(0, 0)
            turned.append(place)
        forward.append(item)
        if item is not Ellipsis:
            axis += item is not None
            place += item is None or isinstance(item, slice)
    result = x[tuple(forward)]
    return result.flip(turned) if turned else result


def _ellipsis(keys: Sequence[Index]) -> int:
    return next((index for index, item in enumerate(keys) if item is Ellipsis), len(keys))
