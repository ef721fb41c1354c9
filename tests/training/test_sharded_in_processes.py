"""FSDP2 with one process and two: the same weights as without, exact checkpoints, mixed precision."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tolerances import TOLERANCES

ROOT = Path(__file__).parents[2]
SCRIPT = Path(__file__).with_name("sharded_in_processes.py")


@pytest.mark.slow
@pytest.mark.parametrize("processes", [1, 2])
def test_training_and_checkpoints_are_as_without_shards(tmp_path: Path, processes: int) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(SCRIPT), str(processes), str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads((tmp_path / f"{processes}.json").read_text())
    assert found.keys() == {"torch's LSTM", "LSTM", "GRU", "model"}
    for name, one in found.items():
        assert one["distance"] <= TOLERANCES["float64"], name
        assert one["same"] == [True] * 3, name
        assert one["gradients"], name
        assert one["mixed"] == "torch.bfloat16", name
