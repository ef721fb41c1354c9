"""Which way through time is the fastest on this GPU, and how far is it from cuDNN?

    python benchmarks/gpu_loop.py
    python benchmarks/gpu_loop.py --units 128 256 --batch 32 --time 100 --json times.json

For each shape and precision the recurrence alone is timed, forth, and forth and back: one Triton kernel for the
sequence, a kernel and a product a step, the same as a CUDA graph, a loop of torch's operations, that loop as a CUDA
graph, and ``torch.nn.LSTM``, that is cuDNN, whose time includes the inputs' product and all gradients. Every way's
results are compared with the step-by-step loop in float64 before it is timed. The last column says what the table in
``torch_keras_lstm/recurrence/backends/gpu.py`` would take: where another way wins, the table is wrong.
"""

import argparse
import itertools
import json
import statistics
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from torch_keras_lstm import activations
from torch_keras_lstm.recurrence import LSTMState
from torch_keras_lstm.recurrence.backends.base import Cell, Trace, Upstream
from torch_keras_lstm.recurrence.backends.gpu import CUDA_GRAPH, TRITON_GRAPH, TRITON_SEQUENCE, TRITON_STEP, way_for
from torch_keras_lstm.recurrence.backends.projection import ProjectedSteps
from torch_keras_lstm.recurrence.backends.torch_ops import TORCH_OPS

# name: type, torch's setting for float32 products, and how far results may lie from float64's
PRECISIONS = {
    "ieee": (torch.float32, "ieee", 1e-5),
    "tf32": (torch.float32, "tf32", 1e-2),
    "bf16": (torch.bfloat16, "ieee", 1e-1),
}

# by their names in the table
WAYS: dict[str, ProjectedSteps] = {
    "sequence": TRITON_SEQUENCE,
    "step": TRITON_STEP,
    "graphed step": TRITON_GRAPH,
    "loop": TORCH_OPS,
    "graphed loop": CUDA_GRAPH,
}


class Workload(NamedTuple):
    """A sequence on its way through the steps."""

    projected: Tensor
    state: LSTMState
    weight_hh: Tensor
    gradient: Tensor


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--units", type=int, nargs="+", default=[64, 128, 256, 512, 1024])
    parser.add_argument("--batch", type=int, nargs="+", default=[16, 32, 64, 256])
    parser.add_argument("--time", type=int, default=100, help="steps")
    parser.add_argument("--precision", nargs="+", choices=PRECISIONS, default=list(PRECISIONS))
    parser.add_argument("--rounds", type=int, default=20, help="how often each is timed, in turn; medians are shown")
    parser.add_argument("--json", type=Path, help="write the times, in microseconds a step, to this file")
    arguments = parser.parse_args()
    if not torch.cuda.is_available():
        sys.exit("gpu_loop: there is no GPU here that torch can use, so there is nothing to measure.")
    print(f"torch {torch.__version__}, {torch.cuda.get_device_name()}, {arguments.time} steps; microseconds a step")
    rows = []
    for precision, units, batch in itertools.product(arguments.precision, arguments.units, arguments.batch):
        row = measure(precision, batch, units, arguments.time, arguments.rounds)
        rows.append(row)
        print(line(row), flush=True)
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(rows, indent=1))


def measure(precision: str, batch: int, units: int, time: int, rounds: int) -> dict[str, Any]:
    """The times of every way through one shape."""
    dtype, setting, tolerance = PRECISIONS[precision]
    torch.backends.cuda.matmul.fp32_precision = setting
    torch.backends.cudnn.rnn.fp32_precision = setting  # type: ignore[attr-defined]
    workload = draw(batch, units, time, dtype)
    truth = run_once(TORCH_OPS, to_float64(workload), back=True)
    row: dict[str, Any] = {"precision": precision, "batch": batch, "units": units, "time": time}
    runs: dict[tuple[str, bool], Callable[[], object]] = {}
    for name, steps in WAYS.items():
        if name == "sequence" and units > 256:  # the registers of one multiprocessor hold no more
            continue
        row[name] = {"error": max(errors(run_once(steps, workload, back=True), truth))}
        if row[name]["error"] > tolerance:
            sys.exit(f"gpu_loop: {name} is off by {row[name]['error']:.2g} at {row}")
        for back in (False, True):
            runs[name, back] = lambda steps=steps, back=back: run_once(steps, workload, back)  # type: ignore[misc]
    for back in (False, True):
        runs["cuDNN", back] = cudnn(batch, units, time, dtype, back)
    row["cuDNN"] = {}
    for (name, back), microseconds in medians(runs, rounds).items():
        row[name]["back" if back else "forth"] = microseconds / time
    row["table"] = way_for(time, batch, units, dtype, precision == "tf32", kernels=True, graphs=True, loop=True)
    return row


