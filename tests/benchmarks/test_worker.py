"""Processes that fail say so."""

import os

import pytest

from benchmarks.worker import Worker


def test_answers_come_back() -> None:
    with Worker("a list", list, [3, 1, 2]) as worker:
        assert worker.ask("sort") is None
        assert worker.ask("index", 3) == 2


def test_a_failure_comes_with_its_traceback() -> None:
    with Worker("a list", list, [3, 1, 2]) as worker:
        with pytest.raises(RuntimeError, match=r"^a list failed:\n(.|\n)*ValueError: 4 is not in list"):
            worker.ask("index", 4)
        assert worker.ask("pop") == 2


def test_a_process_that_ends_is_noticed() -> None:
    with (
        Worker("one that ends", os._exit, 3) as worker,  # type: ignore[arg-type]
        pytest.raises(RuntimeError, match="The process of one that ends ended with code 3"),
    ):
        worker.ask("anything")
