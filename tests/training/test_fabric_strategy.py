"""Lightning Fabric: two processes are one process with the whole batch, and bfloat16 is near float32."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric

from tests.tolerances import assert_close
from torch_keras_lstm.layers import LSTM, Dense
from torch_keras_lstm.models import Sequential

ROOT = Path(__file__).parents[2]
SCRIPT = Path(__file__).with_name("train_in_two_processes.py")


def run(folder: Path, processes: int, *launcher: str) -> list[dict[str, Any]]:
    """What each process wrote."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, *launcher, str(SCRIPT), str(processes), str(folder)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.count("Epoch 1/4") == 1, "one process prints"
    return [json.loads((folder / f"{rank}.json").read_text()) for rank in range(processes)]


@pytest.mark.slow
def test_two_processes_are_one_with_the_whole_batch(tmp_path: Path) -> None:
    (expected,) = run(tmp_path, 1)
    by_fabric = run(tmp_path, 2)
    by_torchrun = run(tmp_path, 2, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2")
    for got in (*by_fabric, *by_torchrun):
        for run_of_fit in ("history", "without weights"):
            assert list(got[run_of_fit]) == list(expected[run_of_fit])
            for name, values in expected[run_of_fit].items():
                assert_close(got[run_of_fit][name], values, "float64", name)
        assert_close([*got["step"].values()], [*expected["step"].values()], "float64")
        for mine, weight in zip(got["weights"], expected["weights"], strict=True):
            assert_close(mine, weight, "float64")


def make_model(fabric: Any = None) -> Sequential:
    torch.manual_seed(0)
    model = Sequential([LSTM(8, input_shape=(5, 3)), Dense(1, activation="sigmoid")])
    model.compile("sgd", "binary_crossentropy", metrics=["accuracy"], fabric=fabric)
    return model


def test_bfloat16() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(32, 5, 3)), rng.integers(0, 2, (32, 1))
    expected = make_model().fit(x, y, verbose=0, epochs=2, shuffle=False).history
    model = make_model(Fabric(accelerator="cpu", precision="bf16-mixed"))
    got = model.fit(x, y, verbose=0, epochs=2, shuffle=False).history
    assert got["loss"] != expected["loss"], "it must run in another precision, or the test proves nothing"
    assert_close(got["loss"], expected["loss"], "bfloat16 recurrence")
    assert all(weight.dtype == torch.float32 for weight in model.parameters())


def test_shuffling_goes_on_from_the_seed_of_torch() -> None:
    x, y = np.random.default_rng(0).normal(size=(9, 5, 3)), np.ones((9, 1))
    fabric = Fabric(accelerator="cpu")
    curves = []
    for seed in (1, 1, 2):
        model = make_model(fabric)
        torch.manual_seed(seed)
        curves.append(model.fit(x, y, batch_size=2, verbose=0).history["loss"])
    assert curves[0] == curves[1] != curves[2]


def test_a_model_that_is_not_built() -> None:
    with pytest.raises(ValueError, match="has to be built before `compile"):
        Sequential([LSTM(2)]).compile("sgd", "mse", fabric=Fabric(accelerator="cpu"))
