"""Eight bits: what ``model.export(format="onnx-int8")`` writes, and what torch says of models that it leaves alone."""

import copy
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import nn

from torch_keras_lstm.layers import GRU, LSTM, Bidirectional, Conv1D, Dense, Embedding, Input, Layer, SimpleRNN
from torch_keras_lstm.models import Sequential

UNITS, WORDS = 64, 300

# the layers, and how often operators that compute in integers stand in the file
KINDS: dict[str, tuple[Callable[[], list[Layer]], dict[str, int]]] = {
    "LSTM": (
        lambda: [LSTM(UNITS, return_sequences=True), LSTM(UNITS)],
        {"DynamicQuantizeLSTM": 2, "MatMulInteger": 1, "LSTM": 0},
    ),
    "Bidirectional, masked": (lambda: [Bidirectional(LSTM(UNITS))], {"DynamicQuantizeLSTM": 2, "MatMulInteger": 1}),
    "GRU": (lambda: [GRU(UNITS, return_sequences=True), GRU(UNITS)], {"GRU": 2, "MatMulInteger": 1}),
    "SimpleRNN": (lambda: [Conv1D(UNITS, 3), SimpleRNN(UNITS)], {"RNN": 1, "Conv": 1}),
    "a loop": (lambda: [LSTM(UNITS, activation="gelu")], {"Scan": 1}),
}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
@pytest.mark.parametrize("name", KINDS)
def test_a_quarter_of_the_bytes_and_hardly_other_numbers(name: str, tmp_path: Path) -> None:
    torch.manual_seed(3)
    make, operators = KINDS[name]
    embedding = Embedding(WORDS, UNITS, mask_zero="masked" in name)
    model = Sequential([Input((None,), dtype="int64"), embedding, *make(), Dense(20)]).eval()
    model.export(tmp_path / "model.onnx", format="onnx-int8")
    assert [entry.name for entry in tmp_path.iterdir()] == ["model.onnx"]
    found = Counter(node.op_type for node in onnx.load(tmp_path / "model.onnx").graph.node)
    assert {kind: found[kind] for kind in operators} == operators
    bytes_in_float = sum(4 * weight.numel() for weight in model.parameters())
    assert (tmp_path / "model.onnx").stat().st_size < 0.4 * bytes_in_float
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    for shape in ((4, 20), (1, 7)):
        x = torch.randint(1, WORDS, shape)
        x[:, 5:] *= "masked" not in name
        expected = model(x).detach().numpy()
        (got,) = session.run(None, {session.get_inputs()[0].name: x.numpy()})
        error = np.abs(got - expected).max() / np.abs(expected).max()
        assert 1e-4 < error < 0.03  # the rounding of the weights alone makes about 0.008


@pytest.mark.filterwarnings("ignore:.*deprecated")  # of torch.ao, of itself
def test_torch_says_that_it_leaves_these_layers_alone() -> None:
    def quantized(model: nn.Module) -> Any:
        return torch.ao.quantization.quantize_dynamic(model)

    model = Sequential([Input((None, 3)), LSTM(4), Dense(2)])
    with pytest.warns(UserWarning, match=r'model\.export\("model\.onnx", format="onnx-int8"\)'):
        found = quantized(nn.Sequential(nn.Linear(3, 3), model))
    assert "quantized" in type(found[0]).__module__
    assert type(found[1]) is Sequential
    x = torch.randn(2, 5, 3)
    torch.testing.assert_close(copy.deepcopy(found[1])(x), model(x), rtol=0, atol=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not hasattr(model, "qconfig")  # and what only looks meets nothing
