"""Trains models under FSDP2 in one process or two: run by test_sharded_in_processes.py."""

import copy
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.distributed.checkpoint
from torch import distributed, nn
from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict, set_model_state_dict
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard

from torch_keras_lstm.layers import GRU, LSTM, Bidirectional, Dense, Dropout, Input, SimpleRNN
from torch_keras_lstm.models import Sequential

ROWS, TIME, FEATURES = 4, 5, 3
# torch says nothing of their types, or that they are there
checkpoint: Any = torch.distributed.checkpoint
spawn: Any = torch.multiprocessing.spawn  # type: ignore[attr-defined]


class Last(nn.Module):
    """The last output of a module of torch's."""

    def forward(self, outputs: tuple[torch.Tensor, Any]) -> torch.Tensor:
        return outputs[0][:, -1]


MODELS: dict[str, Callable[[], nn.Module]] = {
    "torch's LSTM": lambda: nn.Sequential(nn.LSTM(FEATURES, 6, batch_first=True), Last(), nn.Linear(6, 2)),
    "LSTM": lambda: nn.Sequential(LSTM(6, input_size=FEATURES), nn.Linear(6, 2)),
    "GRU": lambda: nn.Sequential(GRU(6, input_size=FEATURES, reset_after=False), nn.Linear(6, 2)),
    "model": lambda: Sequential(
        [
            Input((TIME, FEATURES)),
            Bidirectional(LSTM(6, return_sequences=True)),
            Dropout(0.5),
            GRU(4, return_sequences=True),
            SimpleRNN(3),
            Dense(2),
        ]
    ),
}


def train(model: nn.Module, inputs: torch.Tensor) -> None:
    optimizer = torch.optim.SGD(model.parameters(), 0.5)
    for _ in range(3):
        optimizer.zero_grad()
        model(inputs).square().mean().backward()
        optimizer.step()


def whole(state: dict[str, Any]) -> dict[str, torch.Tensor]:
    """The tensors without their shards."""
    return {name: one.full_tensor() if hasattr(one, "full_tensor") else one for name, one in state.items()}


def sharded(make: Callable[[], nn.Module], folder: Path, mine: slice) -> dict[str, Any]:
    """What is left of the distance to training in one piece, and whether checkpoints give back what they were given."""
    torch.manual_seed(0)
    plain = make().double()
    inputs = torch.randn(ROWS, TIME, FEATURES, dtype=torch.float64)
    mesh = init_device_mesh("cpu", (distributed.get_world_size(),))
    half = copy.deepcopy(plain)
    model: Any = fully_shard(copy.deepcopy(plain), mesh=mesh)
    train(plain, inputs)
    train(model, inputs[mine])
    trained = whole(model.state_dict())
    distance = max(float((trained[name] - one).abs().max()) for name, one in plain.state_dict().items())

    same = []
    for way in ("torch", "checkpoint", "gathered"):
        before = whole(model.state_dict())
        if way == "torch":
            model.load_state_dict(model.state_dict())
        elif way == "checkpoint":
            kept = model.state_dict()
            checkpoint.save(kept, checkpoint_id=folder)
            for one in model.parameters():
                torch.nn.init.zeros_(one)
            kept = model.state_dict()
            checkpoint.load(kept, checkpoint_id=folder)
            model.load_state_dict(kept)
        else:
            gathered = get_model_state_dict(model, options=StateDictOptions(full_state_dict=True))
            options = StateDictOptions(full_state_dict=True, broadcast_from_rank0=True)
            set_model_state_dict(model, gathered, options=options)
        after = whole(model.state_dict())
        same.append(all(torch.equal(after[name], one) for name, one in before.items()))

    policy = MixedPrecisionPolicy(param_dtype=torch.bfloat16)
    mixed: Any = fully_shard(half, mesh=mesh, mp_policy=policy)
    outputs = mixed(inputs)
    outputs.float().sum().backward()
    return {
        "distance": distance,
        "same": same,
        "mixed": str(outputs.dtype),
        "gradients": all(one.grad is not None for one in mixed.parameters()),
    }


def main(processes: int, folder: Path) -> None:
    spawn(work, (processes, folder), nprocs=processes)


def work(rank: int, processes: int, folder: Path) -> None:
    distributed.init_process_group(
        "gloo", init_method=f"file://{folder / f'store-{processes}'}", rank=rank, world_size=processes
    )
    rows = ROWS // processes
    mine = slice(rank * rows, (rank + 1) * rows)
    found = {name: sharded(make, folder / f"{name}-{processes}", mine) for name, make in MODELS.items()}
    if rank == 0:
        (folder / f"{processes}.json").write_text(json.dumps(found))
    distributed.barrier()
    distributed.destroy_process_group()
    os._exit(0)  # before gloo's threads, which sometimes abort a process that ends


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
