"""``model.export``: files that other programs run compute what the model does."""

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch

from tests.tolerances import assert_close
from torch_keras_lstm import Model
from torch_keras_lstm.layers import LSTM, Dense, Dropout, Input
from torch_keras_lstm.models import Sequential


def _stack() -> Sequential:
    return Sequential([Input((None, 2)), LSTM(4), Dropout(0.5), Dense(3)])


def _graph() -> Any:
    first, second = Input((5, 2), name="first"), Input((4,), name="second")
    return Model([first, second], [Dense(2)(LSTM(3)(first)), Dense(3)(second)])


def _inputs(model: Any, batch: int) -> list[torch.Tensor]:
    return [torch.randn(batch, *(size or 7 for size in tensor.shape[1:])) for tensor in model.inputs]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
@pytest.mark.parametrize("make", [_stack, _graph])
def test_onnxruntime_computes_what_the_model_does(make: Any, tmp_path: Path) -> None:
    model = make()
    model.export(tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    inputs = _inputs(model, 6)
    named = dict(zip((one.name for one in session.get_inputs()), map(np.asarray, inputs), strict=True))
    expected = model(inputs if len(inputs) > 1 else inputs[0])
    for got, one in zip(session.run(None, named), expected if isinstance(expected, list) else [expected], strict=True):
        assert_close(got, one.detach(), "float32 model")


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_torch_loads_and_runs_the_exported_program(tmp_path: Path) -> None:
    model = _stack()
    model.export(tmp_path / "model.pt2", format="torch")
    (inputs,) = _inputs(model, 6)
    got = torch.export.load(tmp_path / "model.pt2").module()(inputs)
    assert_close(got.detach(), model(inputs).detach(), "float32 model")


def test_what_cannot_be_exported_says_why(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"`format`.*'onnx', 'torch'"):
        _stack().export(tmp_path / "model", format="tf_saved_model")
    with pytest.raises(ValueError, match="The input shape of model `m` is not known: call it"):
        Sequential([Dense(3)], name="m").export(tmp_path / "model.onnx")
