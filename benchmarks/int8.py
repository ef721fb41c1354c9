"""Eight bits beside float32: bytes, error and time of ``model.export(format="onnx-int8")``, in turn, medians.

``python -m benchmarks.int8`` prints a row for each kind of layer, and models of them, in one thread. Times are of the
processor, which other programs hardly change. Weights are random, errors are of the largest output.
"""

import argparse
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch

from torch_keras_lstm.layers import GRU, LSTM, Dense, Embedding, Input, Layer
from torch_keras_lstm.models import Sequential

WORDS, STEPS = 1000, 50

# the layers behind the input, which is words or (steps, units) numbers
KINDS: Mapping[str, tuple[bool, Callable[[int], list[Layer]]]] = {
    "Embedding": (True, lambda units: [Embedding(WORDS, units)]),
    "Dense": (False, lambda units: [Dense(units)]),
    "LSTM": (False, lambda units: [LSTM(units)]),
    "GRU": (False, lambda units: [GRU(units)]),
    "Embedding, 2 LSTM, Dense": (
        True,
        lambda units: [Embedding(WORDS, units), LSTM(units, return_sequences=True), LSTM(units), Dense(WORDS)],
    ),
    "Embedding, 2 GRU, Dense": (
        True,
        lambda units: [Embedding(WORDS, units), GRU(units, return_sequences=True), GRU(units), Dense(WORDS)],
    ),
}


def _session(path: Path) -> Callable[[Any], Any]:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options)
    name = session.get_inputs()[0].name
    return lambda x: session.run(None, {name: x})[0]


def measure(kind: str, units: int, batch: int, rounds: int, folder: Path) -> list[str]:
    """A row: bytes of float32, error, milliseconds here, in onnxruntime, and there in eight bits."""
    is_text, make = KINDS[kind]
    torch.manual_seed(3)
    first = Input((None,), dtype="int64") if is_text else Input((None, units))
    model: Any = Sequential([first, *make(units)]).eval()
    for name, kind_of_file in (("float", "onnx"), ("eight", "onnx-int8")):
        model.export(folder / f"{name}.onnx", format=kind_of_file)

    def here(x: Any) -> Any:
        with torch.inference_mode():
            return model(torch.from_numpy(x)).numpy()

    random = np.random.default_rng(1)
    x = random.integers(0, WORDS, (batch, STEPS)) if is_text else random.standard_normal((batch, STEPS, units), "f4")
    ways = [here, _session(folder / "float.onnx"), _session(folder / "eight.onnx")]
    outputs = [run(x) for run in ways]
    times: list[list[float]] = [[] for _ in ways]
    for _ in range(rounds):
        for run, taken in zip(ways, times, strict=True):
            start = time.process_time()
            run(x)
            taken.append(time.process_time() - start)
    size = sum(4 * weight.numel() for weight in model.parameters())
    error = np.abs(outputs[2] - outputs[0]).max() / np.abs(outputs[0]).max()
    share = (folder / "eight.onnx").stat().st_size / size
    return [f"{share:.2f}", f"{error:.1e}", *(f"{1e3 * statistics.median(taken):.2f}" for taken in times)]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--units", type=int, nargs="+", default=[128, 512])
    parser.add_argument("--batch", type=int, nargs="+", default=[1, 16])
    parser.add_argument("--rounds", type=int, default=31)
    options = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")  # of the exporter
    print("|  | units | batch | bytes | error | here, ms | onnxruntime, ms | in eight bits, ms |")
    print("| --- | --: | --: | --: | --: | --: | --: | --: |")
    for kind in KINDS:
        for units in options.units:
            for batch in options.batch:
                with tempfile.TemporaryDirectory() as folder:
                    row = measure(kind, units, batch, options.rounds, Path(folder))
                print(f"| {kind} | {units} | {batch} | {' | '.join(row)} |", flush=True)


if __name__ == "__main__":
    main()
