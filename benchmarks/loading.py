"""What loading a large model takes: time, and memory beyond an empty process, of each kind of file and of its peers.

``python -m benchmarks.loading --megabytes 1024 --rounds 5`` writes one model (an embedding, an LSTM, a large Dense
layer) as ``.h5``, ``.keras`` and a converted folder, loads each in a process of its own, in turn, and prints medians.
Peers read the same arrays: h5py every array of the ``.h5``, safetensors the folder's file, ``readinto`` the bytes of
the ``.h5`` into memory that is there already (less than which no copy takes) or new. What is mapped and never looked at
takes no time: "used" sums every number once, as a first call would read it. Linux.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch


def write(folder: Path, megabytes: int) -> int:
    """The files; returns how many bytes the weights have."""
    from torch_keras_lstm import Sequential, conversion
    from torch_keras_lstm.layers import LSTM, Dense, Embedding

    words = megabytes * 2**20 // (4 * 256) * 3 // 4
    model = Sequential([Embedding(words, 256), LSTM(512), Dense(words // 6)])
    model.build((2, 3))
    model.save(folder / "model.h5")
    model.save(folder / "model.keras")
    conversion.convert(folder / "model.h5", folder / "folder")
    return sum(weight.numel() * weight.element_size() for weight in model.parameters())


def _ours(path: Path, mmap: bool = False) -> Callable[[], Any]:
    import torch_keras_lstm.models  # noqa: F401  # a process that has everything imported is what is compared with
    from torch_keras_lstm import conversion

    return lambda: [*conversion.load_model(path, mmap=mmap).parameters()]


def _mapped(path: Path) -> Callable[[], Any]:
    return _ours(path, mmap=True)


def _safetensors(path: Path) -> Callable[[], Any]:
    from safetensors.torch import load_file

    return lambda: [*load_file(path / "model.safetensors").values()]


def _h5py(path: Path) -> Callable[[], Any]:
    import h5py

    def read() -> list[torch.Tensor]:
        found: list[torch.Tensor] = []
        with h5py.File(path) as file:
            file.visititems(
                lambda name, item: found.append(torch.from_numpy(item[()])) if hasattr(item, "shape") else None
            )
        return found

    return read


def _readinto(path: Path, zeroed: bool = False) -> Callable[[], Any]:
    size = path.stat().st_size
    there = torch.ones(size // 4 + 1) if zeroed else None

    def read() -> list[torch.Tensor]:
        found = torch.empty(size // 4 + 1) if there is None else there
        place, done = found.numpy().view(np.uint8).data, 0
        with path.open("rb", buffering=0) as file:
            while done < size:
                done += file.readinto(place[done:size]) or 0
        return [found]

    return read


def _readinto_memory_that_is_there(path: Path) -> Callable[[], Any]:
    return _readinto(path, zeroed=True)


CASES: Mapping[str, tuple[str, Callable[[Path], Callable[[], Any]]]] = {
    "load_model, .h5": ("model.h5", _ours),
    "load_model, .keras": ("model.keras", _ours),
    "load_model, .h5, mmap": ("model.h5", _mapped),
    "load_model, .keras, mmap": ("model.keras", _mapped),
    "load_model, folder": ("folder", _ours),
    "h5py, every array": ("model.h5", _h5py),
    "safetensors, load_file": ("folder", _safetensors),
    "readinto, memory there": ("model.h5", _readinto_memory_that_is_there),
    "readinto, new memory": ("model.h5", _readinto),
}


def memory(field: str) -> int:
    status = Path("/proc/self/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith(field)).split()[1]) * 1024


def measure(case: str, folder: Path) -> dict[str, float]:
    """Seconds until it is loaded and until every number was used; bytes at the peak, beyond what there was before."""
    name, make = CASES[case]
    load = make(folder / name)
    torch.zeros(8).sum()
    before = memory("VmHWM")
    start = time.perf_counter()
    loaded = load()
    seconds = time.perf_counter() - start
    peak = memory("VmHWM") - before
    for tensor in loaded:
        tensor.sum()
    return {"seconds": seconds, "used": time.perf_counter() - start, "peak": peak}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=256, help="of weights")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--measure", nargs=2, metavar=("CASE", "FOLDER"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(options.measure[0], Path(options.measure[1]))))
        return
    with tempfile.TemporaryDirectory() as folder:
        size = write(Path(folder), options.megabytes)
        found: dict[str, list[dict[str, float]]] = {case: [] for case in CASES}
        for _ in range(options.rounds):
            for case in CASES:
                command = [sys.executable, "-m", "benchmarks.loading", "--measure", case, folder]
                found[case].append(json.loads(subprocess.run(command, check=True, capture_output=True).stdout))
    print(f"{size / 2**20:.0f} MiB of weights, medians of {options.rounds} rounds")
    print(f"{'':26}{'loaded':>10}{'used':>10}{'peak / weights':>16}")
    for case, rounds in found.items():
        seconds, used, peak = (statistics.median(one[what] for one in rounds) for what in ("seconds", "used", "peak"))
        print(f"{case:26}{seconds:8.3f} s{used:8.3f} s{peak / size:16.2f}")


if __name__ == "__main__":
    main()
