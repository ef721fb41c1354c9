"""Arithmetic, comparison and logic, entry by entry, with NumPy's broadcasting: ``keras.ops`` over torch tensors.

Arguments are named as in ``keras.ops``. Of two operands one may be a number or nested lists of numbers, which take the
other's floating type, as Keras' do.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from torch_keras_lstm.operations.named_types import ArrayLike, as_dtype, as_floating
from torch_keras_lstm.operations.tensors import as_tensor, result_type

Binary = Callable[[Any, Any], Tensor]


def as_operands(x1: Any, x2: Any) -> tuple[Tensor, Tensor]:
    """Both as tensors of one type on one device, numbers and lists in the other's floating type."""
    left, right = _operand(x1, x2), _operand(x2, x1)
    if left.dtype is not right.dtype:  # which torch would not see of a tensor without axes
        dtype = result_type(left, right)
        left, right = left.to(dtype), right.to(dtype)
    return left, right


def _operand(value: Any, other: Any) -> Tensor:
    if isinstance(value, Tensor):
        return value
    if not isinstance(other, Tensor):
        return as_tensor(value)
    if isinstance(value, np.ndarray):  # an array has a type of its own
        return torch.as_tensor(value, device=other.device)
    tensor = torch.as_tensor(value, device=other.device)
    if tensor.is_floating_point():
        # Read anew: the default type would round a float64 model's constants to float32.
        dtype = other.dtype if other.is_floating_point() else torch.get_default_dtype()
        return torch.as_tensor(value, dtype=dtype, device=other.device)
    return tensor.to(torch.int32) if tensor.dtype == torch.int64 else tensor


def without_numbers(function: Callable[..., Tensor], *operands: Tensor) -> Tensor:
    """What ``function``, which works entry by entry, gives for tensors on the meta device: a shape and a type.

    It is asked for the type with tensors of one entry: to tell it without numbers torch would import its compiler.
    """
    told = function(*(torch.ones((1,) * one.dim(), dtype=one.dtype, device="cpu") for one in operands))
    try:
        shape = np.broadcast_shapes(*(tuple(one.shape) for one in operands))
    except ValueError:
        shapes = " and ".join(str(tuple(one.shape)) for one in operands)
        raise RuntimeError(f"shapes {shapes} do not broadcast") from None  # as torch says it of numbers
    return torch.empty(shape, dtype=told.dtype, device="meta")


def said_of(operation: Callable[..., Tensor], function: Callable[..., Tensor], operands: str) -> None:
    """Give ``operation`` a docstring: what ``function`` computes, of which operands."""
    if isinstance(function, partial):
        options = ", ".join(f"{name}={value!r}" for name, value in function.keywords.items())
        said = f"``torch.{function.func.__name__}(..., {options})`` of"
    elif function.__module__.partition(".")[0] == "torch":
        said = f"``torch.{function.__name__}`` of"
    else:
        said = f"{function.__doc__} Of"
    operation.__doc__ = f"{said} {operands}."


def binary(function: Callable[[Tensor, Tensor], Tensor]) -> Binary:
    """``function`` of two tensors as an operation on ``x1`` and ``x2``, either of which may be numbers."""

    def operation(x1: Any, x2: Any) -> Tensor:
        left, right = as_operands(x1, x2)
        if left.is_meta or right.is_meta:
            return without_numbers(function, left, right)
        return function(left, right)

    said_of(operation, function, "two operands that broadcast; a number takes the type of the tensor beside it")
    return operation


def unary(function: Callable[[Tensor], Tensor]) -> Callable[[Any], Tensor]:
    """``function`` of one tensor, entry by entry, as an operation on ``x``, which may be numbers."""

    def operation(x: ArrayLike) -> Tensor:
        x = as_tensor(x)
        return without_numbers(function, x) if x.is_meta else function(x)

    said_of(operation, function, "each entry")
    return operation


def floating(function: Callable[[Tensor], Tensor]) -> Callable[[Any], Tensor]:
    """As :func:`unary`, integers taken as floating-point numbers."""

    operation = unary(lambda x: function(as_floating(x)))
    said_of(operation, function, "each entry; integers are taken as floating-point numbers")
    return operation


