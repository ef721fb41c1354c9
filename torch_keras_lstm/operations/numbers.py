"""Functions of numbers that scripts meet less often: bits, rounding, parts, signs: ``keras.ops`` over torch tensors."""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from torch_keras_lstm.operations.elementwise import as_operands, said_of
from torch_keras_lstm.operations.named_types import as_dtype
from torch_keras_lstm.operations.tensors import as_tensor, floating, promoted


def floating_binary(function: Callable[[Tensor, Tensor], Tensor]) -> Callable[[Any, Any], Tensor]:
    """``function`` of two tensors, integers taken as floating-point numbers."""

    def operation(x1: Any, x2: Any) -> Tensor:
        return function(*promoted(x1, x2, least=float))

    said_of(operation, function, "two operands that broadcast; integers are taken as floating-point numbers")
    return operation


def bitwise(function: Callable[[Tensor, Tensor], Tensor]) -> Callable[[Any, Any], Tensor]:
    """``function`` of two tensors of integers, called x and y as Keras calls them."""

    def operation(x: Any, y: Any) -> Tensor:
        return function(*as_operands(x, y))

    said_of(operation, function, "two tensors of integers that broadcast")
    return operation


def cube_root(x: Any) -> Tensor:
    """The real cube root."""
    values = floating(x)
    return torch.sign(values) * torch.pow(values.abs(), 1 / 3)


def is_close(x1: Any, x2: Any, rtol: Any = 1e-5, atol: Any = 1e-8, *, equal_nan: bool = False) -> Tensor:
    """Whether ``|x1 - x2| <= atol + rtol * |x2|``."""
    first, second = promoted(x1, x2)
    if not first.is_floating_point():
        first, second = first.double(), second.double()
    return torch.isclose(first, second, float(rtol), float(atol), equal_nan)


def all_close(x1: Any, x2: Any, *, rtol: Any = 1e-5, atol: Any = 1e-8, equal_nan: bool = False) -> Tensor:
    """Whether ``|x1 - x2| <= atol + rtol * |x2|`` everywhere."""
    return is_close(x1, x2, rtol, atol, equal_nan=equal_nan).all()


def is_in(x1: Any, x2: Any, *, assume_unique: bool = False, invert: bool = False) -> Tensor:
    """Whether each entry of ``x1`` is among those of ``x2``, or with ``invert`` is not."""
    first, second = promoted(x1, x2)
    return torch.isin(first, second, assume_unique=assume_unique, invert=invert)


def is_negative_infinity(x: Any) -> Tensor:
    """Whether an entry is minus infinity."""
    return torch.isneginf(as_tensor(x))


def is_positive_infinity(x: Any) -> Tensor:
    """Whether an entry is plus infinity."""
    return torch.isposinf(as_tensor(x))


def angle(x: Any) -> Tensor:
    """The angle of complex numbers: 0, or pi of negative ones."""
    return torch.angle(floating(x))


def real(x: Any) -> Tensor:
    """The real part."""
    values = as_tensor(x)
    return values.real if values.is_complex() else values


def imaginary(x: Any) -> Tensor:
    """The imaginary part."""
    values = as_tensor(x)
    return values.imag if values.is_complex() else torch.zeros_like(values)


def conjugate(x: Any) -> Tensor:
    """Complex numbers with the sign of their imaginary parts turned."""
    return torch.conj_physical(as_tensor(x))


def sine_cardinal(x: Any) -> Tensor:
    """``sin(pi x) / (pi x)``."""
    return torch.sinc(floating(x))


def ldexp(x1: Any, x2: Any) -> Tensor:
    """``x1 * 2**x2``."""
    first = floating(x1)
    return first * torch.pow(2.0, as_tensor(x2).to(first.dtype))


def heaviside(x1: Any, x2: Any) -> Tensor:
    """0 of negative numbers, 1 of positive ones, ``x2`` of 0."""
    first, second = promoted(x1, x2, least=float)
    return torch.where(first == 0, second, (first > 0).to(first.dtype) + torch.where(torch.isnan(first), first, 0))


def absolute_of_floats(x: Any) -> Tensor:
    """The size of each number, a floating-point number."""
    return torch.abs(floating(x))


def degrees_to_radians(x: Any) -> Tensor:
    """Times pi / 180."""
    return floating(x) * (math.pi / 180)


def radians_to_degrees(x: Any) -> Tensor:
    """Times 180 / pi."""
    return floating(x) * (180 / math.pi)


def saturate_cast(x: Any, *, dtype: Any) -> Tensor:
    """``x`` as ``dtype``, what is out of its range at the end of it."""
    values, wanted = as_tensor(x), as_dtype(dtype)
    if torch.bool in (values.dtype, wanted):
        return values.to(wanted)
    low, high = _range(wanted)
    least, most = _range(values.dtype)
    if wanted.is_floating_point or not values.is_floating_point():
        return torch.clamp(values, max(low, least), min(high, most)).to(wanted)
    # The ends of a range of integers need not be floats: what is beyond them is set afterwards.
    inside = torch.where((values > low) & (values < high), values, 0).to(wanted)
    return torch.where(values >= high, high, torch.where(values <= low, low, inside)).to(wanted)


def _range(dtype: torch.dtype) -> tuple[float, float]:
    ends = torch.finfo(dtype) if dtype.is_floating_point else torch.iinfo(dtype)
    return ends.min, ends.max


def number_of_axes(x: Any) -> Tensor:
    """The number of axes; int32."""
    return torch.tensor(as_tensor(x).dim(), dtype=torch.int32)


def number_of_entries(x: Any) -> Tensor:
    """The number of entries; int32."""
    return torch.tensor(as_tensor(x).numel(), dtype=torch.int32)
