"""The parts of a run: what each measures of what was selected, as it goes into the file of figures."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks import lengths, memory, speed, streams, training
from benchmarks.cases import Mode, threads_in_words
from benchmarks.environment import MatrixProducts, environment
from benchmarks.fits import FITS
from benchmarks.peers import PEERS, Peer
from benchmarks.ratios import ratios as ratios_to
from benchmarks.tasks import Task
from benchmarks.worker import Worker

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Selection:
    """What is run.

    Attributes:
        shapes, modes: of the speed part.
        configurations: of the speed part with the most threads.
        configurations_of_fewer_threads: of the speed part with fewer threads.
        peers, fits: whom we run against in single calls and in training.
        threads: ascending; the parts but the first take the most.
        effort: how long each case is timed.
        memory_shape: of the memory part.
        length_rounds: of the lengths part.
        tasks: of the training part.
    """

    shapes: Sequence[str]
    modes: Sequence[Mode]
    configurations: Sequence[str]
    configurations_of_fewer_threads: Sequence[str]
    peers: Sequence[str]
    fits: Sequence[str]
    threads: Sequence[int]
    effort: speed.Effort
    memory_shape: str
    length_rounds: int
    tasks: Mapping[str, Task]


def of_speed(selection: Selection, tell: Tell) -> dict[str, Any]:
    """Records of :func:`speed.run`, and the rate of matrix products by number of threads."""
    found = section(PEERS, selection.peers, "layer calls")
    rates = found["matrix products"] = {}
    for threads in reversed(selection.threads):
        with Worker("matrix products", MatrixProducts, threads) as worker:
            rates[str(threads)] = round(worker.ask("rate"))
        most = threads == selection.threads[-1]
        configurations = selection.configurations if most else selection.configurations_of_fewer_threads
        cases = list(speed.grid(selection.shapes, configurations, selection.modes))
        for record in speed.run(selection.peers, cases, threads, selection.effort):
            found["records"].append(record)
            what = f"{record['shape']}, {record['configuration']}, {record['mode']}, {threads_in_words(threads)}"
            shown = {peer: f"{ratio[0]:.2f}" for peer, ratio in record["ratios"].items()}
            tell(f"{what}: {listed(shown)}")
    return found


def of_memory(selection: Selection, tell: Tell) -> dict[str, Any]:
    """Records of :func:`memory.run`."""
    peers = [peer for peer in selection.peers if peer in memory.PEERS_MEASURED]
    found = section(PEERS, peers, "memory")
    for record in memory.run(peers, selection.memory_shape, selection.threads[-1]):
        found["records"].append(record)
        sizes = {peer: f"{size / 1e6:.1f} MB" for peer, size in record["bytes"].items()}
        tell(f"peak memory, {record['configuration']}: needed {record['needed'] / 1e6:.1f} MB, {listed(sizes)}")
    return found


def of_lengths(selection: Selection, tell: Tell) -> dict[str, Any]:
    """Records of :func:`lengths.run`."""
    found = section(PEERS, ["ours"], "lengths")
    for record in lengths.run(selection.threads[-1], selection.length_rounds):
        found["records"].append(record)
        seconds = {
            f"{length:,}": f"{took:.3g} s" for length, took in zip(record["lengths"], record["seconds"], strict=True)
        }
        tell(f"steps, {record['configuration']}, {record['mode']}: {listed(seconds)}")
    return found


def of_training(selection: Selection, tell: Tell) -> dict[str, Any]:
    """Records of :func:`training.run`."""
    found = section(FITS, selection.fits, "training")
    for record in training.run(selection.fits, selection.tasks, selection.threads[-1]):
        found["records"].append(record)
        ratios = {library: f"{ratio[0]:.2f}" for library, ratio in record["ratios"].items()}
        tell(f"training, {record['task']}: {listed(ratios)}")
    return found


def of_streams(selection: Selection, tell: Tell) -> dict[str, Any]:
    """Records of :func:`streams.run`."""
    found = section(PEERS, ["ours", "torch"], "streams")
    for record in streams.run(selection.threads, selection.effort.rounds):
        found["records"].append(record)
        ratios = {way: f"{ratio[0]:.2f}" for way, ratio in ratios_to(record["seconds"], "by hand").items()}
        tell(f"a word through a model, {threads_in_words(record['threads'])}: {listed(ratios)}")
    return found


SECTIONS: Mapping[str, Callable[[Selection, Tell], dict[str, Any]]] = {
    "speed": of_speed,
    "memory": of_memory,
    "lengths": of_lengths,
    "training": of_training,
    "streams": of_streams,
}


def listed(values: Mapping[str, str]) -> str:
    """Names and values in a line."""
    return ", ".join(f"{name} {value}" for name, value in values.items())


def section(table: Mapping[str, Peer], names: Sequence[str], what: str) -> dict[str, Any]:
    """One without records yet, and what it is measured on.

    Raises:
        ValueError: when there is nobody to measure.
    """
    if not names:
        raise ValueError(f"`--peers` names nobody for {what}; there are {', '.join(table)}.")
    packages = [package for name in names for package in table[name].needs]
    return {"environment": environment(packages), "records": []}
