"""Activation checkpointing: the second call draws and starts as the first did, and leaves no trace."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint, checkpoint_sequential

from tests.tolerances import assert_close
from torch_keras_lstm import layers
from torch_keras_lstm.layers import LSTM, RNN, Bidirectional, Dense, Dropout, LSTMCell

B, T, F = 3, 4, 5
BOTH = pytest.mark.parametrize("use_reentrant", [True, False], ids=["reentrant", "not reentrant"])
SEEDED: dict[str, Callable[[], nn.Module]] = {
    **{name: lambda name=name: getattr(layers, name)(0.5, seed=3) for name in  # type: ignore[misc]
       ("Dropout", "AlphaDropout", "GaussianDropout", "GaussianNoise", "SpatialDropout1D")},
    **{name: lambda name=name: getattr(layers, name)(F, dropout=0.4, recurrent_dropout=0.4, seed=3)  # type: ignore[misc]
       for name in ("LSTM", "GRU", "SimpleRNN")},
    "LSTM, inputs alone": lambda: LSTM(F, dropout=0.4, seed=3),
    "Bidirectional": lambda: Bidirectional(LSTM(F, dropout=0.4, seed=3)),
    "RNN": lambda: RNN(LSTMCell(F, dropout=0.4, recurrent_dropout=0.3, seed=3)),
    "stateful": lambda: LSTM(F, stateful=True),
    "stateful, dropout": lambda: LSTM(F, stateful=True, dropout=0.4, seed=3),
    "stateful GRU": lambda: layers.GRU(F, stateful=True),
    "stateful RNN": lambda: RNN([LSTMCell(2), LSTMCell(F, dropout=0.3, seed=3)], stateful=True),
    "stateful Bidirectional": lambda: Bidirectional(LSTM(F, stateful=True)),
}  # fmt: skip


class Scaled(nn.Module):
    """A layer between two others that have weights, so that every part has something to get right."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.before, self.layer = Dense(F, "tanh"), layer

    def forward(self, inputs: Tensor) -> Tensor:
        output: Tensor = self.layer(self.before(inputs))
        return output


def results(model: nn.Module, calls: int, call: Callable[[nn.Module, Tensor], Tensor]) -> dict[str, Tensor]:
    """The outputs of several calls before one pass backwards, and all gradients."""
    torch.manual_seed(5)
    model.zero_grad()
    inputs = torch.randn(calls, B, T, F, requires_grad=True)
    outputs = [call(model, one) for one in inputs]
    sum(((index + 1) * (output**2).sum() for index, output in enumerate(outputs)), torch.zeros(())).backward()
    found = {f"output {index}": output.detach() for index, output in enumerate(outputs)}
    weights = {name: parameter.grad for name, parameter in model.named_parameters() if parameter.grad is not None}
    return {**found, **weights, "inputs": inputs.grad}  # type: ignore[dict-item]


def same(model: nn.Module, call: Callable[[nn.Module, Tensor], Tensor]) -> None:
    """Three calls and a pass backwards, twice, so that what moves on must be where it would be without."""
    model(torch.randn(B, T, F))
    twin = copy.deepcopy(model)
    for _ in range(2):
        expected = results(twin, 3, lambda module, inputs: module(inputs))
        got = results(model, 3, call)
        assert got.keys() == expected.keys()
        for name in expected:
            assert_close(got[name], expected[name], "float32 elementwise", name)


@BOTH
@pytest.mark.parametrize("kind", SEEDED)
def test_gradients_are_those_without(kind: str, use_reentrant: bool) -> None:
    model = Scaled(SEEDED[kind]()).train()
    same(model, lambda module, inputs: checkpoint(module, inputs, use_reentrant=use_reentrant))


@BOTH
def test_checkpoints_in_checkpoints(use_reentrant: bool) -> None:
    def call(module: nn.Module, inputs: Tensor) -> Tensor:
        def outer(given: Tensor) -> Tensor:
            inner: Tensor = checkpoint(module, given, use_reentrant=use_reentrant)
            return 2 * inner

        output: Tensor = checkpoint(outer, inputs, use_reentrant=use_reentrant)
        return output / 2

    for kind in ("Dropout", "stateful, dropout"):
        same(Scaled(SEEDED[kind]()).train(), call)


@BOTH
def test_a_sequence_of_checkpoints(use_reentrant: bool) -> None:
    model = nn.Sequential(Dense(F), Dropout(0.5, seed=1), LSTM(F, return_sequences=True, stateful=True), Dense(2))
    same(model, lambda module, inputs: checkpoint_sequential(module, 2, inputs, use_reentrant=use_reentrant))


def test_a_second_pass_over_the_same_graph() -> None:
    """With `retain_graph` the call is made a third time."""
    model = Scaled(SEEDED["stateful, dropout"]())
    inputs = torch.randn(B, T, F, requires_grad=True)
    model(inputs)
    output = checkpoint(model, inputs, use_reentrant=False)
    first = torch.autograd.grad(output.sum(), inputs, retain_graph=True)[0]
    assert_close(torch.autograd.grad(output.sum(), inputs)[0], first, "float32 elementwise")


@pytest.mark.parametrize("layer", [Dropout(0.5, seed=1), LSTM(F, stateful=True)], ids=["seed", "stateful"])
def test_a_call_in_a_pass_backwards_of_which_nothing_is_known_is_refused(layer: Any) -> None:
    inputs = torch.randn(B, T, F, requires_grad=True)
    layer(inputs)
    doubled = 2 * inputs
    doubled.register_hook(lambda gradient: layer(gradient.requires_grad_()).sum().detach() + gradient)
    with pytest.raises(RuntimeError, match=r"(seed|Stateful).* is called in a pass backwards, and where it stood when"):
        doubled.sum().backward()


def test_a_stateful_layer_in_inference_must_be_checkpointed_without_reentry() -> None:
    layer = Scaled(LSTM(F, stateful=True)).eval()
    same(layer, lambda module, inputs: checkpoint(module, inputs, use_reentrant=False))
    inputs = torch.randn(B, T, F, requires_grad=True)
    output: Any = checkpoint(layer, inputs, use_reentrant=True)
    with pytest.raises(RuntimeError, match=r"with `use_reentrant=True` the module must be in training mode"):
        output.sum().backward()
