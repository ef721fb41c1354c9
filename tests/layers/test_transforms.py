"""``torch.func``, several passes backwards at once, and what else PyTorch does with any layer."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.autograd.functional import jacobian
from torch.func import functional_call, grad, vmap

from tests.tolerances import assert_all_close, assert_close
from torch_keras_lstm import layers
from torch_keras_lstm.layers import GRU, LSTM, Bidirectional, Layer, SimpleRNN

B, T, F, UNITS = 3, 4, 5, 6
MAKE: dict[str, Callable[..., Layer]] = {
    "LSTM": lambda **options: LSTM(UNITS, input_size=F, **options),
    "GRU": lambda **options: GRU(UNITS, input_size=F, **options),
    "SimpleRNN": lambda **options: SimpleRNN(UNITS, input_size=F, **options),
    "Bidirectional": lambda dtype=None, **options: Bidirectional(
        LSTM(UNITS, dtype=dtype, **options), input_shape=(None, F), dtype=dtype
    ),
    "wide LSTM": lambda **options: LSTM(321, input_size=F, **options),
}
LAYERS = pytest.mark.parametrize("kind", MAKE)


@LAYERS
def test_several_passes_backwards_at_once(kind: str) -> None:
    layer, inputs = MAKE[kind](dtype="float64"), torch.randn(B, T, F, dtype=torch.float64, requires_grad=True)
    output = layer(inputs)
    vectors = torch.randn(4, *output.shape, dtype=torch.float64)
    weight = next(layer.parameters())
    got = torch.autograd.grad(output, (inputs, weight), vectors, retain_graph=True, is_grads_batched=True)
    each = [torch.autograd.grad(output, (inputs, weight), vector, retain_graph=True) for vector in vectors]
    for values, expected in zip(got, zip(*each, strict=True), strict=True):
        assert_close(values, torch.stack(expected), "float64")


@LAYERS
def test_a_jacobian_at_once(kind: str) -> None:
    layer, inputs = MAKE[kind](dtype="float64"), torch.randn(1, 2, F, dtype=torch.float64)
    assert_close(jacobian(layer, inputs, vectorize=True), jacobian(layer, inputs), "float64")


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "SimpleRNN", "Bidirectional", "attention"])
@pytest.mark.filterwarnings("ignore:.*torch.jit.script")  # torch's own use of it
def test_jacobians_in_forward_mode(kind: str) -> None:
    """For one tangent after the other and for all at once, which torch's own kernels do not do."""
    if kind == "attention":
        attention = layers.MultiHeadAttention(2, 3, dtype="float64")
        layer: Callable[[Tensor], Tensor] = lambda inputs: attention(inputs, inputs)  # noqa: E731 - as the others are called
    else:
        layer = MAKE[kind](dtype="float64")
    inputs = torch.randn(1, 2, F, dtype=torch.float64)
    expected = jacobian(layer, inputs)
    at_once: Any = jacobian(layer, inputs, vectorize=True, strategy="forward-mode")
    assert_close(at_once.detach(), expected, "float64")
    assert_close(torch.func.jacfwd(layer)(inputs).detach(), expected, "float64")
    assert_close(torch.func.jacrev(layer)(inputs).detach(), expected, "float64")


@LAYERS
@pytest.mark.parametrize("recorded", [True, False])
def test_vmap(kind: str, recorded: bool) -> None:
    layer, inputs = MAKE[kind](), torch.randn(2, B, T, F)
    with torch.set_grad_enabled(recorded):
        assert_close(vmap(layer)(inputs).detach(), torch.stack([*map(layer, inputs)]).detach(), "float32 recurrence")


DRAWING: dict[str, Callable[[int | None], Layer]] = {
    **{
        name: lambda seed, name=name: MAKE[name](dropout=0.5, seed=seed)  # type: ignore[misc]
        for name in ("LSTM", "GRU", "SimpleRNN", "Bidirectional")
    },
    "recurrent_dropout": lambda seed: LSTM(UNITS, input_size=F, recurrent_dropout=0.5, seed=seed),
    **{
        name: lambda seed, name=name: getattr(layers, name)(0.5, seed=seed)  # type: ignore[misc]
        for name in ("Dropout", "AlphaDropout", "GaussianDropout", "GaussianNoise", "SpatialDropout1D")
    },
}


