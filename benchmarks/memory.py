"""The peak memory of one training step: how far the process' resident memory rises above what it held before."""

import ctypes
import gc
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.cases import CONFIGURATIONS, SHAPES, Case
from benchmarks.peers import PEERS, what_it_runs
from benchmarks.worker import Desk, Worker

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
LARGE = 64 * 1024
PEERS_MEASURED = ("torch", "ours", "without-c", "keras-torch", "keras-tensorflow", "keras-jax")
CONFIGURATIONS_MEASURED = ("plain", "right-padded", "recurrent dropout", "hard_sigmoid", "recompute")


class MemoryDesk(Desk):
    """A worker whose freed memory goes back to the system at once, so that the next peak is seen."""

    def __init__(self, peer: str, threads: int) -> None:
        return_what_is_freed()
        super().__init__(peer, threads)

    def peak(self, case: Case) -> int:
        """Bytes that a call takes beyond weights and inputs, after two calls that load code and fill caches."""
        job = self.make(case)
        self.run(2)
        return peak_growth(job.run)


def return_what_is_freed() -> None:
    """Let malloc map every block above 64 KiB, which free unmaps, and keep nothing."""
    libc = ctypes.CDLL(None)
    if not (libc.mallopt(M_MMAP_THRESHOLD, LARGE) and libc.mallopt(M_TRIM_THRESHOLD, 0)):
        raise OSError("This C library does not let its allocator be set; peak memory cannot be measured.")


def peak_growth(call: Callable[[], object]) -> int:
    """Bytes of the highest resident memory during a call, beyond what is resident before it. Linux counts them."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts again from here
    before = resident("VmRSS")
    call()
    return max(0, resident("VmHWM") - before)


def resident(name: str) -> int:
    """Bytes, from the kernel's account of this process: VmRSS now, VmHWM at its highest."""
    found = re.search(rf"^{name}:\s*(\d+) kB$", Path("/proc/self/status").read_text(), re.MULTILINE)
    assert found
    return int(found[1]) * 1024


def needed(case: Case) -> int:
    """Bytes of what a training step must keep or return: the four gates, cell states and outputs of all steps, and the
    gradients of inputs and weights.
    """
    batch, time, features, units = case.shape
    weights = sum(array.size for arrays in case.weights for array in arrays)
    return 4 * (6 * batch * time * units + batch * time * features + weights)


def run(peers: Sequence[str], shape: str, threads: int) -> Iterator[dict[str, Any]]:
    """A record for each configuration: ``bytes`` by peer, each in a fresh process, and those that are ``needed``."""
    measured: dict[tuple[str, Case], int] = {}
    for configuration in CONFIGURATIONS_MEASURED:
        case = Case(SHAPES[shape], CONFIGURATIONS[configuration], "training")
        sizes: dict[str, int] = {}
        for peer in peers:
            runs = what_it_runs(peer, case)
            if runs is None:
                continue
            if (peer, runs) not in measured:
                with Worker(PEERS[peer].label, MemoryDesk, peer, threads) as worker:
                    measured[peer, runs] = worker.ask("peak", runs)
            sizes[peer] = measured[peer, runs]
        yield {"shape": shape, "configuration": configuration, "needed": needed(case), "bytes": sizes}
