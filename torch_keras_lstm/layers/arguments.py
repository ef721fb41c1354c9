"""Checks of constructor arguments that several layers share."""

import operator
from typing import SupportsIndex


def positive_integer(value: SupportsIndex, argument: str) -> int:
    """``value`` as an ``int``; NumPy's integers are welcome, ``True`` and floats are not.

    Raises:
        ValueError: naming the argument.
    """
    if isinstance(value, bool) or not hasattr(value, "__index__") or operator.index(value) <= 0:
        raise ValueError(f"`{argument}` must be a positive integer, got {value!r}.")
    return operator.index(value)
