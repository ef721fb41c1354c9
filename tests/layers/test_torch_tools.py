"""What PyTorch's own tools do with layers as with any module: tracing, reparametrization, pruning, hooks, averages."""

import copy
import io
import pickle
import re
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, fx, nn
from torch._subclasses import FakeTensorMode
from torch.nn.utils import parametrizations, parametrize, prune
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.flop_counter import FlopCounterMode

from tests.tolerances import assert_close
from torch_keras_lstm import Sequential
from torch_keras_lstm.layers import (
    GRU,
    LSTM,
    RNN,
    Add,
    Bidirectional,
    ConvLSTM1D,
    Dense,
    Embedding,
    GRUCell,
    Input,
    LSTMCell,
    Masking,
    SimpleRNN,
)

B, T, F, UNITS = 3, 5, 4, 6


def floats() -> Tensor:
    return torch.randn(B, T, F)


MODELS: dict[str, tuple[Callable[[], Any], Callable[[], Tensor]]] = {
    "LSTM": (lambda: LSTM(UNITS, input_size=F), floats),
    "loop": (lambda: LSTM(UNITS, input_size=F, recurrent_activation="hard_sigmoid", return_sequences=True), floats),
    "GRU": (lambda: GRU(UNITS, input_size=F), floats),
    "SimpleRNN": (lambda: SimpleRNN(UNITS, input_size=F), floats),
    "Bidirectional": (lambda: Bidirectional(LSTM(UNITS), input_shape=(T, F)), floats),
    "cells": (lambda: RNN([LSTMCell(UNITS), GRUCell(2)], input_shape=(T, F)), floats),
    "ConvLSTM1D": (lambda: ConvLSTM1D(2, 2, input_shape=(None, F, 3)), lambda: torch.randn(B, T, F, 3)),
    "masked": (
        lambda: Sequential([Input((T, F)), Masking(), Bidirectional(LSTM(UNITS, return_sequences=True)), GRU(2)]),
        lambda: torch.randn(B, T, F) * (torch.rand(B, T, 1) < 0.6),
    ),
    "texts": (
        lambda: Sequential([Input((T,)), Embedding(9, F, mask_zero=True), LSTM(UNITS), Dense(2)]),
        lambda: torch.randint(0, 9, (B, T)),
    ),
}
EVERY = pytest.mark.parametrize(("make", "draw"), MODELS.values(), ids=MODELS.keys())


def called_before(model: Any, inputs: Tensor) -> Tensor:
    """What the model gives, once its calls for inference are planned."""
    model.eval()
    with torch.no_grad():
        return [model(inputs) for _ in range(3)][-1]  # type: ignore[no-any-return]


def weights_of(model: nn.Module) -> list[tuple[nn.Module, str]]:
    return [(module, name) for module in model.modules() for name in list(module._parameters)]


# -- tracing ----------------------------------------------------------------------------------------------------------


