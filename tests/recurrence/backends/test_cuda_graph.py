"""The bookkeeping around recorded steps: what is copied where, cut how, kept how long. No graph is made here."""

from collections.abc import Callable, Hashable

import pytest
import torch

from tests.recurrence.backends.step_cases import (
    DROPOUTS,
    GRADIENTS,
    READABLE,
    Case,
    cell_of,
    draw,
    empty_trace,
    run_case,
    with_gradient,
)
from tests.tolerances import assert_close
from torch_keras_lstm.recurrence.backends.cuda_graph import GraphedSteps
from torch_keras_lstm.recurrence.backends.projection import ProjectedSteps


class Recordings:
    """Stands in for CUDA: "records" by running, which as there leaves numbers behind, and replays by running again."""

    def __init__(self) -> None:
        self.made = 0
        self.replayed = 0
        self.capturing = False
        self.current: Hashable = "a stream"

    def can_record(self) -> bool:
        return not self.capturing

    def stream(self, device: torch.device) -> Hashable:
        return self.current

    def record(self, run: Callable[[], object], device: torch.device) -> Callable[[], object]:
        self.made += 1
        run()

        def replay() -> None:
            self.replayed += 1
            run()

        return replay


def graphed(recordings: Recordings, most: int = 16, **limits: int) -> ProjectedSteps:
    return GraphedSteps(READABLE, recordings, most, **limits)


def check(steps: ProjectedSteps, case: Case) -> None:
    for got, truth in zip(run_case(steps, case), run_case(READABLE, case), strict=True):
        assert_close(got, truth, "float64")


def random(time: int = 3, mask: str = "none", dropouts: int = 0, batch: int = 2) -> Case:
    return draw(mask, dropouts, torch.float64, time=time, batch=batch, units=3)


@pytest.mark.parametrize("mask", ["none", "gaps"])
@pytest.mark.parametrize("dropouts", DROPOUTS)
def test_recorded_steps_give_the_same(mask: str, dropouts: int) -> None:
    recordings = Recordings()
    steps = graphed(recordings)
    for replayed in (0, 4, 8):  # forth and back in two pieces each, from the second time on
        check(steps, random(6, mask, dropouts))
        assert recordings.replayed == replayed
    assert recordings.made == 4


def test_another_length_takes_the_same_recordings() -> None:
    recordings = Recordings()
    steps = graphed(recordings, most_steps=4)
    for time in (7, 7, 5, 8, 1, 11):
        check(steps, random(time))
    assert recordings.made == 2 * 3, "of 4, 2 and 1 steps, forth and back"


@pytest.mark.parametrize("given", GRADIENTS)
def test_gradients_that_are_missing(given: str) -> None:
    steps = graphed(Recordings())
    for _ in range(3):
        check(steps, with_gradient(random(5), given))


def test_results_are_the_callers() -> None:
    steps = graphed(Recordings())
    run_case(steps, random())
    results = run_case(steps, random())
    before = [result.clone() for result in results]
    run_case(steps, random())
    assert all(torch.equal(result, copy) for result, copy in zip(results, before, strict=True))


def test_two_configurations_do_not_share_tensors() -> None:
    recordings = Recordings()
    steps = graphed(recordings)
    cases = [random(2), random(2, batch=5), random(2, "gaps"), random(2, dropouts=1), random(2, dropouts=4)]
    cases.append(cases[0]._replace(activation=torch.relu))
    cases.append(with_gradient(random(2), "grad_h_n"))
    for _ in range(2):
        for case in cases:
            check(steps, case)
    assert recordings.made == 2 * len(cases) - 1, "the last differs from the first on the way back alone"


def test_work_on_two_streams_does_not_share_tensors() -> None:
    recordings = Recordings()
    steps = graphed(recordings)
    for stream in ("a", "a", "b", "b", "a", "b"):
        recordings.current = stream
        check(steps, random(2))
    assert recordings.made == 4


def test_another_precision_of_products_is_recorded_anew() -> None:
    recordings, products = Recordings(), torch.backends.cuda.matmul
    steps, before = graphed(recordings), products.fp32_precision
    try:
        for precision in ("ieee", "ieee", "tf32", "tf32", "ieee"):
            products.fp32_precision = precision
            check(steps, random(2))
    finally:
        products.fp32_precision = before
    assert recordings.made == 4


def test_the_least_recently_used_recording_goes() -> None:
    recordings = Recordings()
    steps = graphed(recordings, most=4)  # two batch sizes, forth and back
    for batch in (1, 1, 2, 2, 1):
        check(steps, random(2, batch=batch))
    assert recordings.made == 4
    check(steps, random(2, batch=3))
    check(steps, random(2, batch=3))  # in the place of batch size 2
    assert recordings.made == 6
    check(steps, random(2, batch=1))
    assert recordings.made == 6
    check(steps, random(2, batch=2))
    assert recordings.made == 8


def test_nothing_is_recorded_or_replayed_while_the_caller_records() -> None:
    recordings = Recordings()
    steps = graphed(recordings)
    check(steps, random(2))
    recordings.capturing = True
    check(steps, random(2))
    assert recordings.made == 0
    recordings.capturing = False
    check(steps, random(2))
    recordings.capturing = True
    check(steps, random(2))
    assert recordings.replayed == 2


def test_recorded_in_inference_mode_and_used_outside() -> None:
    recordings = Recordings()
    steps = graphed(recordings)
    for _ in range(2):
        with torch.inference_mode():
            _forward(steps, random(2))
    assert recordings.made == 1
    case = random(2)
    assert torch.equal(_forward(steps, case), _forward(READABLE, case))


@torch.no_grad()
def _forward(steps: ProjectedSteps, case: Case) -> torch.Tensor:
    """The hidden states."""
    trace = empty_trace(case)
    steps.forward_steps(cell_of(case), case.state, case.mask, trace)
    return trace.hidden


def test_large_steps_are_recorded_few_at_a_time() -> None:
    recordings = Recordings()
    bytes_back = 2 * 3 * 8 * (1 + 4 + 1 + 1 + 4)  # a step's outputs' gradients, gates, states, and the gates' gradients
    steps = graphed(recordings, most_bytes=3 * bytes_back)
    for _ in range(2):
        check(steps, random(8))
    # at most 3 * 11 / 6 steps forth, of which 4 is the power of two below, and 3 back, of which it is 2
    assert recordings.replayed == 8 // 4 + 8 // 2