@pytest.mark.parametrize("seed", [None, 3])
@pytest.mark.parametrize("kind", DRAWING)
def test_randomness_of_vmap(kind: str, seed: int | None) -> None:
    layer, inputs = DRAWING[kind](seed).train(), torch.ones(2, B, T, F)
    different = vmap(layer, randomness="different")(inputs)
    assert not torch.allclose(different[0], different[1], atol=1e-3)
    same = vmap(layer, randomness="same")(inputs).detach()
    assert_close(same[0], same[1], "float32 recurrence")
    assert not torch.allclose(same, vmap(layer, randomness="same")(inputs), atol=1e-3)


def test_the_share_that_vmap_drops() -> None:
    dropped = vmap(layers.Dropout(0.75, seed=1), randomness="different")(torch.ones(4, 50, 80))
    assert set(dropped.flatten().tolist()) == {0.0, 4.0}
    assert 0.72 < float((dropped == 0).float().mean()) < 0.78


OTHERS: dict[str, Callable[[], Layer]] = {
    "cells": lambda: layers.RNN([layers.LSTMCell(UNITS), layers.GRUCell(2)], input_shape=(T, F)),
    "ConvLSTM1D": lambda: layers.Bidirectional(layers.ConvLSTM1D(2, 2), input_shape=(None, F, 2)),
    "Dense": lambda: layers.Dense(2, input_shape=(F,)),
    "Embedding": lambda: layers.Embedding(7, F),
}


@pytest.mark.parametrize("kind", [*MAKE, *OTHERS])
def test_inputs_made_in_inference_mode_are_trained_on(kind: str) -> None:
    layer = MAKE[kind]() if kind in MAKE else OTHERS[kind]()
    with torch.inference_mode():
        inputs = torch.randn(B, T, F, 2) if kind == "ConvLSTM1D" else torch.randn(B, T, F)
        inputs = inputs.abs().long() if kind == "Embedding" else inputs
    layer(inputs).sum().backward()
    got = [parameter.grad for parameter in layer.parameters()]
    layer.zero_grad()
    layer(inputs.clone()).sum().backward()
    for one, parameter in zip(got, layer.parameters(), strict=True):
        assert_close(one, parameter.grad, "float32 elementwise")


@LAYERS
def test_what_is_packed_is_not_overwritten(kind: str) -> None:
    packed: list[Tensor] = []

    def pack(tensor: Tensor) -> Tensor:
        packed.append(tensor)
        return tensor

    layer: Any = MAKE[kind]()
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        output = layer(torch.randn(B, T, F))
    before = [tensor.detach().clone() for tensor in packed]
    output.sum().backward()
    assert all(torch.equal(old, new) for old, new in zip(before, packed, strict=True))


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "SimpleRNN", "Bidirectional"])
def test_numerical_gradients_of_several_passes(kind: str) -> None:
    layer, inputs = MAKE[kind](dtype="float64"), torch.randn(2, 2, F, dtype=torch.float64, requires_grad=True)
    torch.autograd.gradcheck(layer, inputs, check_batched_grad=True)


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "SimpleRNN"])
def test_gradients_of_each_sample_are_compiled(kind: str) -> None:
    """As one graph, which no pass through ``torch.nn.LSTM`` can be; with what a sigmoid notes for its loss."""
    layer = nn.Sequential(MAKE[kind](), layers.Dense(2, activation="sigmoid", input_shape=(UNITS,)))
    parameters = {name: one.detach() for name, one in layer.named_parameters()}

    def loss(given: dict[str, Tensor], row: Tensor) -> Tensor:
        output: Tensor = functional_call(layer, given, (row.unsqueeze(0),))
        return output.square().sum()

    of_each, inputs = vmap(grad(loss), (None, 0)), torch.randn(B, T, F)
    torch.compiler.reset()
    got = torch.compile(of_each, fullgraph=True, backend="aot_eager")(parameters, inputs)
    assert_all_close(
        {name: one.detach() for name, one in got.items()},
        {name: one.detach() for name, one in of_each(parameters, inputs).items()},
        "float32 recurrence",
    )
