"""What does the conversion of a large model cost beyond reading its file?

    python benchmarks/conversion.py

Writes a model of some 60 MB, as Keras 2 does, reads the file's bytes alone, loads the model, and compares: seconds, and
the peak of the process' memory relative to the weights. Each measurement is made in a process of its own.
"""

import argparse
import json
import platform
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import h5py
import numpy as np
import torch

from torch_keras_lstm.conversion import load_model

WORDS, FEATURES, UNITS, CLASSES = 12_000, 300, 1024, 400
SECONDS_ALLOWED, MEMORY_ALLOWED = 2.0, 2.5


def write_model(path: Path) -> int:
    """An Embedding, a Bidirectional LSTM and a Dense layer with random weights; their bytes."""
    random = np.random.default_rng(0)
    lstm = {"kernel": (FEATURES, 4 * UNITS), "recurrent_kernel": (UNITS, 4 * UNITS), "bias": (4 * UNITS,)}
    shapes: dict[str, dict[str, tuple[int, ...]]] = {
        "words": {"embeddings:0": (WORDS, FEATURES)},
        "both": {f"{half}_lstm/{name}:0": shape for half in ("forward", "backward") for name, shape in lstm.items()},
        "classes": {"kernel:0": (2 * UNITS, CLASSES), "bias:0": (CLASSES,)},
    }
    inner = {"class_name": "LSTM", "config": {"name": "lstm", "units": UNITS, "recurrent_activation": "sigmoid"}}
    configs: dict[str, dict[str, object]] = {
        "words": {"input_dim": WORDS, "output_dim": FEATURES, "mask_zero": True, "batch_input_shape": [None, None]},
        "both": {"layer": inner, "merge_mode": "concat"},
        "classes": {"units": CLASSES, "activation": "softmax"},
    }
    classes = {"words": "Embedding", "both": "Bidirectional", "classes": "Dense"}
    layers = [{"class_name": classes[name], "config": {"name": name, **config}} for name, config in configs.items()]
    weights = 0
    with h5py.File(path, "w") as file:
        file.attrs["keras_version"] = b"2.2.4"
        file.attrs["model_config"] = json.dumps({"class_name": "Sequential", "config": {"name": "m", "layers": layers}})
        group = file.create_group("model_weights")
        group.attrs["layer_names"] = np.array([name.encode() for name in shapes])
        for layer, arrays in shapes.items():
            group.create_group(layer).attrs["weight_names"] = np.array([f"{layer}/{name}".encode() for name in arrays])
            for name, shape in arrays.items():
                array = random.normal(0.0, 0.05, shape).astype(np.float32)
                group[f"{layer}/{layer}/{name}"] = array
                weights += array.nbytes
    return weights


def peak_bytes() -> int:
    """The most memory that this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def measure(task: str, path: Path) -> dict[str, float]:
    """Seconds that a task takes, and how far it raises the peak of the memory."""
    before = peak_bytes()
    start = time.perf_counter()
    if task == "read":
        path.read_bytes()
    else:
        model = load_model(path)
    seconds = time.perf_counter() - start
    if task == "load":
        with torch.no_grad():
            answer = model(torch.tensor([[1, 2, 3, 0]]))
        assert answer.shape == (1, CLASSES)
        torch.testing.assert_close(answer.sum(), torch.tensor(1.0))
    return {"seconds": seconds, "bytes": peak_bytes() - before}


def in_a_process(task: str, path: Path) -> dict[str, float]:
    """As :func:`measure`, in a process whose memory holds nothing else; the best of three."""
    command = [sys.executable, __file__, "--task", task, "--model", str(path)]
    runs = [json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout) for _ in range(3)]
    return {key: min(run[key] for run in runs) for key in runs[0]}


def main() -> None:
    """Print the figures, and fail when they are worse than promised."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--task", choices=["read", "load"], help=argparse.SUPPRESS)
    parser.add_argument("--model", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.task:
        print(json.dumps(measure(given.task, given.model)))
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.h5"
        weights = write_model(path)
        read, load = in_a_process("read", path), in_a_process("load", path)
    extra, ratio = load["seconds"] - read["seconds"], load["bytes"] / weights
    print(f"torch {torch.__version__}, h5py {h5py.__version__}, Python {platform.python_version()}, CPU")
    print(f"weights                     {weights / 1e6:8.1f} MB")
    print(f"reading the file            {read['seconds']:8.3f} s")
    print(f"beyond it, converting       {extra:8.3f} s    (allowed {SECONDS_ALLOWED})")
    print(f"peak memory / weights       {ratio:8.2f}      (allowed {MEMORY_ALLOWED})")
    if extra > SECONDS_ALLOWED or ratio > MEMORY_ALLOWED:
        raise SystemExit("error: the conversion costs more than is allowed.")


if __name__ == "__main__":
    main()
