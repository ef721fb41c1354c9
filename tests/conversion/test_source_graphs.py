"""Graphs as plain PyTorch: attention, operations, models inside layers; and what the text looks like to a linter."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.tolerances import assert_close
from torch_keras_lstm import ops
from torch_keras_lstm.conversion.python_source import source_of
from torch_keras_lstm.layers import (
    GRU,
    LSTM,
    RNN,
    AdaptiveAveragePooling1D,
    AdaptiveMaxPooling1D,
    AdditiveAttention,
    Attention,
    Bidirectional,
    Conv1DTranspose,
    Conv2D,
    Conv2DTranspose,
    ConvLSTM2D,
    Dense,
    DepthwiseConv1D,
    DepthwiseConv2D,
    EinsumDense,
    Embedding,
    Flatten,
    GroupNormalization,
    GroupQueryAttention,
    GRUCell,
    Highway,
    Input,
    Layer,
    LayerNormalization,
    LSTMCell,
    Masking,
    MaxoutDense,
    MaxPooling2D,
    MultiHeadAttention,
    RandomFlip,
    RMSNormalization,
    SeparableConv1D,
    SeparableConv2D,
    SimpleRNNCell,
    Softmax,
    SpectralNormalization,
    TimeDistributed,
    UnitNormalization,
)
from torch_keras_lstm.models import Functional, Model, OperationLayer, Sequential


def _written(model: Model, folder: Path) -> Any:
    """The ``Model`` of the text."""
    text, state = source_of(model, "A model")
    (folder / "model.py").write_text(text)
    scope: dict[str, Any] = {"__name__": "model", "__file__": str(folder / "model.py")}
    exec(compile(text, "model.py", "exec"), scope)
    torch.save(state, folder / "model.pt")
    return scope["load"]()


def _agree(model: Model, x: list[torch.Tensor], folder: Path) -> None:
    """Outputs are equal, and the gradients of inputs and of all weights together."""
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    model.eval()
    found = []
    for run in (_written(model, folder), model):
        given = [one.clone().requires_grad_(one.is_floating_point()) for one in x]
        outputs = run(*given) if run is not model else model(given if len(given) > 1 else given[0])
        outputs = [*outputs] if isinstance(outputs, list | tuple) else [outputs]
        sum(output.square().sum() for output in outputs).backward()
        gradients = [one.grad for one in given if one.grad is not None]
        squares = [weight.grad.square().sum() for weight in run.parameters() if weight.grad is not None]
        of_weights = torch.stack([torch.zeros(()), *squares]).sum()
        found.append([*outputs, *gradients, of_weights])
    for one, other in zip(*found, strict=True):
        assert_close(one.detach(), other.detach(), "float32 model")


WORDS, NUMBERS = (3, 5), (3, 6, 4)


def _words() -> tuple[Any, Any]:
    """Words with a mask, and numbers with one."""
    words, numbers = Input(WORDS[1:], name="words", dtype="int32"), Input(NUMBERS[1:], name="numbers")
    return (words, numbers), (Embedding(11, 4, mask_zero=True)(words), Masking()(numbers))


ATTENTION: dict[str, Callable[[Any, Any], Any]] = {
    "Luong's": lambda a, b: Attention(use_scale=True)([a, b]),
    "sums": lambda a, b: Attention(use_scale=True, score_mode="concat")([a, b], return_attention_scores=True),
    "a causal one": lambda a, b: Attention()([b, b, b], use_causal_mask=True),
    "Bahdanau's": lambda a, b: AdditiveAttention()([b, a]),
    "several heads": lambda a, b: MultiHeadAttention(3, 2, value_dim=5, output_shape=7)(a, b),
    "itself": lambda a, b: MultiHeadAttention(2, 3, use_bias=False)(b, b, use_causal_mask=True),
    "weights": lambda a, b: MultiHeadAttention(2, 3, sliding_window=3)(b, a, a, return_attention_scores=True),
    "groups": lambda a, b: GroupQueryAttention(3, 4, 2)(b, a),
    "a gate": lambda a, b: MultiHeadAttention(2, 3, dropout=0.1, use_gate=True)(a, b),
}  # fmt: skip


@pytest.mark.parametrize("name", ATTENTION)
def test_attention(name: str, tmp_path: Path) -> None:
    torch.manual_seed(3)
    inputs, (a, b) = _words()
    outputs = ATTENTION[name](a, b)
    model = Functional(list(inputs), list(outputs) if isinstance(outputs, list | tuple) else outputs)
    words, numbers = torch.tensor([[1, 5, 3, 0, 0], [2, 0, 4, 7, 9], [0, 0, 0, 0, 0]]), torch.randn(NUMBERS)
    numbers[0, 4:], numbers[2] = 0.0, 0.0  # a query, and keys, that see nothing
    _agree(model, [words, numbers], tmp_path)


OPERATIONS: dict[str, Callable[[Any], Any]] = {
    "arithmetic": lambda x: (1 - x) * 2.5 / (ops.square(x) + 0.5) - x**3,
    "functions": lambda x: ops.tanh(x) + ops.exp(-ops.abs(x)) * ops.sigmoid(x) + ops.log1p(ops.relu(x)),
    "reductions": lambda x: ops.mean(x, axis=1) + ops.max(x, axis=1) - ops.sum(x, axis=(1,)) * ops.std(x, axis=1),
    "kept axes": lambda x: x - ops.mean(x, axis=-1, keepdims=True) + ops.logsumexp(x, axis=[1, 2], keepdims=True),
    "slices": lambda x: ops.concatenate([x[:, -1], x[:, 0, :], x[:, 1:5:2][:, 0], x[..., 1:3, 0]], axis=-1),
    "shapes": lambda x: ops.squeeze(ops.transpose(ops.expand_dims(x, 1), (0, 2, 3, 1)), -1) @ ops.swapaxes(x, 1, 2),
    "sizes": lambda x: ops.reshape(x, (-1, 12, 2)),
    "stacks": lambda x: ops.stack([x, ops.flip(x, axis=1), ops.roll(x, 1, axis=1), ops.repeat(x, 1, axis=1)], axis=2),
    "softmax": lambda x: ops.einsum("bij,bik->bjk", ops.softmax(x, axis=1), x),
    "limits": lambda x: ops.clip(x, -0.5, 0.7) + ops.maximum(x, 0.1) + ops.minimum(0.2, x),
    "choices": lambda x: ops.where(x > 0.1, x, ops.zeros_like(x)) + ops.cast(ops.logical_not(x < 0.3), "float32"),
    "a layer of truth": lambda x: Dense(3)(ops.not_equal(x, 0.0)),
    "a sum of weights": lambda x: ops.sum(x * ops.softmax(Dense(1, activation="tanh")(x), axis=1), axis=1),
    "TensorFlow's": lambda x: (
        OperationLayer("TFOpLambda", {"function": "math.reduce_mean"})(x, axis=[1], keepdims=True)
        / OperationLayer("SlicingOpLambda", {"function": "__operators__.getitem"})(
            x, slice_spec=(slice(None), slice(0, 2))
        )
    ),
    "running sums": lambda x: ops.cumsum(x, axis=1) * ops.tile(x[:, :1], (1, 6, 1)),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_operations(name: str, tmp_path: Path) -> None:
    torch.manual_seed(3)
    x = Input(NUMBERS[1:])
    _agree(Functional(x, OPERATIONS[name](x)), [torch.randn(NUMBERS)], tmp_path)


def _frames() -> Sequential:
    convolutions = Sequential(
        [Input((6, 5, 2)), Conv2D(3, 3, padding="same", activation="relu"), MaxPooling2D(2), Flatten(), Dense(4)]
    )
    return Sequential([Input((None, 6, 5, 2)), TimeDistributed(convolutions), LSTM(3)])


def _sentences() -> Sequential:
    """A document of sentences of words."""
    sentence = Sequential([Input((5,), dtype="int32"), Embedding(11, 4, mask_zero=True), Bidirectional(GRU(3))])
    return Sequential([Input((4, 5), dtype="int32"), TimeDistributed(sentence), LSTM(3)])


def test_models_in_each_step(tmp_path: Path) -> None:
    torch.manual_seed(3)
    _agree(_frames(), [torch.randn(2, 4, 6, 5, 2)], tmp_path)
    _agree(_sentences(), [torch.randint(0, 11, (2, 4, 5))], tmp_path)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda x: ops.median(x, axis=1), "the operation `Median` with such arguments"),
        (lambda x: ops.sum(x > 0, axis=1), "the operation `Sum` with such arguments"),
        (lambda x: ops.relu(x, 0.1), "the operation `Relu` with such arguments"),
        (lambda x: TimeDistributed(LSTM(2))(Masking()(ops.expand_dims(x, 1))), "a mask for the LSTM in it"),
        (lambda x: MultiHeadAttention(2, 3, attention_axes=(1, 2))(x[:, None], x[:, None]), "more than three axes"),
    ],
)
def test_what_cannot_be_written_is_refused(make: Callable[[Any], Any], message: str) -> None:
    x = Input((6, 4))
    model = Functional(x, make(x))
    with pytest.raises(ValueError, match=rf"^Layer `.*` \(\w+\) cannot be written as plain PyTorch: .*{message}\.$"):
        source_of(model, "It")


def _everything() -> Model:
    inputs, (a, b) = _words()
    attended = MultiHeadAttention(2, 3)(b, a)
    normed = LayerNormalization()(attended + b)
    states = LSTM(4, return_sequences=True, recurrent_activation="hard_sigmoid")(normed)
    scores = ops.softmax(ops.abs(states) ** 3 + ops.einsum("bij->bij", states), axis=-1)
    return Functional(list(inputs), Dense(2, activation="softmax")(AdditiveAttention()([scores, a])[:, -1]))


FURTHER: dict[str, tuple[tuple[int, ...], Callable[[], list[Layer]]]] = {
    "norms": ((6, 4), lambda: [UnitNormalization(), RMSNormalization(), GroupNormalization(2), RMSNormalization()]),
    "depthwise": ((9, 4), lambda: [DepthwiseConv1D(3, 2, depth_multiplier=2), SeparableConv1D(5, 3, padding="same")]),
    "separable": ((8, 7, 3), lambda: [SeparableConv2D(5, 2, depth_multiplier=2, activation="elu"), DepthwiseConv2D(3)]),
    "transposed": ((5, 3), lambda: [Conv1DTranspose(4, 4, 2, padding="same"), Conv1DTranspose(2, 3, strides=4)]),
    "transposed in space": ((4, 5, 3), lambda: [Conv2DTranspose(4, (3, 2), strides=(2, 3), padding="same")]),
    "adaptive pooling": ((7, 3), lambda: [AdaptiveAveragePooling1D(4), AdaptiveMaxPooling1D(3)]),
    "sums of products": ((6, 4), lambda: [EinsumDense("abc,cd->abd", (None, 5), bias_axes="d", activation="tanh")]),
    "maxima and gates": ((6,), lambda: [MaxoutDense(4, 3), Highway(activation="tanh")]),
    "at random": ((4, 5, 3), lambda: [RandomFlip(), SpectralNormalization(Conv2D(3, 2)), Flatten()]),
    "a cell": ((6, 4), lambda: [Masking(), RNN(LSTMCell(3), True), RNN(GRUCell(3, reset_after=False))]),
    "cells": ((6, 4), lambda: [RNN([LSTMCell(3), GRUCell(2), SimpleRNNCell(4)], go_backwards=True)]),
    "masked cells": ((6, 4), lambda: [Masking(), RNN([LSTMCell(3), GRUCell(2)], return_sequences=True), LSTM(3)]),
}  # fmt: skip


@pytest.mark.parametrize("name", FURTHER)
def test_further_layers(name: str, tmp_path: Path) -> None:
    torch.manual_seed(3)
    shape, make = FURTHER[name]
    x = torch.randn(3, *shape)
    if "cell" in name:
        x[0, 2:4], x[1, 5:] = 0.0, 0.0
    _agree(Sequential([Input(shape), *make()]), [x], tmp_path)


def test_states_of_a_convolutional_lstm(tmp_path: Path) -> None:
    torch.manual_seed(3)
    frames, others = Input((4, 6, 5, 2), name="frames"), Input((3, 6, 5, 2), name="others")
    _, *states = ConvLSTM2D(3, 3, padding="same", return_state=True)(frames)
    decoded = ConvLSTM2D(3, 3, padding="same", return_sequences=True)(others, initial_state=states)
    _agree(
        Functional([frames, others], [decoded, *states]),
        [torch.randn(2, 4, 6, 5, 2), torch.randn(2, 3, 6, 5, 2)],
        tmp_path,
    )
    kept = Sequential([Input(batch_shape=(2, 3, 6, 5, 2)), ConvLSTM2D(3, 3, stateful=True)]).eval()
    written = _written(kept, tmp_path)
    for x in torch.randn(3, 2, 3, 6, 5, 2):
        assert_close(written(x).detach(), kept(x).detach(), "float32 model")


def test_local_names_hide_nothing(tmp_path: Path) -> None:
    """A layer may be called as a function that the file calls, or as one of Python's."""
    x = Input(NUMBERS[1:])
    y = Dense(4, activation="softmax", name="max")(Softmax(name="softmax")(x))
    _agree(Functional(x, Dense(2, activation="softmax", name="load")(y)), [torch.randn(NUMBERS)], tmp_path)


@pytest.mark.parametrize("make", [_everything, _frames, lambda: Sequential([Input((3, 2)), LSTM(4), Dense(1)])])
def test_linters_have_nothing_to_say(make: Callable[[], Model], tmp_path: Path) -> None:
    text, _ = source_of(make(), "A model")
    (tmp_path / "model.py").write_text(text)
    rules = "--select=E,F,I,UP,B,SIM,C4,PIE,RUF"
    for command in (["check", rules, "--no-cache"], ["format", "--check", "--no-cache"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--isolated", "--line-length=120", tmp_path / "model.py"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr + text
