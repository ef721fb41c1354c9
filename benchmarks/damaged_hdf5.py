"""Damaged HDF5 files by the thousand, through the reader: each is read or refused cleanly, in little time and memory.

``python -m benchmarks.damaged_hdf5 --variants 100000`` prints a table. Needs h5py, which writes the sound files.
"""

import argparse
import collections
import io
import random
import resource
import struct
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import h5py
import numpy as np

from torch_keras_lstm.conversion.hdf5 import Hdf5File

SLOW = 5.0  # seconds of a processor
SPARE = 64 * 2**20  # bytes beside 1.5 times the file

Fill = Callable[[h5py.File], None]
_UNUSUAL = (0, 1, 7, 255, 2**15, 2**31 - 1, 2**31, 2**32 - 1, 2**40, 2**63 - 1, 2**63, 2**64 - 2, 2**64 - 1)


def _numbers(*shape: int, dtype: str = "f4") -> Any:
    return np.random.default_rng(len(shape)).normal(size=shape).astype(dtype)


def _legacy(file: h5py.File) -> None:
    file.attrs["model_config"] = '{"class_name": "Sequential", "config": []}' * 20
    file.attrs["keras_version"] = b"2.2.4"
    weights = file.create_group("model_weights")
    weights.attrs["layer_names"] = [b"lstm", b"dense"]
    for layer in ("lstm", "dense"):
        group = weights.create_group(layer)
        group.attrs["weight_names"] = [f"{layer}/kernel:0".encode(), f"{layer}/bias:0".encode()]
        group[f"{layer}/kernel:0"] = _numbers(13, 8)
        group[f"{layer}/bias:0"] = _numbers(8)


def _by_path(file: h5py.File) -> None:
    for layer in ("lstm/cell", "dense", "dense_1"):
        for number in range(3):
            file[f"layers/{layer}/vars/{number}"] = _numbers(7, number + 1)
        file[f"layers/{layer}/vars"].attrs["name"] = layer
    file["optimizer/vars/0"] = np.int64(3)


def _many(file: h5py.File) -> None:
    for number in range(60):
        file[f"group_{number}/x"] = _numbers(2)
        file.attrs[f"note_{number}"] = "word " * number


def _with(**options: Any) -> Fill:
    def fill(file: h5py.File) -> None:
        file.create_dataset("layers/a", data=_numbers(50, 20), **options)
        file.create_dataset("layers/b", data=_numbers(3, 3))

    return fill


def _types(file: h5py.File) -> None:
    for name in ("f2", ">f4", "f8", "i1", ">i8", "u2", "?", "V2"):
        file[name.strip(">") + str(len(name))] = np.zeros((3, 2), name)
    file.attrs["texts"] = np.array(["a", "bc", "def" * 30], h5py.string_dtype())
    file.attrs["grid"] = np.zeros((2, 3))


def _deep(file: h5py.File) -> None:
    file["/".join("abcdefghij" * 3) + "/x"] = _numbers(4)


def _long(file: h5py.File) -> None:
    file.attrs["model_config"] = np.bytes_(b"x" * 100_000)
    file["x"] = _numbers(5)


KINDS: dict[str, tuple[Fill, dict[str, Any]]] = {
    "whole model": (_legacy, {}),
    "whole model, in order": (_legacy, {"track_order": True}),
    "whole model, 1.8": (_legacy, {"libver": "v108"}),
    "whole model, latest": (_legacy, {"libver": "latest"}),
    "weights by path": (_by_path, {}),
    "weights by path, latest": (_by_path, {"libver": "latest"}),
    "many objects": (_many, {}),
    "many objects, in order": (_many, {"track_order": True}),
    "many objects, latest": (_many, {"libver": "latest"}),
    "long attribute, latest": (_long, {"libver": "latest"}),
    "chunks": (_with(chunks=(7, 5)), {}),
    "compressed": (_with(compression="gzip", shuffle=True), {}),
    "with checksums": (_with(chunks=(16, 16), fletcher32=True), {}),
    "growing": (_with(chunks=(8, 8), maxshape=(None, None)), {}),
    "one chunk, latest": (_with(chunks=(50, 20), compression="gzip"), {"libver": "latest"}),
    "chunks, latest": (_with(chunks=(7, 5)), {"libver": "latest"}),
    "compressed, latest": (_with(compression="lzf", chunks=(8, 4), fletcher32=True), {"libver": "latest"}),
    "growing, latest": (_with(chunks=(2, 3), maxshape=(None, 40)), {"libver": "latest"}),
    "growing both ways, latest": (_with(chunks=(3, 4), maxshape=(None, None), shuffle=True), {"libver": "latest"}),
    "types": (_types, {}),
    "deep": (_deep, {}),
}


