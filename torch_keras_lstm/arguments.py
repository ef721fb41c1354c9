"""Checks of constructor arguments, which come from users and from files alike."""

import math
from collections.abc import Sequence
from numbers import Integral, Real


def check_number(name: str, value: object) -> None:
    """Raise a ``ValueError`` naming the argument unless ``value`` is a finite real number."""
    if isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(value):
        raise ValueError(f"Received an invalid value for argument `{name}`: expected a finite number, got {value!r}.")


def check_non_negative(name: str, value: object) -> None:
    """Raise a ``ValueError`` naming the argument unless ``value`` is a finite number of at least 0."""
    if isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(value) or value < 0:
        raise ValueError(
            f"Received an invalid value for argument `{name}`: expected a finite number of at least 0, got {value!r}."
        )


def check_integer(name: str, value: object) -> None:
    """Raise a ``ValueError`` naming the argument unless ``value`` is an integer; ``True`` is none."""
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise ValueError(f"Received an invalid value for argument `{name}`: expected an integer, got {value!r}.")


def check_axes(name: str, value: object) -> None:
    """Raise a ``ValueError`` naming the argument unless ``value`` is a list or tuple of integers."""
    if not isinstance(value, list | tuple) or not all(
        isinstance(axis, Integral) and not isinstance(axis, bool) for axis in value
    ):
        raise ValueError(
            f"Received an invalid value for argument `{name}`: expected a list of integers, got {value!r}."
        )


def check_choice(name: str, value: object, choices: Sequence[str]) -> None:
    """Raise a ``ValueError`` naming the argument and the choices unless ``value`` is one of ``choices``."""
    if value not in choices:
        allowed = ", ".join(map(repr, choices))
        raise ValueError(f"Received an invalid value for argument `{name}`: expected one of {allowed}, got {value!r}.")
