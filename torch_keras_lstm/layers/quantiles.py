"""Quantiles of numbers that come in batches, as Keras' ``Discretization`` estimates them.

A summary is an array (2, values): values in their order, and how many numbers each of them stands for.
"""

from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]


def nothing() -> Array:
    """The summary of no numbers."""
    return np.zeros((2, 0), np.float32)


def summarized(values: Array, epsilon: float) -> Array:
    """The summary of a batch: evenly spaced ones of its numbers, about ``1 / epsilon``."""
    numbers = np.sort(values.reshape(-1))
    step = max(numbers.size / (1.0 / epsilon), 1)
    chosen = numbers[int(step - 1) :: int(step)]
    return np.stack([chosen, np.ones_like(chosen) * step])


def merged(first: Array, second: Array, epsilon: float) -> Array:
    """The summary of both."""
    both = np.concatenate([first, second], axis=1)
    return compressed(both[:, np.argsort(both[0])], epsilon)


def compressed(summary: Array, epsilon: float) -> Array:
    """A summary of about ``1 / epsilon`` values, found by interpolation."""
    if summary.shape[1] * epsilon < 1:
        return summary
    fractions = epsilon + np.arange(0.0, 1.0, epsilon)
    up_to = summary[1].cumsum()
    places = up_to / up_to[-1]
    values = np.interp(fractions, places, summary[0])
    counted = np.interp(fractions, places, up_to)
    return np.stack([values, np.diff(counted, prepend=0.0)]).astype(np.float32)


def boundaries(summary: Array, bins: int) -> list[float]:
    """The numbers that divide what was summarized into so many bins."""
    found: list[float] = compressed(summary, 1.0 / bins)[0, :-1].tolist()
    return found
