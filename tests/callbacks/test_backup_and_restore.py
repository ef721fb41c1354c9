"""A run that was killed goes on as if it had not been."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from torch_keras_lstm.callbacks import BackupAndRestore
from torch_keras_lstm.layers import Dense
from torch_keras_lstm.models import Sequential

ROOT = Path(__file__).parents[2]
SCRIPT = Path(__file__).with_name("killed_run.py")
X, Y = np.ones((6, 3)), np.zeros((6, 1))


def run(kind: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(SCRIPT), kind, str(folder)]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False)


def test_a_killed_run_goes_on_with_the_same_curve(tmp_path: Path) -> None:
    whole = json.loads(run("whole", tmp_path / "one").stdout)
    assert run("killed", tmp_path / "two").returncode == -signal.SIGKILL
    assert (tmp_path / "two").exists()
    rest = json.loads(run("resumed", tmp_path / "two").stdout)
    assert rest["epochs"] == [3, 4, 5]
    assert rest["loss"] == whole["loss"][3:]
    assert rest["weights"] == whole["weights"]
    assert not (tmp_path / "two").exists()


def make_model(units: int = 1) -> Sequential:
    model = Sequential([Dense(units, input_shape=(3,))])
    model.compile("adam", "mse")
    return model


def fit(model: Sequential, callback: BackupAndRestore, **arguments: Any) -> list[int]:
    return model.fit(X, Y, verbose=0, batch_size=2, callbacks=[callback], **arguments).epoch


def test_a_damaged_backup_falls_back_on_the_one_before(tmp_path: Path) -> None:
    keep = {"delete_checkpoint": False, "double_checkpoint": True}
    fit(make_model(), BackupAndRestore(tmp_path, **keep), epochs=3)
    (tmp_path / "training_state.pt").write_bytes(b"PK damaged")
    assert fit(make_model(), BackupAndRestore(tmp_path, **keep), epochs=5) == [2, 3, 4]
    (tmp_path / "training_state.pt").write_bytes(b"PK damaged")
    (tmp_path / "previous_training_state.pt").unlink()
    with pytest.raises(OSError, match=r"The backup .*training_state\.pt is damaged"):
        fit(make_model(), BackupAndRestore(tmp_path), epochs=5)


def test_every_so_many_batches(tmp_path: Path) -> None:
    fit(make_model(), BackupAndRestore(tmp_path, save_freq=2, delete_checkpoint=False), epochs=1)
    assert fit(make_model(), BackupAndRestore(tmp_path), epochs=2) == [0, 1]


def test_what_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="`backup_dir` is empty"):
        BackupAndRestore("")
    with pytest.raises(ValueError, match="`save_freq` is 'epoch' or a number of batches, got 'batch'"):
        BackupAndRestore(tmp_path, save_freq="batch")
    unbuilt = Sequential([Dense(1)])
    unbuilt.compile("adam", "mse")
    with pytest.raises(ValueError, match="`BackupAndRestore` needs a model that is built"):
        fit(unbuilt, BackupAndRestore(tmp_path))
    fit(make_model(), BackupAndRestore(tmp_path, delete_checkpoint=False))
    with pytest.raises(ValueError, match="The state is that of another model"):
        fit(make_model(2), BackupAndRestore(tmp_path))
