"""How the cost of our layer grows with the number of time steps."""

import statistics
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from benchmarks.cases import CONFIGURATIONS, Case, Mode, Shape
from benchmarks.ratios import significant
from benchmarks.worker import Desk, Worker

BATCH, FEATURES, UNITS = 4, 16, 32
LENGTHS = (100, 1_000, 10_000)
LONGEST = 100_000
MODES: tuple[Mode, ...] = ("forward", "training")
MEASURED = ("plain", "hard_sigmoid", "recurrent dropout")


class LengthDesk(Desk):
    """A worker that runs a case whose results are too long to be compared."""

    def once(self, case: Case) -> tuple[float, bool]:
        """Seconds of one call, and whether all of its results are finite."""
        job = self.make(case)
        seconds = self.run(1)
        return seconds, all(bool(np.isfinite(array).all()) for array in job.results().values())


def growth(lengths: Sequence[int], seconds: Sequence[float]) -> float:
    """The exponent of the power of the length that the seconds follow: 1 when they are proportional to it."""
    slope, _ = np.polyfit(np.log(lengths), np.log(seconds), 1)
    return float(slope)


def case_of(length: int, configuration: str, mode: Mode) -> Case:
    """The workload of so many steps."""
    return Case(Shape(BATCH, length, FEATURES, UNITS), CONFIGURATIONS[configuration], mode)


def run(threads: int, rounds: int = 3) -> Iterator[dict[str, Any]]:
    """A record for each configuration and mode: the ``lengths``, the median ``seconds`` of each and their ``exponent``;
    and of the longest sequence the seconds, and whether its results are ``finite``. The lengths take turns.
    """
    for configuration in MEASURED:
        for mode in MODES:
            seconds: dict[int, list[float]] = {length: [] for length in LENGTHS}
            with Worker("here", LengthDesk, "ours", threads) as worker:
                for _ in range(rounds):
                    for length in LENGTHS:
                        worker.ask("prepare", case_of(length, configuration, mode))
                        calls = LENGTHS[-1] // length
                        seconds[length].append(worker.ask("run", calls) / calls)
                longest, finite = worker.ask("once", case_of(LONGEST, configuration, mode))
            medians = [statistics.median(seconds[length]) for length in LENGTHS]
            yield {
                "configuration": configuration,
                "mode": mode,
                "lengths": list(LENGTHS),
                "seconds": [significant(median) for median in medians],
                "exponent": significant(growth(LENGTHS, medians)),
                "longest": LONGEST,
                "longest seconds": significant(longest),
                "finite": finite,
            }
