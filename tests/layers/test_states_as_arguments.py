"""Stateful models in files and traces: the states go in and come out, or an error says so."""

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import onnxruntime
import pytest
import torch
from torch import Tensor, nn
from torch.export import Dim

from tests.tolerances import assert_close
from torch_keras_lstm.layers import GRU, LSTM, RNN, Bidirectional, Dense, LSTMCell, StatesAsArguments
from torch_keras_lstm.models import Sequential

B, T, F, UNITS = 2, 5, 3, 4


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """The exporters warn of their own deprecations."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def stateful_model() -> Sequential:
    model = Sequential(
        [
            LSTM(UNITS, stateful=True, return_sequences=True, recurrent_activation="hard_sigmoid"),
            Bidirectional(LSTM(2, stateful=True, return_sequences=True)),
            LSTM(UNITS + 1, stateful=True),
            Dense(2),
        ]
    )
    model(torch.randn(B, T, F))
    model.reset_states()
    return model.eval()


def streamed(model: nn.Module, chunks: list[Tensor]) -> list[Tensor]:
    with torch.no_grad():
        return [model(chunk) for chunk in chunks]


def test_the_states_go_in_and_come_out() -> None:
    model = stateful_model()
    chunks = [torch.randn(B, T, F) for _ in range(3)]
    wrapped = StatesAsArguments(model)
    states = wrapped.states_of(chunks[0])
    assert [tuple(state.shape) for state in states] == [(B, UNITS)] * 2 + [(B, 2)] * 4 + [(B, UNITS + 1)] * 2
    for chunk, expected in zip(chunks, streamed(model, chunks), strict=True):
        output, states = wrapped(chunk, states)
        assert_close(output.detach(), expected, "float32 elementwise")


def test_what_the_model_keeps_is_left_alone_and_gradients_pass() -> None:
    layer = LSTM(UNITS, stateful=True)
    layer(torch.randn(B, T, F))
    assert layer.states is not None
    before = [state.clone() for state in layer.states]
    wrapped = StatesAsArguments(layer)
    states = [state.requires_grad_() for state in wrapped.states_of(torch.randn(B, T, F))]
    output, after = wrapped(torch.randn(B, T, F), states)
    gradients = torch.autograd.grad(output.sum() + after[1].sum(), states)
    assert all(gradient.abs().sum() > 0 for gradient in gradients)
    assert all(torch.equal(old, new) for old, new in zip(before, layer.states, strict=True))


@pytest.mark.parametrize("make", [lambda: GRU(UNITS, stateful=True), lambda: RNN(LSTMCell(UNITS), stateful=True)])
def test_other_layers(make: Any) -> None:
    layer = make()
    chunks = [torch.randn(B, T, F) for _ in range(2)]
    wrapped = StatesAsArguments(layer)
    states = wrapped.states_of(chunks[0])
    for chunk, expected in zip(chunks, streamed(layer, chunks), strict=True):
        output, states = wrapped(chunk, states)
        assert_close(output.detach(), expected, "float32 elementwise")


@pytest.mark.slow
def test_onnx(tmp_path: Path) -> None:
    model, path = stateful_model(), tmp_path / "model.onnx"
    chunks = [torch.randn(B, time, F) for time in (5, 2, 7)]
    wrapped = StatesAsArguments(model)
    states = wrapped.states_of(chunks[0])
    shapes = ({0: Dim.DYNAMIC, 1: Dim.DYNAMIC}, [{0: Dim.DYNAMIC}] * len(states))
    torch.onnx.export(wrapped, (chunks[0], states), path, dynamo=True, dynamic_shapes=shapes, verbose=False)
    session = onnxruntime.InferenceSession(path)
    names = [given.name for given in session.get_inputs()]
    carried = [state.numpy() for state in states]
    for chunk, expected in zip(chunks, streamed(model, chunks), strict=True):
        output, *carried = session.run(None, dict(zip(names, [chunk.numpy(), *carried], strict=True)))
        assert_close(output, expected, "float32 model")


def test_export_and_trace() -> None:
    layer = LSTM(UNITS, stateful=True, input_size=F).eval()
    chunks = [torch.randn(B, time, F) for time in (5, 5, 5)]
    wrapped = StatesAsArguments(layer)
    states = wrapped.states_of(chunks[0])
    free = ({0: Dim.DYNAMIC, 1: Dim.DYNAMIC}, [{0: Dim.DYNAMIC}] * 2)
    program: Any = torch.export.export(wrapped, (chunks[0], states), dynamic_shapes=free).module()
    with torch.no_grad():
        traced: Any = torch.jit.trace(wrapped, (chunks[0], states), check_trace=False)
    expected = streamed(layer, chunks)
    for run in (program, traced):
        carried = states
        for chunk, wanted in zip(chunks, expected, strict=True):
            output, carried = run(chunk, carried)
            assert_close(output.detach(), wanted, "float32 model")


def test_a_file_that_would_start_anew_each_time_is_refused(tmp_path: Path) -> None:
    layer = LSTM(UNITS, stateful=True, input_size=F, name="memory").eval()
    inputs = torch.randn(B, T, F)
    layer(inputs)
    message = r"Stateful layer `memory` would start every call of this file or trace from the same states\. Let them go"
    with pytest.raises(RuntimeError, match=message), torch.no_grad():
        torch.jit.trace(layer, inputs)
    with pytest.raises(Exception, match=message):
        torch.onnx.export(layer, (inputs,), tmp_path / "model.onnx", dynamo=True, verbose=False)
    with pytest.raises(RuntimeError, match=r"or export `torch_keras_lstm\.layers\.StatesAsArgum"):
        torch.export.export(layer, (inputs,))
    with pytest.raises(ValueError, match=r"^The model has no layer with `stateful=True`, so there are no states to"):
        StatesAsArguments(LSTM(UNITS))
    with pytest.raises(ValueError, match=r"^The model keeps 2 states, got 1: `states_of\(inputs\)` makes them\.$"):
        StatesAsArguments(layer)(inputs, [torch.zeros(B, UNITS)])
    with pytest.raises(RuntimeError, match=r"Call it once, with a batch of the size to export for, before `regis"):
        LSTM(UNITS, stateful=True).register_states()
