"""Stateful models in several processes and under averaging: nobody else's states, nobody's weights for states."""

import copy
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel

from tests.tolerances import assert_close
from torch_keras_lstm.layers import LSTM, Dense

ROOT = Path(__file__).parents[2]
SCRIPT = Path(__file__).with_name("stateful_in_two_processes.py")


def run(folder: Path, processes: int) -> list[dict[str, Any]]:
    """What each process wrote."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(SCRIPT), str(processes), str(folder)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return [json.loads((folder / f"{processes}-{rank}.json").read_text()) for rank in range(processes)]


@pytest.mark.slow
def test_two_processes_are_one_with_all_rows(tmp_path: Path) -> None:
    (whole,) = run(tmp_path, 1)
    parts = run(tmp_path, 2)
    outputs = np.concatenate([part["by hand"]["outputs"] for part in parts])
    assert_close(outputs, whole["by hand"]["outputs"], "float64")
    for part in parts:
        for way in ("by hand", "by fit"):
            for mine, weight in zip(part[way]["weights"], whole[way]["weights"], strict=True):
                assert_close(mine, weight, "float64", way)
        assert_close(part["by fit"]["loss"], whole["by fit"]["loss"], "float64")


@pytest.mark.parametrize("use_buffers", [False, True])
def test_averaging_takes_no_state_for_a_buffer(use_buffers: bool) -> None:
    """The copy has states of its own, of another batch size, or none, as it is before its first call."""
    model = nn.Sequential(LSTM(4, stateful=True, input_size=3, return_sequences=True), LSTM(2, stateful=True), Dense(1))
    inputs = torch.randn(5, 2, 3)
    model(inputs[:1])
    averaged = AveragedModel(copy.deepcopy(model), use_buffers=use_buffers)
    for layer in (*model.modules(), *averaged.modules()):
        getattr(layer, "reset_state", lambda: None)()
    for _ in range(3):
        model(inputs)
        averaged.update_parameters(model)
        averaged(inputs[:2])
    for mine, theirs in zip(averaged.module.state_dict().values(), model.state_dict().values(), strict=True):
        assert_close(mine, theirs, "float32 elementwise")
    first: Any = next(layer for layer in averaged.modules() if isinstance(layer, LSTM))
    assert first.states.hidden.shape == (2, 4)
    assert not [name for name, _ in model.named_buffers() if "state" in name]