def sound(kind: str) -> bytes:
    """A sound file of a kind."""
    fill, options = KINDS[kind]
    buffer = io.BytesIO()
    with h5py.File(buffer, "w", **options) as file:
        fill(file)
    return buffer.getvalue()


def damaged(good: bytes, draw: random.Random) -> bytes:
    """The file with one to eight injuries: bits, bytes, numbers, copied stretches, lost ends."""
    bad = bytearray(good)
    for _ in range(draw.choice((1, 1, 1, 2, 4, 8))):
        at = draw.randrange(len(bad))
        injury = draw.randrange(6)
        if injury == 0:
            bad[at] ^= 1 << draw.randrange(8)
        elif injury == 1:
            bad[at] = draw.randrange(256)
        elif injury == 2:
            at = at // 8 * 8
            bad[at : at + 8] = struct.pack("<Q", draw.choice(_UNUSUAL))
        elif injury == 3:
            at = at // 8 * 8
            bad[at : at + 8] = struct.pack("<Q", draw.randrange(len(bad)) // 8 * 8)  # another place of the file
        elif injury == 4:
            start, length = draw.randrange(len(bad)), draw.randrange(1, 64)
            bad[at : at + length] = bad[start : start + length]
        elif draw.randrange(20) == 0:
            del bad[max(at, 1) :]
    return bytes(bad)


def read(data: bytes) -> str:
    """Read all that is in a file; how it ended."""
    try:
        with Hdf5File(data) as file:
            for group in ("/", "/model_weights", "/model_weights/lstm"):
                if file.has(group):
                    for attribute in ("model_config", "keras_version", "name"):
                        file.text(attribute, group)
                    file.names("layer_names", group), file.names("weight_names", group), file.number("count", group)
            for array in file.arrays().values():
                array.read(array.shape)
    except (OSError, ValueError):
        return "refused"
    return "read"


def _run(variants: int, seed: int) -> Iterator[tuple[str, collections.Counter[str], float, float]]:
    for kind in KINDS:
        good, draw = sound(kind), random.Random(f"{seed} {kind}")
        assert read(good) == "read"
        counts: collections.Counter[str] = collections.Counter()
        slowest = 0.0
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for _ in range(variants // len(KINDS)):
            bad = damaged(good, draw)
            start = time.process_time()  # whatever else the machine does
            try:
                counts[read(bad)] += 1
            except Exception as error:  # what must not be
                counts[f"{type(error).__name__}: {error}"[:80]] += 1
            slowest = max(slowest, time.process_time() - start)
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
        yield kind, counts, slowest, grown


def main() -> None:
    """Print a row for each kind of file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--variants", type=int, default=16_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    print(f"{'kind':26} {'read':>6} {'refused':>8} {'slowest':>9} {'memory':>9}  what else")
    fine = True
    for kind, counts, slowest, grown in _run(options.variants, options.seed):
        others = {name: count for name, count in counts.items() if name not in ("read", "refused")}
        fine = fine and not others and slowest < SLOW and grown * 2**20 < SPARE
        print(f"{kind:26} {counts['read']:6} {counts['refused']:8} {slowest:7.3f} s {grown:5.1f} MiB  {others or ''}")
    sys.exit(0 if fine else 1)


if __name__ == "__main__":
    main()
