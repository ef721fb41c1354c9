"""``BatchNormalization(synchronized=True)``: processes that see a part of a batch each compute what one sees of all."""

import os
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import distributed
from torch.multiprocessing.spawn import spawn

from tests.tolerances import assert_close
from torch_keras_lstm.layers import BatchNormalization

X = torch.randn(6, 5, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
MASK = torch.rand(6, 5, generator=torch.Generator().manual_seed(2)) < 0.7
SCALE = torch.randn(6, 5, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(3))


def run(x: Any, mask: Any, scale: Any) -> dict[str, Any]:
    layer = BatchNormalization(synchronized=True, dtype="float64")
    x = x.clone().requires_grad_()
    outputs = layer(x, mask=mask, training=True)
    (outputs * scale).sum().backward()
    averages = {"mean": layer.running_mean, "variance": layer.running_var}
    return {"outputs": outputs.detach(), "gradient": x.grad, **averages}


def part_of(rank: int, rendezvous: str, masked: bool) -> None:
    distributed.init_process_group("gloo", init_method=f"file://{rendezvous}", rank=rank, world_size=2)
    rows = slice(0, 2) if rank == 0 else slice(2, 6)  # parts of unequal size
    result = run(X[rows], MASK[rows] if masked else None, SCALE[rows])
    torch.save(result, f"{rendezvous}.{rank}")
    distributed.barrier()  # a process that ends while the other still talks to it takes that one down
    distributed.destroy_process_group()
    os._exit(0)  # the threads of torch's gloo now and then abort a process that ends in order


@pytest.mark.slow
@pytest.mark.parametrize("masked", [False, True])
def test_two_processes_compute_what_one_does(tmp_path: Path, masked: bool) -> None:
    rendezvous = str(tmp_path / "rendezvous")
    spawn(part_of, args=(rendezvous, masked), nprocs=2)
    parts = [torch.load(f"{rendezvous}.{rank}") for rank in range(2)]
    whole = run(X, MASK if masked else None, SCALE)
    for name in ("outputs", "gradient"):
        assert_close(torch.cat([part[name] for part in parts]), whole[name], "float64", name)
    for name in ("mean", "variance"):
        for part in parts:
            assert_close(part[name], whole[name], "float64", name)