def maximum(x1: Tensor, x2: Tensor) -> Tensor:
    """The larger one; where they are equal the gradient is all the first one's, as in TensorFlow."""
    return torch.where((x1 >= x2) | torch.isnan(x1), x1, x2)


def minimum(x1: Tensor, x2: Tensor) -> Tensor:
    """The smaller one; where they are equal the gradient is all the first one's, as in TensorFlow."""
    return torch.where((x1 <= x2) | torch.isnan(x1), x1, x2)


def divide_no_nan(x1: Tensor, x2: Tensor) -> Tensor:
    """``x1 / x2``, and 0 where ``x2`` is 0."""
    zero = x2 == 0
    return torch.where(zero, 0.0, x1 / torch.where(zero, 1, x2))


def squared_difference(x1: Tensor, x2: Tensor) -> Tensor:
    """``(x1 - x2) ** 2``."""
    return torch.square(x1 - x2)


def clip(x: ArrayLike, x_min: Any, x_max: ArrayLike) -> Tensor:
    """``x`` limited to the interval from ``x_min`` to ``x_max``, which broadcast."""
    x = as_tensor(x)
    low, high = _operand(x_min, x), _operand(x_max, x)
    # Not torch.clamp, whose slope at the ends is not TensorFlow's in every release.
    x = torch.where(x < low, low, x)
    return torch.where(x > high, high, x)


def where(condition: ArrayLike, x1: Any = None, x2: Any = None) -> Any:
    """``x1`` where ``condition`` holds, else ``x2``; without both the indices where it holds, an axis at a time."""
    condition = as_tensor(condition).bool()
    if x1 is None and x2 is None:
        return tuple(index.to(torch.int32) for index in torch.where(condition))
    return torch.where(condition, *as_operands(x1, x2))


def round_to(x: ArrayLike, decimals: int = 0) -> Tensor:
    """Rounded to ``decimals`` places, halves to the even neighbour; integers stay."""
    x = as_tensor(x)
    return torch.round(x, decimals=decimals) if x.is_floating_point() else x


def truncate(x: ArrayLike) -> Tensor:
    """Without what is behind the point; integers stay."""
    x = as_tensor(x)
    return torch.trunc(x) if x.is_floating_point() else x


def cast(x: ArrayLike, dtype: Any) -> Tensor:
    """``x`` as ``dtype``, a name such as "int32"; fractions are cut off, and what is not 0 is true."""
    return as_tensor(x).to(as_dtype(dtype))


def stop_gradient(variable: ArrayLike) -> Tensor:
    """The same numbers, through which no gradient goes."""
    return as_tensor(variable).detach()


def convert_to_tensor(
    x: ArrayLike, dtype: Any = None, sparse: bool | None = None, ragged: bool | None = None
) -> Tensor:
    """``x`` itself, as ``dtype`` if one is given; the flags say how Keras stores it, not what it is."""
    return as_tensor(x) if dtype is None else cast(x, dtype)


def zeros_like(x: ArrayLike, dtype: Any = None) -> Tensor:
    """Zeros of the shape of ``x``, and of its type unless another is given."""
    return torch.zeros_like(as_tensor(x), dtype=None if dtype is None else as_dtype(dtype))


def ones_like(x: ArrayLike, dtype: Any = None) -> Tensor:
    """Ones of the shape of ``x``, and of its type unless another is given."""
    return torch.ones_like(as_tensor(x), dtype=None if dtype is None else as_dtype(dtype))


def full_like(x: ArrayLike, fill_value: Any, dtype: Any = None) -> Tensor:
    """``fill_value`` in the shape of ``x``, and in its type unless another is given."""
    like = zeros_like(x, dtype)
    return like + torch.as_tensor(fill_value, dtype=like.dtype, device=like.device)


def one_hot(x: ArrayLike, num_classes: int, axis: int = -1, dtype: Any = None, sparse: bool = False) -> Tensor:
    """A new axis of ``num_classes`` entries, 1 at the index ``x`` and else 0; all 0 for an index out of range.

    ``sparse`` says how Keras stores the result, not what it is.
    """
    x = as_tensor(x)
    classes = torch.arange(int(num_classes), device=x.device)
    return (x.unsqueeze(-1) == classes).movedim(-1, axis).to(as_dtype(dtype or torch.get_default_dtype()))
