"""Trains stateful models in one process or two: run by test_stateful_in_processes.py.

With two, each has its own rows of the batch, of which there are more in the first, and the states that belong to them.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from torch_keras_lstm.layers import GRU, LSTM, RNN, Bidirectional, Dense, Input, LSTMCell
from torch_keras_lstm.models import Sequential

ROWS, TIME, FEATURES = 5, 3, 2


def layers() -> list[Any]:
    options: dict[str, Any] = {"stateful": True, "return_sequences": True, "dtype": "float64"}
    return [
        LSTM(4, **options),
        Bidirectional(LSTM(3, **options), dtype="float64"),
        RNN([LSTMCell(2, dtype="float64"), LSTMCell(3, dtype="float64")], stateful=True, return_sequences=True),
        GRU(3, stateful=True, dtype="float64"),
        Dense(1, dtype="float64"),
    ]


def by_hand(rank: int, processes: int) -> dict[str, Any]:
    """DistributedDataParallel in a loop of one's own, with buffers broadcast at each call, as it does by default."""
    torch.manual_seed(0)
    plain = nn.Sequential(*layers())
    own = torch.arange(ROWS).tensor_split(processes)[rank]
    batches = torch.randn(4, ROWS, TIME, FEATURES, dtype=torch.float64)
    plain(batches[0, :1])  # which draws the weights
    for layer in plain:
        getattr(layer, "reset_state", lambda: None)()
    model = DistributedDataParallel(plain) if processes > 1 else plain
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    outputs: list[Tensor] = []
    for step, batch in enumerate(batches):
        model.train(step % 2 == 0)
        output = model(batch[own])
        # The gradients are averaged over the processes.
        (processes * (output - 1.0).square().sum()).backward()
        optimizer.step()
        optimizer.zero_grad()
        outputs.append(output.detach())
    return {
        "outputs": torch.cat(outputs, 1).tolist(),
        "weights": [parameter.tolist() for parameter in plain.parameters()],
    }


def by_fit(fabric: Any) -> dict[str, Any]:
    """``fit`` over successive parts of long sequences."""
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(4 * ROWS, TIME, FEATURES)), rng.normal(size=(4 * ROWS, 1))
    model = Sequential([Input((TIME, FEATURES), batch_size=ROWS), *layers()])
    model.compile("sgd", "mse", fabric=fabric)
    history = model.fit(x, y, batch_size=ROWS, epochs=2, shuffle=False, verbose=0)
    return {"loss": history.history["loss"], "weights": [weight.tolist() for weight in model.get_weights()]}


if __name__ == "__main__":
    processes, target = int(sys.argv[1]), Path(sys.argv[2])
    fabric = Fabric(accelerator="cpu", devices=processes, strategy="ddp" if processes > 1 else "auto")
    fabric.launch()
    results = {"by hand": by_hand(fabric.global_rank, processes), "by fit": by_fit(fabric)}
    (target / f"{processes}-{fabric.global_rank}.json").write_text(json.dumps(results))
    if processes > 1:
        fabric.barrier()  # a process that ends while the other still talks to it takes that one down
        torch.distributed.destroy_process_group()
        sys.stdout.flush()
        os._exit(0)  # the threads of torch's gloo now and then abort a process that ends in order
