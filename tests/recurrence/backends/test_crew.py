"""The threads of the kernels in C: what is computed does not depend on them, whoever comes, late or not at all."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
import torch
from torch import Tensor

from torch_keras_lstm.layers import GRU, LSTM, Layer
from torch_keras_lstm.recurrence.backends import c_runs
from torch_keras_lstm.recurrence.backends.c_kernels import C_KERNELS

pytestmark = pytest.mark.skipif(not c_runs.VECTORS, reason="the threads are those of the kernels in C")


@contextmanager
def threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def results(layer: Layer, inputs: Tensor, mask: Tensor | None) -> list[Tensor]:
    inputs = inputs.clone().requires_grad_()
    output = layer(inputs, mask=mask)
    weights = [weight for weight in layer.parameters() if weight.requires_grad]
    return [output, *torch.autograd.grad(output, [inputs, *weights], torch.ones_like(output))]


def built(layer: Layer, features: int) -> Layer:
    layer.build((None, None, features))
    with torch.no_grad():
        for weight in layer.parameters():
            weight.copy_(torch.randn(weight.shape, generator=torch.Generator().manual_seed(3)) / 10)
    return layer


@pytest.mark.parametrize("count", [2, 3, 4, 5])
@pytest.mark.parametrize("cell", [LSTM, GRU], ids=lambda cell: str(cell.__name__))
@pytest.mark.parametrize("batch", [1, 3])
def test_threads_that_share_the_columns(batch: int, cell: Callable[..., Layer], count: int) -> None:
    """As they do where there are fewer rows than threads, whatever number of vectors the columns come to."""
    units, features = 137, 21
    layer = built(cell(units, return_sequences=True), features)
    inputs, mask = torch.randn(batch, 19, features), torch.rand(batch, 19) > 0.3
    inputs[~mask] = torch.inf
    with threads(1):
        wanted = results(layer, inputs, mask)
    with threads(count):
        found = results(layer, inputs, mask)
    for one, other in zip(wanted, found, strict=True):
        if count > batch:
            assert torch.equal(one, other)
        else:
            torch.testing.assert_close(one, other)


def test_calls_of_several_threads_of_python_at_once() -> None:
    """One of them has the helpers, the others work alone."""
    layer, inputs = built(LSTM(33, return_sequences=True), 7), torch.randn(9, 40, 7)
    alone = built(LSTM(140), 7)
    with threads(3):
        wanted = [results(layer, inputs, None), results(alone, inputs[:1], None)]
        with ThreadPoolExecutor(5) as pool:
            jobs = [pool.submit(results, *((layer, inputs, None), (alone, inputs[:1], None))[i % 2]) for i in range(40)]
        for i, job in enumerate(jobs):
            for one, other in zip(wanted[i % 2], job.result(), strict=True):
                assert torch.equal(one, other)


ELSEWHERE = """
import os, sys
import torch
from torch.utils.data import DataLoader
from torch_keras_lstm.layers import LSTM

def tasks():
    return len(os.listdir("/proc/self/task"))

torch.set_num_threads(1)
layer, inputs = LSTM(33, return_sequences=True), torch.randn(8, 40, 7)
layer.build(inputs.shape)

def call():
    return layer(inputs).sum(-1).detach()

torch.set_num_threads(4)
torch.set_num_threads(1)
wanted, before = call(), tasks()
torch.set_num_threads(3)
assert torch.equal(call(), wanted)
assert tasks() == before + 2, (tasks(), before)  # at once, and no more than asked for
torch.set_num_threads(1)
assert torch.equal(call(), wanted)
torch.set_num_threads(3)

child = os.fork()
if child == 0:
    alone = tasks() == 1
    same = all(torch.equal(call(), wanted) for _ in range(5))
    os._exit(0 if alone and same and tasks() == 3 else 1)
assert os.waitpid(child, 0)[1] == 0
assert torch.equal(call(), wanted)

class Calls(torch.utils.data.Dataset):
    def __len__(self):
        return 4
    def __getitem__(self, index):
        torch.set_num_threads(2)
        return call()

for found in DataLoader(Calls(), num_workers=2, batch_size=1):
    assert torch.equal(found[0], wanted)
print("as it should be")
"""


def test_a_process_that_was_forked_has_helpers_of_its_own() -> None:
    """And there are as many as torch is told to have threads, from the next call on."""
    found = subprocess.run([sys.executable, "-c", ELSEWHERE], capture_output=True, text=True, timeout=120, check=False)
    assert found.stdout == "as it should be\n", found.stderr


def test_how_much_work_is_worth_a_second_thread() -> None:
    with threads(4):
        assert C_KERNELS.threads(C_KERNELS.fewest_for_threads) == 4
        assert C_KERNELS.threads(C_KERNELS.fewest_for_threads - 1) == 1
