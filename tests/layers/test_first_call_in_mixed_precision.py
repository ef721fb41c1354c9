"""A layer of mixed precision that is called before it is built has weights as one that was built first."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from torch_keras_lstm import layers

B, T, F, U = 2, 4, 6, 3
X = torch.linspace(-1, 1, B * T * F).reshape(B, T, F)

LAYERS: dict[str, Callable[[str], Any]] = {
    "dense": lambda d: layers.Dense(U, dtype=d),
    "lstm": lambda d: layers.LSTM(U, dropout=0.2, dtype=d),
    "bidirectional": lambda d: layers.Bidirectional(layers.GRU(U, dtype=d), dtype=d),
    "cells": lambda d: layers.RNN(layers.LSTMCell(U, dtype=d), dtype=d),
    "conv": lambda d: layers.Conv1D(U, 2, dtype=d),
    "einsum": lambda d: layers.EinsumDense("abc,cd->abd", (None, U), dtype=d),
    "batch normalization": lambda d: layers.BatchNormalization(dtype=d),
    "group normalization": lambda d: layers.GroupNormalization(2, dtype=d),
    "prelu": lambda d: layers.PReLU(dtype=d),
    "steps": lambda d: layers.TimeDistributed(layers.Dense(U, dtype=d), dtype=d),
}


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
@pytest.mark.parametrize("name", LAYERS)
def test_the_first_call_builds(name: str, policy: str) -> None:
    layer, built = LAYERS[name](policy), LAYERS[name](policy)
    built.build((None, T, F))
    outputs = layer(X, training=False)
    assert outputs.dtype is getattr(torch, policy.removeprefix("mixed_"))
    assert [weight.shape for weight in layer.get_weights()] == [weight.shape for weight in built.get_weights()]
    built.set_weights(layer.get_weights())
    assert torch.equal(outputs, built(X, training=False))


def test_whatever_the_arguments_are() -> None:
    for arguments, named in (([X.tolist()], {}), ([X.numpy()], {}), ([], {"inputs": X.numpy()})):
        dense = layers.Dense(U, dtype="mixed_bfloat16")
        assert dense(*arguments, **named).shape == (B, T, U)
        assert dense.kernel.shape == (F, U)
    joined = layers.Concatenate(dtype="mixed_bfloat16")([X, np.ones((B, T, U))])
    assert (joined.dtype, joined.shape) == (torch.bfloat16, (B, T, F + U))


@pytest.mark.parametrize("dropout", [0.0, 0.4])
def test_attention_computes_in_half(dropout: float) -> None:
    values = X[:, :3, :5]
    attention = layers.MultiHeadAttention(2, U, dropout=dropout, dtype="mixed_bfloat16")
    outputs = attention(X, values, training=True)
    assert (outputs.dtype, outputs.shape) == (torch.bfloat16, (B, T, F))
    outputs.float().sum().backward()
    gradients = [weight.grad for weight in attention.parameters()]
    assert {one.dtype for one in gradients if one is not None} == {torch.float32}
    assert all(one is not None for one in gradients)
    if not dropout:
        exact = layers.MultiHeadAttention(2, U)
        exact.build(X.shape, values.shape)
        exact.set_weights(attention.get_weights())
        torch.testing.assert_close(outputs.float(), exact(X, values), atol=0.02, rtol=0.02)
    simple = layers.Attention(dropout=dropout, use_scale=True, dtype="mixed_bfloat16")
    assert simple([X, X[:, :3]], training=True).dtype is torch.bfloat16
