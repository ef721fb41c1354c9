"""The kernels in C for a convolutional LSTM, beside the loop whose every operation autograd records."""

from typing import Any

import numpy as np
import pytest
import torch

from tests.tolerances import assert_close
from torch_keras_lstm import activations
from torch_keras_lstm.recurrence import LSTMState, SequenceOptions
from torch_keras_lstm.recurrence.backends.c_conv_lstm import ConvCKernels
from torch_keras_lstm.recurrence.backends.c_runs import VECTORS
from torch_keras_lstm.recurrence.backends.conv_loop import ConvLoop

LOOP = ConvLoop()
PLACES: tuple[tuple[int, ...], ...] = ((70,), (9,), (5, 7), (1, 3), (2, 3, 4))
WINDOWS: tuple[tuple[int, ...], ...] = ((4,), (3,), (3, 2), (4, 5), (2, 3, 1))
KINDS = ("tanh", "sigmoid", "relu", "linear", "softsign", "hard_sigmoid", "hard_sigmoid_keras2")


class Draw:
    """A run: sizes, masks, dropout and options drawn by a seed."""

    def __init__(self, seed: int, dtype: torch.dtype) -> None:
        self.rng, self.dtype = np.random.default_rng(seed), dtype
        rng, which = self.rng, seed % len(PLACES)
        self.places, self.window = PLACES[which], WINDOWS[which]
        batch, time, filters = (int(rng.integers(1, high)) for high in (4, 6, 21))
        self.inputs = self.normal(batch, time, 4 * filters, *self.places)
        self.state = (self.normal(batch, filters, *self.places), self.normal(batch, filters, *self.places))
        self.weight = self.normal(4 * filters, filters, *self.window) * 0.3
        kind = seed % 3
        self.mask = None
        if kind:
            self.mask = torch.tensor(rng.random((batch, time, *((1, *self.places) if kind == 2 else ()))) < 0.6)
        dropped = bool(rng.integers(2))
        self.options = SequenceOptions(
            activation=activations.get(KINDS[rng.integers(len(KINDS))]),
            recurrent_activation=activations.get(KINDS[rng.integers(len(KINDS))]),
            go_backwards=bool(rng.integers(2)),
            return_sequences=bool(rng.integers(2)),
            zero_output_for_mask=bool(rng.integers(2)),
            hold_initial_state=bool(rng.integers(2)),
            recurrent_dropout=self.normal(4, batch, filters, *self.places) if dropped else None,
        )

    def normal(self, *shape: int) -> torch.Tensor:
        return torch.tensor(self.rng.standard_normal(shape), dtype=self.dtype)

    def leaves(self) -> list[torch.Tensor]:
        return [one.clone().requires_grad_() for one in (self.inputs, *self.state, self.weight)]

    def run(self, backend: Any, leaves: list[torch.Tensor]) -> list[torch.Tensor]:
        inputs, hidden, cell, weight = leaves
        output, final = backend.run(inputs, LSTMState(hidden, cell), (weight,), self.mask, self.options)
        return [output, *final]


def weighted(outputs: list[torch.Tensor]) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.stack(
        [(one * torch.randn(one.shape, dtype=one.dtype, generator=generator)).sum() for one in outputs]
    ).sum()


@pytest.mark.parametrize("vectors", VECTORS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("seed", range(15))
def test_it_is_the_loop(vectors: str, dtype: torch.dtype, seed: int) -> None:
    draw, backend = Draw(seed, dtype), ConvCKernels(LOOP, vectors)
    backend.fewest_for_threads = 0
    expected_leaves, leaves = draw.leaves(), draw.leaves()
    expected, outputs = draw.run(LOOP, expected_leaves), draw.run(backend, leaves)
    bound = "float64" if dtype is torch.float64 else "float32 model"
    with torch.no_grad():
        for index, (one, other, plain) in enumerate(zip(outputs, expected, draw.run(backend, leaves), strict=True)):
            assert_close(one, other, bound, f"output {index}")
            assert torch.equal(one, plain)
    weighted(expected).backward()
    weighted(outputs).backward()
    for name, one, other in zip(("inputs", "hidden", "cell", "kernel"), leaves, expected_leaves, strict=True):
        assert one.grad is not None
        assert other.grad is not None
        assert_close(one.grad, other.grad, bound, f"gradient of {name}")


@pytest.mark.parametrize("threads", [2, 3, 5])
def test_threads_change_no_number(threads: int) -> None:
    draw, backend = Draw(2, torch.float32), ConvCKernels(LOOP)
    found, before = [], torch.get_num_threads()
    try:
        for count in (1, threads):
            torch.set_num_threads(count)
            backend.fewest_for_threads = 0
            leaves = draw.leaves()
            outputs = draw.run(backend, leaves)
            weighted(outputs).backward()
            found.append([*outputs, *(leaf.grad for leaf in leaves[:3])])
    finally:
        torch.set_num_threads(before)
    for one, other in zip(*found, strict=True):
        assert one is not None
        assert other is not None
        assert torch.equal(one, other)


def test_derivatives_of_derivatives_are_the_loops() -> None:
    draw = Draw(5, torch.float64)
    second = []
    for backend in (LOOP, ConvCKernels(LOOP)):
        leaves = draw.leaves()
        grads = torch.autograd.grad(weighted(draw.run(backend, leaves)), leaves, create_graph=True)
        second.append(torch.autograd.grad(torch.stack([one.square().sum() for one in grads]).sum(), leaves))
    for one, other in zip(*second, strict=True):
        assert_close(one, other, "float64", "second derivative")


def test_several_passes_back_at_once() -> None:
    draw = Draw(4, torch.float64)
    leaves = draw.leaves()
    output = draw.run(ConvCKernels(LOOP), leaves)[0]
    directions = torch.stack([draw.normal(*output.shape) for _ in range(2)])
    together = torch.autograd.grad(output, leaves, directions, is_grads_batched=True, retain_graph=True)
    for which in range(2):
        alone = torch.autograd.grad(output, leaves, directions[which], retain_graph=True)
        for one, other in zip(together, alone, strict=True):
            assert_close(one[which], other, "float64", "gradient")


def test_nan_at_a_masked_step_reaches_nothing() -> None:
    draw = Draw(1, torch.float32)
    assert draw.mask is not None
    assert draw.mask.dim() == 2
    clean = draw.run(ConvCKernels(LOOP), draw.leaves())
    draw.inputs[~draw.mask] = torch.nan
    leaves = draw.leaves()
    outputs = draw.run(ConvCKernels(LOOP), leaves)
    weighted(outputs).backward()
    assert all(torch.equal(one, other) for one, other in zip(outputs, clean, strict=True))
    assert all(leaf.grad is not None and bool(leaf.grad.isfinite().all()) for leaf in leaves)
