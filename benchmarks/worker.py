"""A process that runs one peer, and the parent's handle on it."""

import importlib
import multiprocessing
import os
import time
import traceback
from collections.abc import Collection, Mapping
from multiprocessing.connection import Connection
from typing import Any, Self

from numpy.typing import NDArray

from benchmarks.cases import Case
from benchmarks.peers import PEERS
from benchmarks.peers.job import Job

LONG = 0.1
"""Seconds of a call that needs no second look to be known roughly."""


class Talker:
    """A desk whose methods talk to the parent while they run."""

    connection: Connection


class Desk:
    """What a worker's process does when it is asked."""

    def __init__(self, peer: str, threads: int) -> None:
        limit_threads(threads)
        os.environ |= PEERS[peer].environment
        self.module = importlib.import_module(f"benchmarks.peers.{PEERS[peer].module}")
        self.module.set_threads(threads)
        self.job: Job | None = None
        self.case: Case | None = None

    def ready(self) -> None:
        """Answered once the peer is imported."""

    def results(self, case: Case) -> Mapping[str, NDArray[Any]]:
        """What the peer gives for a case."""
        return self.make(case.compared).results()

    def prepare(self, case: Case) -> float:
        """Make a case ready and warm it up; seconds that one call takes, roughly."""
        self.make(case)
        self.run(1)
        once = self.run(1)
        return once if once > LONG else min(self.run(1) for _ in range(3))

    def make(self, case: Case) -> Job:
        """The job of a case; what was made last is kept, because it may have been compiled."""
        if self.job is None or self.case != case:
            self.job = None  # before the next one takes its place in memory
            self.job, self.case = self.module.prepare(case), case
        return self.job

    def run(self, calls: int) -> float:
        """Seconds that some calls of what was prepared take."""
        assert self.job is not None
        run = self.job.run
        start = time.perf_counter()
        for _ in range(calls):
            run()
        return time.perf_counter() - start


def limit_threads(threads: int) -> None:
    """Give the process so many processors and tell OpenMP; before any framework is imported."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
    os.environ |= {"OMP_NUM_THREADS": str(threads), "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}


def serve(connection: Connection, desk: type[Any], arguments: tuple[Any, ...]) -> None:
    """Answer (method, arguments) until ``None`` comes: (``True``, what it returned) or (``False``, the traceback)."""
    served: Any = None
    while (request := connection.recv()) is not None:
        try:
            if served is None:
                served = desk(*arguments)
                if isinstance(served, Talker):
                    served.connection = connection
            method, given = request
            answer = True, getattr(served, method)(*given)
        except Exception:  # goes to the parent, which raises
            answer = False, traceback.format_exc()
        connection.send(answer)


class Worker:
    """A peer in a process of its own.

    Args:
        name: for messages.
        desk: the class that is made there, with ``arguments``, when the first request comes.
    """

    def __init__(self, name: str, desk: type[Any], *arguments: Any) -> None:
        self.name = name
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=serve, args=(theirs, desk, arguments), daemon=True)
        self.process.start()
        theirs.close()

    def begin(self, method: str, *arguments: Any) -> None:
        """Ask for something without waiting for the answer."""
        self.connection.send((method, arguments))

    def answer(self) -> Any:
        """Wait for the answer to what was asked.

        Raises:
            RuntimeError: when the worker failed, with its traceback, or ended.
        """
        try:
            succeeded, answer = self.connection.recv()
        except EOFError:
            self.process.join()
            raise RuntimeError(f"The process of {self.name} ended with code {self.process.exitcode}.") from None
        if not succeeded:
            raise RuntimeError(f"{self.name} failed:\n{answer}")
        return answer

    def ask(self, method: str, *arguments: Any) -> Any:
        """The answer to a request."""
        self.begin(method, *arguments)
        return self.answer()

    def close(self) -> None:
        """End the process."""
        if self.process.is_alive():
            self.connection.send(None)
            self.process.join(timeout=10)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        self.connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def all_ready(workers: Collection[Worker]) -> None:
    """Wait until each has imported what it needs, which they do at the same time."""
    for worker in workers:
        worker.begin("ready")
    for worker in workers:
        worker.answer()
