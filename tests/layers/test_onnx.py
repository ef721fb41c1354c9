"""``torch.onnx.export`` writes ONNX's own recurrences, and onnxruntime computes with them what we compute."""

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import onnx
import onnxruntime
import pytest
import torch
from torch import Tensor, nn
from torch.export import Dim

from tests.tolerances import assert_close
from torch_keras_lstm.layers import GRU, LSTM, Bidirectional, ConvLSTM1D, Embedding, SimpleRNN

FEATURES, UNITS = 3, 4
FREE = {0: Dim.DYNAMIC, 1: Dim.DYNAMIC}
SIZES = ((2, 5), (6, 9), (1, 1))
# recurrent activation, activation: those that take constants, and how they are told apart
ACTIVATIONS = (
    ("hard_sigmoid", "relu"), ("hard_sigmoid_keras2", "elu"), ("sigmoid", "softsign"), ("hard_sigmoid", "leaky_relu"),
    ("softplus", "hard_sigmoid_keras2"), ("sigmoid", "linear"),
)  # fmt: skip


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """The exporter warns of its own deprecations."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def layer(**config: Any) -> LSTM:
    return LSTM(UNITS, input_size=FEATURES, bias_initializer="random_normal", **config)


class Several(nn.Module):
    """One export takes seconds, so one takes all."""

    def __init__(self) -> None:
        super().__init__()
        self.plain = nn.ModuleList(
            layer(activation=activation, recurrent_activation=gate, dropout=0.5, recurrent_dropout=0.5)
            for gate, activation in ACTIVATIONS
        )
        self.masked = nn.ModuleList(
            [
                layer(return_sequences=True, return_state=True, go_backwards=True),
                layer(return_state=True, zero_output_for_mask=True, use_bias=False),
            ]
        )
        config: dict[str, Any] = {"input_size": FEATURES, "bias_initializer": "random_normal"}
        self.others = nn.ModuleList(
            [
                GRU(UNITS, return_sequences=True, return_state=True, **config),
                GRU(UNITS, reset_after=False, recurrent_activation="hard_sigmoid", go_backwards=True, **config),
                SimpleRNN(UNITS, activation="elu", return_state=True, zero_output_for_mask=True, **config),
            ]
        )
        self.both = Bidirectional(layer(return_sequences=True))
        self.both.build((None, None, FEATURES))

    def forward(self, inputs: Tensor, mask: Tensor, hidden: Tensor, cell: Tensor) -> list[Tensor]:
        outputs = [one(inputs) for one in self.plain]
        for one in self.masked:
            outputs += one(inputs, mask=mask, initial_state=[hidden, cell])
        for one in self.others:
            for given in ({}, {"mask": mask, "initial_state": [hidden]}):
                found = one(inputs, **given)
                outputs += found if isinstance(found, tuple) else [found]
        return [*outputs, self.both(inputs), self.both(inputs, mask=mask)]


def example(rows: int, time: int) -> tuple[Tensor, ...]:
    mask = torch.rand(rows, time) > 0.4
    mask[0] = False
    return torch.randn(rows, time, FEATURES), mask, torch.randn(rows, UNITS), torch.randn(rows, UNITS)


def run(path: Path, arguments: tuple[Tensor, ...]) -> list[Any]:
    session = onnxruntime.InferenceSession(path)
    names = [given.name for given in session.get_inputs()]
    outputs: list[Any] = session.run(None, dict(zip(names, (one.numpy() for one in arguments), strict=True)))
    return outputs


@pytest.mark.parametrize("dynamo", [True, False], ids=["dynamo", "legacy"])
def test_onnxruntime_agrees_for_any_batch_and_length(tmp_path: Path, dynamo: bool) -> None:
    model, path = Several().eval(), tmp_path / "model.onnx"
    if dynamo:
        shapes = (FREE, FREE, {0: Dim.DYNAMIC}, {0: Dim.DYNAMIC})
        torch.onnx.export(model, example(2, 5), path, dynamo=True, dynamic_shapes=shapes, verbose=False)
    else:
        axes = {name: {0: "batch", 1: "time"} for name in ("inputs", "mask")}
        names = ["inputs", "mask", "hidden", "cell"]
        options: dict[str, Any] = {"input_names": names, "dynamic_axes": {**axes, "hidden": {0: "b"}, "cell": {0: "b"}}}
        torch.onnx.export(model, example(2, 5), path, dynamo=False, **options)
    operators = [node.op_type for node in onnx.load(path).graph.node]
    assert operators.count("LSTM") == len(model.plain) + len(model.masked) + 2 * 2
    assert (operators.count("GRU"), operators.count("RNN")) == (4, 2)
    for size in SIZES:
        arguments = example(*size)
        for index, (got, expected) in enumerate(zip(run(path, arguments), model(*arguments), strict=True)):
            assert_close(got, expected.detach(), "float32 model", f"output {index} of {size}")


@pytest.mark.parametrize("dynamo", [True, False], ids=["dynamo", "legacy"])
def test_an_activation_that_onnx_has_not_is_a_loop_in_the_file(tmp_path: Path, dynamo: bool) -> None:
    model, path = layer(activation="softmax").eval(), tmp_path / "model.onnx"
    inputs = torch.randn(2, 3, FEATURES)
    if dynamo:
        torch.onnx.export(model, (inputs,), path, dynamo=True, dynamic_shapes=(FREE,), verbose=False)
    else:
        axes = {"inputs": {0: "batch", 1: "time"}}
        torch.onnx.export(model, (inputs,), path, dynamo=False, input_names=["inputs"], dynamic_axes=axes)
    assert ("Scan" if dynamo else "Loop") in {node.op_type for node in onnx.load(path).graph.node}
    inputs = torch.randn(3, 7, FEATURES)
    (got,) = run(path, (inputs,))
    assert_close(got, model(inputs).detach(), "float32 model")


class Stacked(nn.Module):
    """Layers under one mask, and images, of which the exporter without ``dynamo=True`` took sizes for fixed."""

    def __init__(self) -> None:
        super().__init__()
        self.words = Embedding(9, FEATURES, mask_zero=True)
        self.first, self.second = layer(return_sequences=True), LSTM(2, input_size=UNITS)
        self.images = ConvLSTM1D(2, 2, input_shape=(None, FEATURES, 1))

    def forward(self, words: Tensor) -> tuple[Tensor, Tensor]:
        vectors = self.words(words)
        return self.second(self.first(vectors)), self.images(vectors.square().unsqueeze(-1))


def test_the_legacy_exporter_leaves_sizes_free_behind_masks_and_convolutions(tmp_path: Path) -> None:
    model, path = Stacked().eval(), tmp_path / "model.onnx"
    axes = {"words": {0: "batch", 1: "time"}}
    words = torch.randint(0, 9, (2, 5))
    torch.onnx.export(model, (words,), path, dynamo=False, input_names=["words"], dynamic_axes=axes, opset_version=14)
    for size in SIZES:
        words = torch.randint(0, 9, size)
        for index, (got, expected) in enumerate(zip(run(path, (words,)), model(words), strict=True)):
            assert_close(got, expected.detach(), "float32 model", f"output {index} of {size}")


def test_double_precision_is_a_loop_which_onnxruntime_has_while_its_lstm_is_of_single(tmp_path: Path) -> None:
    model, path = nn.Sequential(layer(return_sequences=True), GRU(2, input_size=UNITS)).double().eval(), tmp_path / "m"
    inputs = torch.randn(2, 3, FEATURES, dtype=torch.float64)
    torch.onnx.export(model, (inputs,), path, dynamo=True, dynamic_shapes=(FREE,), verbose=False)
    inputs = torch.randn(4, 6, FEATURES, dtype=torch.float64)
    (got,) = run(path, (inputs,))
    assert_close(got, model(inputs).detach(), "float64")
