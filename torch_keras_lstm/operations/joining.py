"""Joining, cutting, turning and picking, beyond :mod:`shaping`: ``keras.ops`` over torch tensors."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from torch_keras_lstm.operations.shaping import sizes
from torch_keras_lstm.operations.tensors import as_tensor, promoted


def append(x1: Any, x2: Any, *, axis: int | None = None) -> Tensor:
    """``x2`` behind ``x1`` along ``axis``, or both flattened."""
    first, second = promoted(x1, x2)
    return torch.cat([first.flatten(), second.flatten()]) if axis is None else torch.cat([first, second], axis)


def array_split(x: Any, *, indices_or_sections: Any, axis: int = 0) -> list[Tensor]:
    """Pieces along ``axis``: so many, as equal as may be, or cut at the indices."""
    cuts = indices_or_sections if isinstance(indices_or_sections, int) else sizes(indices_or_sections)
    return [*torch.tensor_split(as_tensor(x), cuts, axis)]


def horizontal_split(x: Any, *, indices_or_sections: Any) -> list[Tensor]:
    """Pieces along the second axis, or the only one."""
    values = as_tensor(x)
    return _equal_split(values, indices_or_sections, 0 if values.dim() == 1 else 1)


def vertical_split(x: Any, *, indices_or_sections: Any) -> list[Tensor]:
    """Pieces along the first axis."""
    return _equal_split(as_tensor(x), indices_or_sections, 0)


def deep_split(x: Any, *, indices_or_sections: Any) -> list[Tensor]:
    """Pieces along the third axis."""
    return _equal_split(as_tensor(x), indices_or_sections, 2)


def _equal_split(values: Tensor, cuts: Any, axis: int) -> list[Tensor]:
    if isinstance(cuts, int) and values.shape[axis] % cuts:
        raise ValueError(
            f"Axis {axis} of a tensor of shape {tuple(values.shape)} cannot be split into {cuts} equal parts."
        )
    return [*torch.tensor_split(values, cuts if isinstance(cuts, int) else sizes(cuts), axis)]


def horizontal_stack(xs: Sequence[Any]) -> Tensor:
    """Joined along the second axis, or the only one."""
    return torch.hstack(promoted(*xs))


def vertical_stack(xs: Sequence[Any]) -> Tensor:
    """Joined along the first axis; of vectors a vector, as Keras has it."""
    return torch.cat(promoted(*xs))


def deep_stack(xs: Sequence[Any]) -> Tensor:
    """Joined along the third axis."""
    return torch.dstack(promoted(*xs))


def diagonal_matrix(x: Any, *, k: int = 0) -> Tensor:
    """The matrix with a vector on its ``k``-th diagonal, or that diagonal of a matrix."""
    return torch.diag(as_tensor(x), k)


def flat_diagonal_matrix(x: Any, *, k: int = 0) -> Tensor:
    """The matrix with all entries on its ``k``-th diagonal."""
    return torch.diag(as_tensor(x).flatten(), k)


def diagonal(x: Any, *, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
    """The diagonals of the matrices along two axes."""
    return torch.diagonal(as_tensor(x), offset, axis1, axis2)


def trace(x: Any, *, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
    """The sums of the diagonals; booleans and small integers are counted in int32."""
    values = as_tensor(x)
    small = not values.is_floating_point() and values.dtype is not torch.int64
    return torch.diagonal(values, offset, axis1, axis2).sum(-1, dtype=torch.int32 if small else None)


def lower_triangle(x: Any, *, k: int = 0) -> Tensor:
    """What stands on the ``k``-th diagonal and below it, else 0."""
    return torch.tril(as_tensor(x), k)


def upper_triangle(x: Any, *, k: int = 0) -> Tensor:
    """What stands on the ``k``-th diagonal and above it, else 0."""
    return torch.triu(as_tensor(x), k)


def left_to_right(x: Any) -> Tensor:
    """The second axis the other way round."""
    return as_tensor(x).flip(1)


def upside_down(x: Any) -> Tensor:
    """The first axis the other way round."""
    return as_tensor(x).flip(0)


def quarter_turns(array: Any, *, k: int = 1, axes: Sequence[int] = (0, 1)) -> Tensor:
    """Turned ``k`` times by 90 degrees from the first of ``axes`` towards the second."""
    return torch.rot90(as_tensor(array), k, [*axes])


def nonzero(x: Any) -> tuple[Tensor, ...]:
    """The indices along each axis of what is not 0; int32."""
    return tuple(index.to(torch.int32) for index in torch.nonzero(as_tensor(x), as_tuple=True))


def select(condlist: Sequence[Any], choicelist: Sequence[Any], default: Any = 0) -> Tensor:
    """Of the choices the one whose condition is the first to hold, else ``default``."""
    *choices, other = promoted(*choicelist, default)
    chosen = other
    for condition, choice in zip(reversed(condlist), reversed(choices), strict=True):
        chosen = torch.where(as_tensor(condition).bool(), choice, chosen)
    return chosen


def argpartition(x: Any, *, kth: int, axis: int = -1) -> Tensor:
    """Indices, int32, that put the ``kth`` smallest in its place, smaller ones in front of it, larger ones behind."""
    return torch.argsort(as_tensor(x), dim=axis, stable=True).to(torch.int32)


def column_stack(xs: Sequence[Any]) -> Tensor:
    """Joined along the second axis, vectors as columns."""
    columns = [column.unsqueeze(-1) if column.dim() == 1 else column for column in promoted(*xs)]
    return torch.cat(columns, 1)
