"""The states of a cell: tensors one after the other for the computation, lists in lists for who wrote the cell."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from torch import Tensor


def flat_states(states: Any) -> list[Any]:
    """States one after the other, however deep the lists that they come in; one alone is a list of itself."""
    if not isinstance(states, (list, tuple)):
        return [states]
    return [leaf for entry in states for leaf in flat_states(entry)]


def flat_like(nesting: Sequence[Any], states: Any) -> list[Any]:
    """States that a user passed one after the other: nested as ``nesting``, or not at all; one may be lists of numbers.

    A state alone and a list of one are the same.
    """
    listed = list(states) if isinstance(states, (list, tuple)) else [states]
    if len(listed) != len(nesting):
        return listed
    flat = []
    for inner, entry in zip(nesting, listed, strict=True):
        if isinstance(inner, (list, tuple)):
            flat += flat_like(inner, entry)
        else:
            alone = isinstance(entry, (list, tuple)) and len(entry) == 1 and hasattr(entry[0], "shape")
            flat.append(entry[0] if alone else entry)
    return flat


def nested_like(nesting: Any, states: Sequence[Any]) -> Any:
    """States one after the other as lists in lists, as ``nesting`` has them, whose leaves count for nothing."""
    return _nested(nesting, iter(states))


def _nested(nesting: Any, rest: Iterator[Any]) -> Any:
    return [_nested(entry, rest) for entry in nesting] if isinstance(nesting, (list, tuple)) else next(rest)


def nesting_of(states: Any) -> Any:
    """The lists in lists that states come in, with nothing in the place of the states."""
    return nested_like(states, [None] * len(flat_states(states)))


def as_list(states: Any) -> list[Any]:
    """The states of a cell as its call takes them: one alone in a list."""
    return list(states) if isinstance(states, (list, tuple)) else [states]


def are_states(given: Any) -> bool:
    """Whether what stands in the place of a mask are states: a list of arrays of floating-point numbers.

    ``lstm(x, (h, c))`` is how Keras 3 and torch are called; here, as in Keras 2, the mask comes first.
    """
    listed = isinstance(given, list | tuple) and len(given) > 0
    return listed and all(isinstance(one, Tensor | np.ndarray) and "float" in str(one.dtype) for one in given)