@EVERY
def test_a_layer_is_one_node_of_a_graph_of_fx(make: Any, draw: Any) -> None:
    layer, inputs = make().eval(), draw()

    class Around(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer, self.add = layer, Add()

        def forward(self, inputs: Tensor) -> Tensor:
            output = self.layer(inputs)
            return self.add([output, torch.relu(output)])  # type: ignore[no-any-return]

    traced = fx.symbolic_trace(Around())
    assert [node.target for node in traced.graph.nodes if node.op == "call_module"] == ["layer", "add"]
    assert_close(traced(inputs).detach(), Around()(inputs).detach(), "float32 elementwise")


@pytest.mark.filterwarnings("ignore:`torch.jit")  # is deprecated, as a whole
def test_a_layer_says_that_it_cannot_be_scripted() -> None:
    layer = LSTM(UNITS, input_size=F, name="first")
    words = re.escape("cannot be scripted, but traced: `torch.jit.trace(layer, example)`")
    for model in (layer, nn.Sequential(nn.Linear(F, F), layer), Sequential([layer])):
        with pytest.raises(TypeError, match=words):
            torch.jit.script(model)


@EVERY
@pytest.mark.parametrize("grad", [True, False])
def test_shapes_without_numbers(make: Any, draw: Any, grad: bool) -> None:
    """Also where masks are made, whose numbers nothing may look at then."""
    model, inputs = make().eval(), draw()
    expected = model(inputs)
    with FakeTensorMode(allow_non_fake_inputs=True) as mode, torch.set_grad_enabled(grad):
        output = model(mode.from_tensor(inputs))
    assert (output.shape, output.dtype) == (expected.shape, expected.dtype)


def test_multiplications_are_counted() -> None:
    model, inputs = MODELS["masked"][0](), floats()
    expected = called_before(model, inputs)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        got = model(inputs)
    assert_close(got, expected, "float32 recurrence")
    assert counter.get_total_flops() > 0


# -- weights that are not parameters any more -------------------------------------------------------------------------


class Tripled(nn.Module):
    def forward(self, weight: Tensor) -> Tensor:
        return 3 * weight


@EVERY
def test_parametrized_weights(make: Any, draw: Any) -> None:
    model, inputs = make(), draw()
    called_before(model, inputs)
    tripled = copy.deepcopy(model)
    with torch.no_grad():
        for one in tripled.parameters():
            one.mul_(3)
    for module, name in weights_of(model):
        parametrize.register_parametrization(module, name, Tripled())
    assert_close(called_before(model, inputs), called_before(tripled, inputs), "float32 recurrence")
    for one in (model, tripled):
        one(inputs).square().sum().backward()
    for mine, its in zip(model.parameters(), tripled.parameters(), strict=True):
        assert_close(mine.grad, 3 * its.grad, "float32 recurrence")
    for mine, its in zip(model.get_weights(), tripled.get_weights(), strict=True):
        assert_close(torch.tensor(mine), torch.tensor(its), "float32 elementwise")


@EVERY
def test_pruned_weights(make: Any, draw: Any) -> None:
    model, inputs = make(), draw()
    called_before(model, inputs)
    zeroed = copy.deepcopy(model)
    for (module, name), (other, _) in zip(weights_of(model), weights_of(zeroed), strict=True):
        prune.random_unstructured(module, name, amount=0.5)
        with torch.no_grad():
            getattr(other, name).mul_(module.get_buffer(f"{name}_mask"))
    assert_close(called_before(model, inputs), called_before(zeroed, inputs), "float32 recurrence")
    model(inputs).sum().backward()
    assert all(one.grad is not None for one in model.parameters())
    for module in model.modules():
        for name in [one.removesuffix("_orig") for one in list(module._parameters) if one.endswith("_orig")]:
            prune.remove(module, name)
    assert_close(called_before(model, inputs), called_before(zeroed, inputs), "float32 recurrence")


@pytest.mark.parametrize(
    "norm", [parametrizations.weight_norm, parametrizations.spectral_norm, "old"], ids=["weight", "spectral", "old"]
)
@pytest.mark.filterwarnings("ignore:`torch.nn.utils.weight_norm` is deprecated:FutureWarning")
def test_norms_of_weights(norm: Any) -> None:
    norm = nn.utils.weight_norm if norm == "old" else norm
    layer, inputs = LSTM(UNITS, input_size=F), floats()
    before = called_before(layer, inputs)
    for name in ("weight_ih_l0", "weight_hh_l0"):
        norm(layer, name)
    got = called_before(layer, inputs)
    if norm is parametrizations.spectral_norm:
        assert not torch.allclose(got, before, atol=1e-3)
    else:
        assert_close(got, before, "float32 recurrence")
    layer(inputs).sum().backward()
    torch.optim.SGD(layer.parameters(), 0.5).step()
    assert not torch.allclose(called_before(layer, inputs), got, atol=1e-3)


# -- hooks, averages, copies ------------------------------------------------------------------------------------------


@EVERY
def test_hooks_are_called_once_a_plan_is_there(make: Any, draw: Any) -> None:
    model, inputs = make(), draw()
    expected = called_before(model, inputs)
    handle = model.register_forward_hook(lambda module, args, output: 2 * output)
    assert_close(called_before(model, inputs), 2 * expected, "float32 elementwise")
    handle.remove()
    assert torch.equal(called_before(model, inputs), expected)
    if inputs.is_floating_point():
        seen: list[Tensor] = []
        model.register_full_backward_hook(lambda module, given, _: seen.append(given[0]))
        inputs.requires_grad_()
        model(inputs).sum().backward()
        assert torch.equal(seen[0], inputs.grad)


@EVERY
def test_moving_averages_and_gradients_that_are_clipped(make: Any, draw: Any) -> None:
    model, inputs = make(), draw()
    average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(0.75))
    average.update_parameters(model)
    called_before(average, inputs)
    expected = [one.detach().clone() for one in model.parameters()]
    optimizer = torch.optim.AdamW(model.named_parameters(), 0.1)
    for _ in range(2):
        model(inputs).square().sum().backward()
        nn.utils.clip_grad_norm_(model.parameters(), 0.5)
        total = nn.utils.get_total_norm([one.grad for one in model.parameters() if one.grad is not None])
        assert total <= 0.5 + 1e-5
        optimizer.step()
        optimizer.zero_grad()
        average.update_parameters(model)
        expected = [0.75 * old + 0.25 * new.detach() for old, new in zip(expected, model.parameters(), strict=True)]
    for mine, one in zip(average.parameters(), expected, strict=True):
        assert_close(mine.detach(), one, "float32 elementwise")
    with torch.no_grad():
        for mine, one in zip(model.parameters(), expected, strict=True):
            mine.copy_(one)
    assert_close(called_before(average, inputs), called_before(model, inputs), "float32 recurrence")


@EVERY
def test_copies_pickles_and_files_of_whole_models(make: Any, draw: Any) -> None:
    model, inputs = make(), draw()
    expected = called_before(model, inputs)
    file = io.BytesIO()
    torch.save(model, file)
    file.seek(0)
    others = (copy.deepcopy(model), pickle.loads(pickle.dumps(model)), torch.load(file, weights_only=False))
    with torch.no_grad():
        for one in model.parameters():
            one.zero_()
    for other in others:
        assert torch.equal(called_before(other, inputs), expected)
