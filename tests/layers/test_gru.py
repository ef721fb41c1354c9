"""GRU and GRUCell where they are more than Keras' numbers: torch's modules, paths, copies, bad input."""

import copy
from typing import Any

import pytest
import torch

from tests.tolerances import assert_close
from torch_keras_lstm.layers import GRU, RNN, Bidirectional, GRUCell

B, T, F, U = 3, 5, 4, 2


def drawn(**arguments: Any) -> GRU:
    layer = GRU(U, input_size=F, dtype="float64", **arguments)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.normal_()
    return layer


def test_a_state_dict_fits_torchs_module_and_back() -> None:
    layer, inputs = drawn(return_sequences=True), torch.randn(B, T, F, dtype=torch.float64)
    module = torch.nn.GRU(F, U, batch_first=True, dtype=torch.float64)
    module.load_state_dict(layer.state_dict())
    assert_close(layer(inputs).detach(), module(inputs)[0].detach(), "float64")

    back = GRU(U, dtype="float64")
    back.load_state_dict(torch.nn.GRU(F, U, dtype=torch.float64).state_dict())
    assert back.input_size == F


def test_a_cells_state_dict_fits_torchs_cell() -> None:
    cell = GRUCell(U, input_size=F, dtype="float64")
    module = torch.nn.GRUCell(F, U, dtype=torch.float64)
    cell.load_state_dict(module.state_dict())
    inputs, hidden = torch.randn(B, F, dtype=torch.float64), torch.randn(B, U, dtype=torch.float64)
    output, (state,) = cell(inputs, [hidden])
    assert_close(output.detach(), module(inputs, hidden).detach(), "float64")
    assert torch.equal(output, state)


def test_weights_are_in_keras_layout_and_order_of_gates() -> None:
    layer = drawn()
    kernel, recurrent, bias = layer.get_weights()
    assert (kernel.shape, recurrent.shape, bias.shape) == ((F, 3 * U), (U, 3 * U), (2, 3 * U))
    reset, update, candidate = layer.get_parameter("weight_ih_l0").detach().chunk(3)
    assert torch.equal(torch.from_numpy(kernel).T, torch.cat((update, reset, candidate)))
    assert torch.equal(torch.from_numpy(bias)[1, :U], layer.get_parameter("bias_hh_l0").detach()[U : 2 * U])
    twin = GRU(U, input_size=F, dtype="float64")
    twin.set_weights(layer.get_weights())
    assert all(torch.equal(a, b) for a, b in zip(layer.parameters(), twin.parameters(), strict=True))


@pytest.mark.parametrize("reset_after", [False, True])
def test_what_is_trained(reset_after: bool) -> None:
    layer = drawn(reset_after=reset_after)
    names = ["weight_ih_l0", "weight_hh_l0", "bias_ih_l0"] + ["bias_hh_l0"] * reset_after
    assert [name for name, _ in layer.named_parameters()] == names
    assert layer.count_params() == 3 * U * (F + U + 1 + reset_after)
    layer(torch.randn(B, T, F)).sum().backward()
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in layer.parameters())


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({}, None),
        ({"dropout": 0.5}, None),
        ({"reset_after": False}, "torch's kernels compute `reset_after=True` only"),
        ({"activation": "relu"}, "torch's kernels compute `activation` 'tanh' only, not 'relu'"),
        ({"recurrent_dropout": 0.5}, "torch's kernels have no `recurrent_dropout`"),
        ({"use_cudnn": False}, "`use_cudnn` is False"),
    ],
)
@pytest.mark.usefixtures("without_c_kernels")
def test_the_path_says_why_it_is_taken(arguments: dict[str, Any], reason: str | None) -> None:
    path = GRU(U, **arguments).path_for(None, training=True)
    assert path == ("fused" if reason is None else "loop", reason)
    if reason is not None and "use_cudnn" not in arguments:
        with pytest.raises(ValueError, match="`use_cudnn` is True, but"):
            GRU(U, use_cudnn=True, **arguments)


@pytest.mark.parametrize("use_cudnn", [False, "auto"])
def test_nothing_at_masked_steps_reaches_outputs_or_gradients(use_cudnn: Any) -> None:
    layer = drawn(use_cudnn=use_cudnn, return_sequences=True, return_state=True)
    mask = torch.tensor([[False, True, False, True, True], [True] * 5, [False] * 5])
    inputs = torch.randn(B, T, F, dtype=torch.float64)
    expected, _ = layer(inputs, mask=mask)
    spoiled = inputs.masked_fill(~mask.unsqueeze(-1), torch.nan).requires_grad_()
    outputs, state = layer(spoiled, mask=mask)
    assert torch.equal(outputs, expected)
    (outputs.sum() + state.sum()).backward()
    assert spoiled.grad is not None
    assert torch.equal(spoiled.grad.any(dim=-1), mask)
    assert all(parameter.grad is not None and parameter.grad.isfinite().all() for parameter in layer.parameters())


def test_copies_and_halves_keep_everything() -> None:
    layer = drawn(reset_after=False, dropout=0.25, seed=3)
    inputs = torch.randn(B, T, F)
    assert torch.equal(copy.deepcopy(layer)(inputs, training=False), layer(inputs, training=False))
    assert GRU.from_config(layer.get_config()).get_config() == layer.get_config()
    both = Bidirectional(layer)
    assert isinstance(both.backward_layer, GRU)
    assert (both.backward_layer.reset_after, both.backward_layer.go_backwards) == (False, True)
    assert repr(layer) == f"GRU(4, 2, name='{layer.name}', dropout=0.25, reset_after=False)"


def test_a_stateful_layer_goes_on_where_it_stood() -> None:
    layer, inputs = drawn(stateful=True), torch.randn(B, T, F, dtype=torch.float64)
    first = layer(inputs)
    second = layer(inputs)
    layer.reset_state()
    assert torch.equal(layer(torch.cat((inputs, inputs), dim=1)), second)
    assert not torch.equal(first, second)


def test_rnn_over_the_cell_is_the_layer() -> None:
    layer, inputs = drawn(), torch.randn(B, T, F, dtype=torch.float64)
    over_cell = RNN(GRUCell(U, input_size=F, dtype="float64"))
    over_cell.set_weights(layer.get_weights())
    assert_close(over_cell(inputs).detach(), layer(inputs).detach(), "float64")


def test_bad_arguments_are_named() -> None:
    with pytest.raises(ValueError, match="`units` must be a positive integer, got 0"):
        GRU(0)
    with pytest.raises(ValueError, match="`implementation` must be 1 or 2"):
        GRU(U, implementation=3)
    layer = GRU(U, input_size=F, name="g")
    with pytest.raises(ValueError, match="`initial_state` of layer `g` must hold 1 states, got 2"):
        layer(torch.randn(B, T, F), initial_state=[torch.zeros(B, U)] * 2)
    with pytest.raises(ValueError, match="has shape \\(2, 6\\), but an array of shape \\(6,\\) was given"):
        layer.set_weights([torch.zeros(F, 3 * U), torch.zeros(U, 3 * U), torch.zeros(3 * U)])
