"""Losses are compared before times are told."""

import pytest

from benchmarks.agreement import DisagreementError
from benchmarks.tasks import Task
from benchmarks.training import ALLOWED, check


def test_errors_are_relative_to_the_first_that_is_no_loop() -> None:
    errors = check({"loop": [0.7035, 0.5], "ours": [0.7, 0.5], "keras-jax": [0.7, 0.5 * (1 + ALLOWED / 2)]})
    assert errors == {"loop": pytest.approx(0.005), "ours": 0.0, "keras-jax": pytest.approx(ALLOWED / 2)}


@pytest.mark.parametrize("losses", [[0.7, 0.5 * (1 + 2 * ALLOWED)], [0.7, float("nan")]])
def test_other_losses_end_the_run(losses: list[float]) -> None:
    with pytest.raises(DisagreementError, match="The losses of keras-jax are off by"):
        check({"ours": [0.7, 0.5], "keras-jax": losses})


def test_steps_of_an_epoch() -> None:
    assert Task(samples=100, time=1, features=1, units=(1,), batch=16, epochs=1).steps == 7
