"""What the figures were measured on."""

import datetime
import os
import platform
import re
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.worker import limit_threads


def environment(packages: Iterable[str]) -> dict[str, Any]:
    """The processor, the memory, the system and the versions, ours and those of ``packages``."""
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "processor": processor(),
        "processors": os.cpu_count(),
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.release().split('-')[0]} {platform.machine()}",
        "load": round(os.getloadavg()[0], 1),
        "python": platform.python_version(),
        "steps": steps_run_by(),
        "versions": {name: version(name) for name in ("torch-keras-lstm", *sorted(set(packages)))},
    }


def processor() -> str:
    """Its name as Linux gives it, with the vector instructions that matter to matrix products."""
    text = Path("/proc/cpuinfo").read_text()
    name = re.search(r"^model name\s*:\s*(.*)$", text, re.MULTILINE)
    flags = re.search(r"^flags\s*:\s*(.*)$", text, re.MULTILINE)
    widest = next((flag for flag in ("avx512f", "avx2", "avx") if flags and flag in flags[1].split()), "")
    return f"{name[1] if name else platform.machine()} {widest}".strip()


def steps_run_by() -> str:
    """What runs the steps of our layer on a CPU: the kernels in C, and with which vectors, or torch."""
    from torch_keras_lstm.recurrence.backends.c_kernels import C_KERNELS

    return f"C ({C_KERNELS.vectors})" if C_KERNELS.off is None else "torch"


class MatrixProducts:
    """In a process of its own: how fast this machine multiplies matrices."""

    SIZE = 1024

    def __init__(self, threads: int) -> None:
        limit_threads(threads)
        import torch

        torch.set_num_threads(threads)
        self.matrices = torch.rand(2, self.SIZE, self.SIZE)

    def rate(self, products: int = 30) -> float:
        """Floating-point operations a second of the fastest float32 product."""
        import time

        import torch

        seconds = []
        for _ in range(products):
            start = time.perf_counter()
            torch.mm(self.matrices[0], self.matrices[1])
            seconds.append(time.perf_counter() - start)
        return 2.0 * self.SIZE**3 / min(seconds)
