"""Ratios of what was timed in the same round, so that a machine that drifts drifts for both."""

import statistics
from collections.abc import Mapping, Sequence
from typing import NamedTuple


class Ratio(NamedTuple):
    """The median over the rounds, and the quartiles around it."""

    median: float
    low: float
    high: float


def significant(value: float, digits: int = 4) -> float:
    """So many digits of it, for the file of figures."""
    return float(f"{value:.{digits}g}")


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> Ratio:
    """How many times the seconds of ``theirs`` ``ours`` take, round by round."""
    ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
    if len(ratios) == 1:
        return Ratio(ratios[0], ratios[0], ratios[0])
    low, median, high = statistics.quantiles(ratios, n=4, method="inclusive")
    return Ratio(median, low, high)


def ratios(rounds: Mapping[str, Sequence[float]], baseline: str) -> dict[str, Ratio]:
    """The ratio of each peer to the baseline; nothing when the baseline did not run."""
    if baseline not in rounds:
        return {}
    return {peer: ratio(seconds, rounds[baseline]) for peer, seconds in rounds.items()}
