"""A training that is killed, or that goes on from the backup of one: run by test_backup_and_restore.py."""

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch

from torch_keras_lstm.callbacks import BackupAndRestore, Callback
from torch_keras_lstm.layers import LSTM, Dense, Dropout
from torch_keras_lstm.models import Sequential


class Kill(Callback):
    """Ends the process as a power cut would, within the fourth epoch."""

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Kill."""
        if self.model.optimizer.iterations == 11:
            os.kill(os.getpid(), signal.SIGKILL)


def train(folder: Path, *callbacks: Callback) -> dict[str, Any]:
    """Shuffled samples, dropout from the global generator and from one of the layer's own, Adam's moments."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(11, 4, 3)), rng.normal(size=(11, 1))
    torch.manual_seed(5)
    model = Sequential(
        [LSTM(6, dropout=0.2, seed=7, input_shape=(4, 3), dtype="float64"), Dropout(0.3), Dense(1, dtype="float64")]
    )
    model.compile("adam", "mse")
    history = model.fit(x, y, batch_size=4, epochs=6, verbose=0, callbacks=[BackupAndRestore(folder), *callbacks])
    return {
        "epochs": history.epoch,
        "loss": history.history["loss"],
        "weights": [w.tolist() for w in model.get_weights()],
    }


if __name__ == "__main__":
    killed, place = sys.argv[1] == "killed", Path(sys.argv[2])
    print(json.dumps(train(place, *([Kill()] if killed else []))))
