"""Seconds of each case on each peer, in rounds in which the peers take turns."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from typing import Any, NamedTuple

from benchmarks import agreement
from benchmarks.cases import CONFIGURATIONS, SHAPES, Case, Mode
from benchmarks.peers import BASELINE, PEERS, what_it_runs
from benchmarks.ratios import ratios, significant
from benchmarks.reference import reference
from benchmarks.worker import Desk, Worker, all_ready

SLICE = 0.03
"""Seconds that a peer runs in a round, or one call if that takes longer."""
PAUSE = 0.005
"""Seconds between two peers, in which the threads of the first stop waiting for work."""
FEWEST_ROUNDS, MOST_ROUNDS = 5, 31


class Effort(NamedTuple):
    """How long a case is measured: as many rounds as fit into ``seconds``, but at least five and at most 31, unless
    the number of ``rounds`` is given.
    """

    seconds: float
    rounds: int | None = None


def rounds_of(workers: Mapping[str, Worker], cases: Mapping[str, Case], effort: Effort) -> dict[str, list[float]]:
    """Seconds of one call, by peer, a number for each round. Every other round goes through the peers backwards."""
    estimates = {peer: worker.ask("prepare", cases[peer]) for peer, worker in workers.items()}
    calls = {peer: max(1, round(SLICE / estimate)) for peer, estimate in estimates.items()}
    one_round = sum(estimates[peer] * calls[peer] + PAUSE for peer in workers)
    rounds = effort.rounds or min(MOST_ROUNDS, max(FEWEST_ROUNDS, round(effort.seconds / one_round)))
    seconds: dict[str, list[float]] = {peer: [] for peer in workers}
    for index in range(rounds):
        for peer in list(workers) if index % 2 == 0 else reversed(list(workers)):
            time.sleep(PAUSE)
            if calls[peer] > 1:
                workers[peer].ask("run", 1)  # brings code and data back into the caches
            seconds[peer].append(workers[peer].ask("run", calls[peer]) / calls[peer])
    return seconds


def measure(workers: Mapping[str, Worker], case: Case, effort: Effort) -> dict[str, Any]:
    """Compare the peers' results, then time them.

    Returns:
        ``seconds``: by peer, of one call in each round. ``ratios``: by peer, of its seconds to those of torch.nn.LSTM:
        median and quartiles. ``errors``: by peer, the largest relative error of its results.

    Raises:
        DisagreementError: when a peer's results are not the reference's; nothing is timed then.
    """
    cases = {peer: runs for peer in workers if (runs := what_it_runs(peer, case)) is not None}
    taking_part = {peer: workers[peer] for peer in cases}
    errors = {}
    for peer, worker in taking_part.items():
        errors[peer] = agreed(peer, worker, cases[peer])
    seconds = rounds_of(taking_part, cases, effort)
    return {
        "seconds": {peer: [significant(value) for value in values] for peer, values in seconds.items()},
        "ratios": {peer: [significant(value) for value in ratio] for peer, ratio in ratios(seconds, BASELINE).items()},
        "errors": {peer: significant(error, 2) for peer, error in errors.items()},
    }


def agreed(peer: str, worker: Worker, case: Case) -> float:
    """The error of a peer's results, by :func:`benchmarks.agreement.check`.

    With dropout it may try three times: however small the rate is, a random number that is exactly 0 drops, and one in
    2**23 is.
    """
    wanted = reference(case.with_recurrent_dropout(0.0))
    for _ in range(2 if case.configuration.recurrent_dropout else 0):
        with suppress(agreement.DisagreementError):
            return agreement.check(peer, case, worker.ask("results", case), wanted)
    return agreement.check(peer, case, worker.ask("results", case), wanted)


def grid(
    shapes: Sequence[str], configurations: Sequence[str], modes: Sequence[Mode]
) -> Iterator[tuple[str, str, Mode]]:
    """The names of the cases. Tiny work is run in the plain configuration of an LSTM and in all of the other cells, a
    single row and a single step in the plain LSTM alone; what is only computed once more on the way back, in training.
    """
    for shape in shapes:
        for configuration in configurations:
            for mode in modes:
                fits = (mode == "stream") == (SHAPES[shape].time == 1)
                small = (
                    ("step", "single") if CONFIGURATIONS[configuration].cell != "LSTM" else ("step", "tiny", "single")
                )
                once = mode == "training" or not CONFIGURATIONS[configuration].recompute
                if fits and once and (configuration == "plain" or shape not in small):
                    yield shape, configuration, mode


def run(
    peers: Sequence[str], cases: Sequence[tuple[str, str, Mode]], threads: int, effort: Effort
) -> Iterator[dict[str, Any]]:
    """The record of each case, as it comes."""
    with ExitStack() as stack:
        workers = {peer: stack.enter_context(Worker(PEERS[peer].label, Desk, peer, threads)) for peer in peers}
        all_ready(workers.values())
        for shape, configuration, mode in cases:
            case = Case(SHAPES[shape], CONFIGURATIONS[configuration], mode)
            yield {
                "shape": shape,
                "configuration": configuration,
                "mode": mode,
                "threads": threads,
                "flops": case.flops,
                **measure(workers, case, effort),
            }
