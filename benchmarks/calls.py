"""What small calls cost in this checkout and in another one, in turn: has a change made them slower?

``git worktree add ../before COMMIT``, with the package's extension built or copied there, then
``python -m benchmarks.calls ../before --rounds 7`` prints for each call the medians and the median of the rounds'
ratios, this checkout to the other. Each side is a process of its own in each round, with one thread.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch

HERE = Path(__file__).parents[1]


def quartile(call: Callable[[], object], times: int) -> float:
    """Seconds that the call takes, but for the three quarters of calls that something else held up."""
    for _ in range(20):
        call()
    seconds = []
    for _ in range(times):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return sorted(seconds)[times // 4]


def measure() -> dict[str, float]:
    """Seconds of each call, of whichever checkout is imported."""
    from torch_keras_lstm import Input, Sequential
    from torch_keras_lstm.layers import LSTM, Dense

    torch.set_num_threads(1)
    torch.manual_seed(0)
    stream, step = LSTM(128, input_size=128, stateful=True).eval(), torch.randn(1, 1, 128)
    tiny, inputs = LSTM(50, input_size=5).eval(), torch.randn(16, 10, 5)
    mask = torch.rand(16, 10) > 0.2
    model = Sequential([Input((10, 5)), LSTM(50, return_sequences=True), LSTM(30), Dense(1)]).eval()
    found = {}
    with torch.no_grad():
        found["one streaming step"] = quartile(lambda: stream(step), 1500)
        found["tiny, forward"] = quartile(lambda: tiny(inputs), 600)
        found["tiny, masked, forward"] = quartile(lambda: tiny(inputs, mask=mask), 600)
        found["Sequential, forward"] = quartile(lambda: model(inputs), 400)
    found["tiny, training"] = quartile(lambda: tiny(inputs).sum().backward(), 300)
    model.train()
    found["Sequential, training"] = quartile(lambda: model(inputs).sum().backward(), 200)
    medium, sequences = LSTM(256, input_size=128), torch.randn(64, 100, 128)
    found["medium, training"] = quartile(lambda: medium(sequences).sum().backward(), 8)
    return found


def run(checkout: Path) -> dict[str, float]:
    """What :func:`measure` finds in a process that imports ``checkout``."""
    command = [sys.executable, __file__, "--measure"]
    environment = {**os.environ, "PYTHONPATH": str(checkout)}
    done = subprocess.run(command, env=environment, cwd=checkout, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("other", type=Path, nargs="?", default=HERE, help="the checkout to compare with")
    parser.add_argument("--measure", action="store_true", help="print what the calls take here as JSON, and no more")
    parser.add_argument("--rounds", type=int, default=7)
    given = parser.parse_args()
    if given.measure:
        print(json.dumps(measure()))
        return
    sides: list[list[dict[str, float]]] = [[], []]
    checkouts = [HERE, given.other.resolve()]
    for number in range(given.rounds):
        for side in (0, 1) if number % 2 else (1, 0):
            sides[side].append(run(checkouts[side]))
    print(f"{'call':24}{'here':>12}{'other':>12}{'ratio':>8}")
    for name in sides[0][0]:
        here, other = ([found[name] for found in side] for side in sides)
        ratio = statistics.median(mine / theirs for mine, theirs in zip(here, other, strict=True))
        print(f"{name:24}{statistics.median(here) * 1e6:9.1f} us{statistics.median(other) * 1e6:9.1f} us{ratio:8.3f}")


if __name__ == "__main__":
    main()
