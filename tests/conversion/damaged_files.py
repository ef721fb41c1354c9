"""Loads damaged variants of good model files, in a process whose memory and time are bounded.

    python damaged_files.py FOLDER COUNT < CASES

takes a JSON list of cases: a name, the model to load, the file of it to damage, each time anew, and the model's weights
or null, all by their names in the folder. It prints as JSON for each case how often each thing came out. What must not
happen ends the process with an error that names the variant's number; the seed is that number, so that one variant can
be made again.
"""

import json
import resource
import signal
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import torch

from torch_keras_lstm.conversion import load_model

MEMORY = 512 * 2**20  # beyond what the interpreter and torch have mapped when the first variant is loaded
SECONDS = 20  # for one variant, on a machine that does other things too


def damage(data: bytes, random: np.random.Generator) -> tuple[str, bytes]:
    """What is done to the file, and the file after it."""
    kind = str(random.choice(["bit", "bytes", "zeros", "cut", "hole"], p=[0.3, 0.3, 0.1, 0.2, 0.1]))
    start = int(random.integers(len(data)))
    if kind == "cut":
        return kind, data[:start]
    if kind == "hole":
        return kind, data[:start] + data[start + int(random.integers(1, 64)) :]
    damaged = bytearray(data)
    if kind == "bit":
        damaged[start] ^= 1 << int(random.integers(8))
    elif kind == "zeros":
        length = len(damaged[start : start + 32])
        damaged[start : start + length] = bytes(length)
    else:
        for place in random.integers(len(data), size=random.integers(1, 9)):
            damaged[place] = int(random.integers(256))
    return kind, bytes(damaged)


def outcome(path: Path, weights: Path | None, x: torch.Tensor, expected: torch.Tensor) -> str:
    """What loading the file and running the model comes to."""
    try:
        model = load_model(path, weights)
        with torch.no_grad():
            output = model(x)
    except (OSError, ValueError) as error:
        message = str(error)
        if not message.endswith((".", "?")) or len(message) > 5000:
            raise AssertionError(f"{message!r} is no sentence") from error
        return "refused"
    return "right" if torch.equal(output, expected) else "other numbers"


def outcomes(model: Path, weights: Path | None, damaged: Path, count: int, x: torch.Tensor) -> Counter[str]:
    """What ``count`` variants of one file come to; the good file is put back."""
    with torch.no_grad():
        expected = load_model(model, weights)(x)
    good = damaged.read_bytes()
    found: Counter[str] = Counter()
    for number in range(count):
        kind, data = damage(good, np.random.default_rng(number))
        damaged.write_bytes(data)
        signal.alarm(SECONDS)  # ends the process when the variant hangs, inside C code too
        try:
            found[f"{kind}: {outcome(model, weights, x, expected)}"] += 1
        except BaseException:
            print(f"variant {number} of {damaged.name} ({kind}):", file=sys.stderr)
            raise
        signal.alarm(0)
    damaged.write_bytes(good)
    return found


def main() -> None:
    folder, count, cases = Path(sys.argv[1]), int(sys.argv[2]), json.load(sys.stdin)
    x = torch.from_numpy(np.random.default_rng(0).integers(1, 9, (2, 6)))
    for _, model, _, weights in cases:  # imports what loading needs
        load_model(folder / model, folder / weights if weights else None)(x)
    mapped = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (mapped + MEMORY, mapped + MEMORY))
    found = {
        name: outcomes(folder / model, folder / weights if weights else None, folder / damaged, count, x)
        for name, model, damaged, weights in cases
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
