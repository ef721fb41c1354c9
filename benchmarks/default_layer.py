"""What does the default layer cost over raw ``torch.nn.LSTM``?

    python benchmarks/default_layer.py

Both run the same weights in one process, in turn, so that a machine that drifts drifts for both; the ratio is that of
the medians. Results are compared before anything is timed.
"""

import argparse
import os
import platform
import statistics
import time
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from torch_keras_lstm.layers import LSTM


class Shape(NamedTuple):
    """Sizes of one workload, and how many rounds give a steady median in a few seconds."""

    batch: int
    time: int
    features: int
    units: int
    rounds: int


SHAPES = {"small": Shape(16, 10, 5, 50, rounds=1500), "medium": Shape(64, 100, 128, 256, rounds=40)}


def seconds(run: Callable[[], object]) -> float:
    """How long one call takes."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def training_step(module: torch.nn.Module, output: Callable[[], Tensor]) -> Callable[[], None]:
    """A function that runs one step of plain gradient descent."""
    optimizer = torch.optim.SGD(module.parameters(), lr=1e-6)

    def step() -> None:
        optimizer.zero_grad()
        output().sum().backward()
        optimizer.step()

    return step


def without_gradient(output: Callable[[], Tensor]) -> Callable[[], Tensor]:
    """A function that runs the forward pass alone."""

    @torch.inference_mode()
    def run() -> Tensor:
        return output()

    return run


def measure(shape: Shape) -> dict[str, tuple[float, float]]:
    """Median seconds of torch's module and of ours, by mode."""
    inputs = torch.randn(shape.batch, shape.time, shape.features)
    plain = torch.nn.LSTM(shape.features, shape.units, batch_first=True)
    ours = LSTM.from_torch(plain)

    def plain_output() -> Tensor:
        output: Tensor = plain(inputs)[0]
        return output

    def our_output() -> Tensor:
        output: Tensor = ours(inputs)
        return output

    torch.testing.assert_close(our_output(), plain_output())
    assert ours.path_for(inputs).name == "fused"
    modes = {
        "forward": (without_gradient(plain_output), without_gradient(our_output)),
        "training step": (training_step(plain, plain_output), training_step(ours, our_output)),
    }
    medians = {}
    for mode, runs in modes.items():
        times = [[seconds(run) for run in runs] for _ in range(shape.rounds)]
        plain_times, our_times = zip(*times[shape.rounds // 10 :], strict=True)  # the first ones warm caches up
        medians[mode] = (statistics.median(plain_times), statistics.median(our_times))
    return medians


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="threads that torch may use")
    torch.set_num_threads(parser.parse_args().threads)
    print(f"torch {torch.__version__}, Python {platform.python_version()}, {torch.get_num_threads()} threads, CPU")
    print(f"{'batch, time, features, units':30} {'mode':14} {'nn.LSTM':>10} {'LSTM':>10} {'ratio':>6}")
    for shape in SHAPES.values():
        for mode, (plain, ours) in measure(shape).items():
            sizes = f"{shape.batch}, {shape.time}, {shape.features}, {shape.units}"
            print(f"{sizes:30} {mode:14} {plain * 1e3:7.3f} ms {ours * 1e3:7.3f} ms {ours / plain:6.3f}")


if __name__ == "__main__":
    main()
