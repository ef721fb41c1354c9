"""Seconds of each epoch of ``fit`` and of hand-written loops, which take turns epoch by epoch."""

import importlib
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from typing import Any

import numpy as np

from benchmarks.agreement import DisagreementError
from benchmarks.fits import BASELINE, FITS, LOOPS
from benchmarks.fits.turns import Turns
from benchmarks.ratios import ratios, significant
from benchmarks.tasks import Task
from benchmarks.worker import Talker, Worker, all_ready, limit_threads

# Relative, of the losses of all epochs: float32 through some hundred steps of Adam, each of which passes on rounding.
ALLOWED = 2e-4
# torch adds Adam's epsilon after the correction of the bias, Keras before it: at first that is 30 times as much.
ALLOWED_OF_LOOPS = 1e-2
PAUSE = 0.005


class FitDesk(Talker):
    """A worker that trains."""

    def __init__(self, library: str, threads: int) -> None:
        limit_threads(threads)
        os.environ |= FITS[library].environment
        self.module = importlib.import_module(f"benchmarks.fits.{FITS[library].module}")
        self.module.set_threads(threads)

    def ready(self) -> None:
        """Answered once the library is imported."""

    def fit(self, task: Task) -> None:
        """Train; each epoch waits for a request and answers with its seconds and its loss."""
        self.module.fit(task, Turns(self.connection))


def check(losses: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """How far each library's losses are from those of the first that is no loop, relative, at most.

    Raises:
        DisagreementError: when that is more than is allowed.
    """
    wanted = losses[next((library for library in losses if library not in LOOPS), next(iter(losses)))]
    errors = {}
    for library, values in losses.items():
        error = float(np.max(np.abs(np.divide(values, wanted) - 1)))
        allowed = ALLOWED_OF_LOOPS if library in LOOPS else ALLOWED
        if not error <= allowed:
            raise DisagreementError(f"The losses of {library} are off by {error:.1e}; allowed are {allowed:.0e}.")
        errors[library] = error
    return errors


def run(libraries: Sequence[str], tasks: Mapping[str, Task], threads: int) -> Iterator[dict[str, Any]]:
    """A record for each task.

    It has ``first`` and ``later``: by library, seconds of the first epoch and of each later one; ``ratios``: of the
    later ones to the loop's, median and quartiles; ``errors``: of the losses, relative.

    Raises:
        DisagreementError: when the losses differ; there is no record then.
    """
    for name, task in tasks.items():
        seconds: dict[str, list[float]] = {library: [] for library in libraries}
        losses: dict[str, list[float]] = {library: [] for library in libraries}
        with ExitStack() as stack:
            workers = {
                library: stack.enter_context(Worker(FITS[library].label, FitDesk, library, threads))
                for library in libraries
            }
            all_ready(workers.values())
            for worker in workers.values():
                worker.begin("fit", task)
            for _ in range(task.epochs):
                for library, worker in workers.items():
                    time.sleep(PAUSE)
                    took, loss = worker.ask("epoch")
                    seconds[library].append(significant(took))
                    losses[library].append(loss)
            for worker in workers.values():
                worker.answer()
        later = {library: values[1:] for library, values in seconds.items()}
        to_the_loop = ratios(later, BASELINE)
        yield {
            "task": name,
            "steps": task.steps,
            "threads": threads,
            "errors": {library: significant(error, 2) for library, error in check(losses).items()},
            "first": {library: values[0] for library, values in seconds.items()},
            "later": later,
            "ratios": {library: [significant(value) for value in ratio] for library, ratio in to_the_loop.items()},
        }
