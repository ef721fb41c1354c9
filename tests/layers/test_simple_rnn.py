"""SimpleRNN and SimpleRNNCell where they are more than Keras' numbers: torch's modules, paths."""

import pytest
import torch

from tests.tolerances import assert_close
from torch_keras_lstm.layers import SimpleRNN, SimpleRNNCell

B, T, F, U = 3, 5, 4, 2


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_a_state_dict_fits_torchs_module_and_back(activation: str) -> None:
    module = torch.nn.RNN(F, U, nonlinearity=activation, batch_first=True, dtype=torch.float64)
    layer = SimpleRNN(U, activation, return_sequences=True, return_state=True, dtype="float64")
    layer.load_state_dict(module.state_dict())
    inputs = torch.randn(B, T, F, dtype=torch.float64)
    outputs, final = layer(inputs)
    expected, hidden = module(inputs)
    assert_close(outputs.detach(), expected.detach(), "float64")
    assert_close(final.detach(), hidden[0].detach(), "float64")
    module.load_state_dict(layer.state_dict())  # whose second bias went into the first
    assert_close(module(inputs)[0].detach(), expected.detach(), "float64")


def test_a_cells_state_dict_fits_torchs_cell() -> None:
    cell, module = SimpleRNNCell(U, dtype="float64"), torch.nn.RNNCell(F, U, dtype=torch.float64)
    cell.load_state_dict(module.state_dict())
    inputs, hidden = torch.randn(B, F, dtype=torch.float64), torch.randn(B, U, dtype=torch.float64)
    assert_close(cell(inputs, hidden)[0].detach(), module(inputs, hidden).detach(), "float64")


@pytest.mark.usefixtures("without_c_kernels")
def test_the_path_says_why_it_is_taken() -> None:
    assert SimpleRNN(U, "relu").path_for(None) == ("fused", None)
    assert SimpleRNN(U, "softsign").path_for(None) == (
        "loop", "torch's kernels compute `activation` 'tanh' and 'relu' only, not 'softsign'"
    )  # fmt: skip
    layer = SimpleRNN(U, recurrent_dropout=0.5)
    assert layer.path_for(None, training=True) == ("loop", "torch's kernels have no `recurrent_dropout`")
    assert layer.path_for(None, training=False) == ("fused", None)


def test_both_paths_agree_for_any_mask() -> None:
    fused, inputs = SimpleRNN(U, input_size=F, return_sequences=True, dtype="float64"), torch.randn(B, T, F)
    loop = SimpleRNN(U, input_size=F, return_sequences=True, dtype="float64")
    fused.use_cudnn, loop.use_cudnn = True, False
    loop.set_weights(fused.get_weights())
    for row in range(2**T):
        mask = torch.tensor([[bool(row >> step & 1) for step in range(T)], [True] * T, [False] * T])
        assert_close(fused(inputs, mask=mask).detach(), loop(inputs, mask=mask).detach(), "float64")