def draw(batch: int, units: int, time: int, dtype: torch.dtype) -> Workload:
    """Random numbers of the sizes that a trained layer has."""
    torch.manual_seed(0)
    numbers = [
        torch.randn(time, batch, 4 * units, device="cuda"),
        torch.randn(batch, units, device="cuda") / 2,
        torch.randn(batch, units, device="cuda"),
        torch.randn(4 * units, units, device="cuda") / units**0.5 / 2,
        torch.randn(time, batch, units, device="cuda"),
    ]
    projected, hidden, cell, weight_hh, gradient = (tensor.to(dtype) for tensor in numbers)
    return Workload(projected, LSTMState(hidden, cell), weight_hh, gradient)


def to_float64(workload: Workload) -> Workload:
    projected, state, weight_hh, gradient = workload
    return Workload(projected.double(), LSTMState(*(s.double() for s in state)), weight_hh.double(), gradient.double())


@torch.no_grad()
def run_once(steps: ProjectedSteps, workload: Workload, back: bool) -> tuple[Tensor, ...]:
    """Hidden states, and with ``back`` the gradients of pre-activations and of the first state."""
    projected, state, weight_hh, gradient = workload
    trace = Trace(projected.clone(), torch.empty_like(gradient), torch.empty_like(gradient))
    cell = Cell(weight_hh, None, activations.tanh, activations.sigmoid)
    steps.forward_steps(cell, state, None, trace)
    if not back:
        return (trace.hidden,)
    return (trace.hidden, *steps.backward(cell, trace, state, None, Upstream(gradient, None, None)))


def errors(results: Iterable[Tensor], truth: Iterable[Tensor]) -> Iterable[float]:
    """The largest difference of each, relative to its largest value."""
    for got, exact in zip(results, truth, strict=True):
        yield float((got.double() - exact).abs().max() / exact.abs().max())


def cudnn(batch: int, units: int, time: int, dtype: torch.dtype, back: bool) -> Callable[[], object]:
    """``torch.nn.LSTM`` on as many features as it has units."""
    module = torch.nn.LSTM(units, units, device="cuda", dtype=dtype)
    inputs = torch.randn(time, batch, units, device="cuda", dtype=dtype, requires_grad=back)
    gradient = torch.randn_like(inputs)

    def run() -> object:
        with torch.set_grad_enabled(back):
            output = module(inputs)[0]
            return torch.autograd.grad(output, (inputs, *module.parameters()), gradient) if back else output

    return run


def medians(runs: dict[tuple[str, bool], Callable[[], object]], rounds: int) -> dict[tuple[str, bool], float]:
    """Microseconds of each on the device's clock, in turn, so that a device that drifts drifts for all."""
    for run in runs.values():
        for _ in range(3):  # compiles kernels and records graphs
            run()
    times: dict[tuple[str, bool], list[float]] = {key: [] for key in runs}
    for _ in range(rounds):
        for key, run in runs.items():
            start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
            torch.cuda.synchronize()
            start.record()
            run()
            end.record()
            torch.cuda.synchronize()
            times[key].append(start.elapsed_time(end) * 1e3)
    return {key: statistics.median(values) for key, values in times.items()}


def line(row: dict[str, Any]) -> str:
    """One row of the table, the fastest way marked."""
    names = [name for name, entry in row.items() if isinstance(entry, dict)]
    fastest = {
        direction: min((name for name in names if name != "cuDNN"), key=lambda name: row[name][direction])
        for direction in ("forth", "back")
    }
    cells = [
        f"{name} {'/'.join(f'{row[name][way]:.2f}' + '*' * (fastest[way] == name) for way in ('forth', 'back'))}"
        for name in names
    ]
    return f"{row['precision']} batch {row['batch']} units {row['units']}: {', '.join(cells)}; table: {row['table']}"


if __name__ == "__main__":
    main()
