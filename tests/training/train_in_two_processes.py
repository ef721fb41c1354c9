"""Trains a small model with Fabric and writes what came out: run by test_fabric_strategy.py, in one process or more."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric

from torch_keras_lstm.layers import LSTM, Dense, Embedding, Input, TimeDistributed
from torch_keras_lstm.models import Sequential


def train(fabric: Any) -> dict[str, Any]:
    """Masked sequences, weights of samples, penalties, and batches of 6, 6 and 1: nothing divides evenly."""
    rng = np.random.default_rng(0)
    x, y, weights = rng.integers(0, 6, (13, 5)), rng.normal(size=(13, 5, 2)), rng.random((13, 5))
    x[:, 0] = 1
    torch.manual_seed(0 if fabric.global_rank == 0 else 99)  # the first process' weights count
    model = Sequential(
        [
            Input((5,)),
            Embedding(6, 3, mask_zero=True, dtype="float64"),
            LSTM(4, return_sequences=True, kernel_regularizer="l2", recurrent_constraint="unit_norm", dtype="float64"),
            TimeDistributed(Dense(2, dtype="float64"), dtype="float64"),
        ]
    )
    model.compile("adam", "mse", metrics=["mae"], weighted_metrics=["mse"], fabric=fabric)
    history = model.fit(
        x, y, batch_size=6, epochs=4, shuffle=False, verbose=2, sample_weight=weights, validation_data=(x, y)
    )
    plain = model.fit(x, y, batch_size=6, epochs=2, verbose=0, shuffle=False)
    step = model.train_on_batch(x[:7], y[:7], return_dict=True)
    return {
        "history": history.history,
        "without weights": plain.history,
        "step": step,
        "weights": [weight.tolist() for weight in model.get_weights()],
    }


if __name__ == "__main__":
    processes, target = int(sys.argv[1]), Path(sys.argv[2])
    fabric = Fabric(accelerator="cpu", devices=processes, strategy="ddp" if processes > 1 else "auto")
    fabric.launch()
    results = train(fabric)
    (target / f"{fabric.global_rank}.json").write_text(json.dumps(results))
    if processes > 1:
        fabric.barrier()  # a process that ends while the other still talks to it takes that one down
        torch.distributed.destroy_process_group()
        sys.stdout.flush()
        os._exit(0)  # the threads of torch's gloo now and then abort a process that ends in order
