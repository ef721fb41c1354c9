"""Checks of constructor arguments, which come from users and from files alike."""

import math
import operator
from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any, SupportsIndex, TypeGuard


class WrongTypeError(TypeError, ValueError):
    """An argument is of a type that it may not have: a ``TypeError`` of Keras' layers, a ``ValueError`` of others."""


def check_number(name: str, value: object) -> None:
    """Raise a ``ValueError`` naming the argument unless ``value`` is a finite real number."""
    if not _is_finite_number(value):
        raise ValueError(
            f"Received an invalid value for argument `{name}`: expected a finite number, got {value!r:.200}."
        )


def check_non_negative(name: str, value: object) -> None:
    """Raise a ``ValueError`` naming the argument unless ``value`` is a finite number of at least 0."""
    if not _is_finite_number(value) or value < 0:
        raise ValueError(
            f"Received an invalid value for argument `{name}`: expected a finite number of at least 0, "
            f"got {value!r:.200}."
        )


def check_rate(name: str, value: object) -> None:
    """Raise a ``ValueError`` naming the argument unless ``value`` is a number from 0 up to, but not including, 1."""
    if not _is_finite_number(value) or not 0 <= value < 1:
        raise ValueError(
            f"Received an invalid value for argument `{name}`: expected a number of at least 0 and less than 1, "
            f"got {value!r:.200}."
        )


def check_integer(name: str, value: object) -> None:
    """Raise a ``WrongTypeError`` naming the argument unless ``value`` is an integer; ``True`` is none."""
    if not _is_integer(value):
        raise WrongTypeError(
            f"Received an invalid value for argument `{name}`: expected an integer, got {value!r:.200}."
        )


def check_axes(name: str, value: object) -> None:
    """Raise a ``WrongTypeError`` naming the argument unless ``value`` is a list or tuple of integers."""
    if not isinstance(value, list | tuple) or not all(map(_is_integer, value)):
        raise WrongTypeError(
            f"Received an invalid value for argument `{name}`: expected a list of integers, got {value!r:.200}."
        )


def check_choice(name: str, value: object, choices: Sequence[str | None]) -> None:
    """Raise a ``ValueError`` naming the argument and the choices unless ``value`` is one of ``choices``."""
    if value not in choices:
        allowed = ", ".join(map(repr, choices))
        raise ValueError(
            f"Received an invalid value for argument `{name}`: expected one of {allowed}, got {value!r:.200}."
        )


def positive_integer(name: str, value: SupportsIndex) -> int:
    """``value`` as an ``int``; NumPy's integers are welcome, ``True`` and floats are not.

    Raises:
        WrongTypeError: naming the argument, when ``value`` is no integer.
        ValueError: when it is not positive.
    """
    is_integer = hasattr(value, "__index__") and not isinstance(value, bool)
    if not is_integer or operator.index(value) <= 0:
        kind = ValueError if is_integer else WrongTypeError
        raise kind(f"`{name}` must be a positive integer, got {value!r:.200}.")
    return operator.index(value)


def integers_per_axis(name: str, value: object, axes: int, least: int = 1) -> tuple[int, ...]:
    """One integer of at least ``least`` for each of ``axes`` axes, given as a list of them or as one for all.

    Raises:
        ValueError: naming the argument, when ``value`` is neither; a ``WrongTypeError`` when it holds no integers.
    """
    values: Sequence[Any] = value if isinstance(value, list | tuple) else (value,) * axes
    are_integers = all(map(_is_integer, values))
    if len(values) != axes or not are_integers or min(values) < least:
        kind = ValueError if are_integers else WrongTypeError
        raise kind(
            f"Received an invalid value for argument `{name}`: expected an integer of at least {least}, or a list of "
            f"{axes} of them, got {value!r:.200}."
        )
    return tuple(operator.index(entry) for entry in values)


def _is_finite_number(value: object) -> TypeGuard[float]:
    if not isinstance(value, Real) or isinstance(value, bool):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer too large for a float
        return False


def _is_integer(value: object) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)
