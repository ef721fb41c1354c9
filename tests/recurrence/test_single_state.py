"""Cells without a cell state: what runs them under any mask against the step by step loop, and derivatives."""

import pytest
import torch

from tests.tolerances import assert_close
from torch_keras_lstm.recurrence import SequenceOptions, SingleStateWeights
from torch_keras_lstm.recurrence.backends.base import Backend
from torch_keras_lstm.recurrence.backends.c_runs import compiled_module
from torch_keras_lstm.recurrence.gru import GRU_BACKENDS, GRUOptions, gru_step
from torch_keras_lstm.recurrence.simple_rnn import SIMPLE_RNN_BACKENDS

B, T, F, U = 4, 5, 3, 2
MASK = torch.tensor([[True] * T, [False, True, False, True, True], [True, True, False, False, False], [False] * T])
CELLS: dict[str, tuple[tuple[Backend, ...], type[SequenceOptions], int]] = {
    "gru": (GRU_BACKENDS, GRUOptions, 3),
    "simple": (SIMPLE_RNN_BACKENDS, SequenceOptions, 1),
}


def drawn(gates: int) -> tuple[torch.Tensor, torch.Tensor, SingleStateWeights]:
    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(shape, dtype=torch.float64, requires_grad=True)

    # The simple cell's second bias is zeros in every layer, and its step adds the first alone.
    second = normal(3 * U) if gates == 3 else torch.zeros(U, dtype=torch.float64)
    weights = SingleStateWeights(normal(gates * U, F), normal(gates * U, U), normal(gates * U), second)
    return normal(B, T, F), normal(B, U), weights


@pytest.mark.parametrize("mask", [None, MASK, MASK[:1].expand(B, T)], ids=["none", "any", "all"])
@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("sequences", [False, True])
@pytest.mark.parametrize("zeros", [False, True])
@pytest.mark.parametrize("cell", CELLS)
def test_both_paths_agree(cell: str, zeros: bool, sequences: bool, backwards: bool, mask: torch.Tensor | None) -> None:
    backends, options_class, gates = CELLS[cell]
    inputs, hidden, weights = drawn(gates)
    options = options_class(
        go_backwards=backwards,
        return_sequences=sequences,
        zero_output_for_mask=zeros,
        input_dropout=torch.rand(1, B, F, dtype=torch.float64),
    )
    sources = [source for source in (inputs, hidden, *weights) if source is not None and source.requires_grad]
    results = []
    assert [backend.name for backend in backends] == ["c_kernels", "torch_kernels", "reference"]
    for backend in backends[compiled_module is None :]:
        output, states = backend.run(inputs, (hidden,), weights, mask, options)
        assert states is not None
        factors = torch.arange(1.0, output.numel() + 1, dtype=torch.float64).reshape(output.shape)
        loss = (output * factors).sum() + states[0].cumsum(0).square().sum()
        results.append([output.detach(), states[0].detach(), *torch.autograd.grad(loss, sources)])
    for index, (*found, expected) in enumerate(zip(*results, strict=True)):
        for got in found:
            assert_close(got, expected, "float64", f"result {index}")


@pytest.mark.parametrize("cell", CELLS)
def test_without_biases_and_without_the_state(cell: str) -> None:
    backends, options_class, gates = CELLS[cell]
    inputs, hidden, weights = drawn(gates)
    weights = weights._replace(bias_ih=None, bias_hh=None)
    options = options_class(return_state=False)
    runs = [backend.run(inputs, (hidden,), weights, MASK, options) for backend in backends[compiled_module is None :]]
    assert all(states is None for _, states in runs)
    for got, _ in runs[:-1]:
        assert_close(got.detach(), runs[-1][0].detach(), "float64")


@pytest.mark.parametrize("reset_after", [False, True])
def test_the_derivatives_of_a_gru_step(reset_after: bool) -> None:
    _, hidden, weights = drawn(3)
    projected = torch.randn(B, 3 * U, dtype=torch.float64, requires_grad=True)
    dropout = torch.rand(3, B, U, dtype=torch.float64)
    options = GRUOptions(reset_after=reset_after, recurrent_dropout=dropout)

    def step(projected: torch.Tensor, hidden: torch.Tensor, weight_hh: torch.Tensor) -> torch.Tensor:
        return gru_step(projected, hidden, weights._replace(weight_hh=weight_hh, bias_hh=None), options)

    assert torch.autograd.gradcheck(step, (projected, hidden, weights.weight_hh))
