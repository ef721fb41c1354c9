"""What any model does as a torch module, one of each kind: it trains, copies, moves, pickles, exports, compiles."""

import copy
import pickle
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.export import Dim

from tests.tolerances import assert_close
from torch_keras_lstm.layers import (
    GRU,
    LSTM,
    RNN,
    Attention,
    BatchNormalization,
    Bidirectional,
    Concatenate,
    Conv1D,
    ConvLSTM2D,
    Dense,
    Dropout,
    Embedding,
    GlobalAveragePooling1D,
    InputLayer,
    Layer,
    LSTMCell,
    Masking,
    MultiHeadAttention,
    SimpleRNN,
    StackedRNNCells,
    TimeDistributed,
)
from torch_keras_lstm.models import Functional, OperationLayer, Sequential
from torch_keras_lstm.models.graph import Call, Graph, TensorSource

BATCH, TIME, FEATURES = 4, 6, 3


def out(layer: str, call: int = 0, output: int = 0) -> TensorSource:
    return TensorSource(layer, call, output)


def on(*args: Any, **kwargs: Any) -> Call:
    return Call(args, kwargs)


def joined(layers: list[Layer], graph: Graph) -> Functional:
    model = Functional.from_graph(layers, graph, name="model")
    model.build()
    return model


def masked_words() -> Sequential:
    layers = [
        Embedding(7, FEATURES, mask_zero=True),
        Bidirectional(GRU(2, return_sequences=True)),
        Dropout(0.3),
        SimpleRNN(3, return_sequences=True),
        LSTM(4),
        Dense(2),
    ]
    return Sequential([InputLayer((None,), dtype="int64"), *layers])


def step_by_step() -> Sequential:
    """Nothing in it runs on the fused kernels."""
    cells = StackedRNNCells([LSTMCell(3), LSTMCell(2)])
    layers = [
        Masking(),
        LSTM(4, recurrent_activation="hard_sigmoid", return_sequences=True),
        GRU(3, reset_after=False, return_sequences=True),
        RNN(cells, return_sequences=True),
        TimeDistributed(Dense(2)),
    ]
    return Sequential([InputLayer((TIME, FEATURES)), *layers])


def images() -> Sequential:
    return Sequential([InputLayer((3, 5, 4, 2)), ConvLSTM2D(2, 3, return_sequences=True), TimeDistributed(Dense(2))])


def convolutions() -> Sequential:
    layers = [Conv1D(4, 3, padding="causal"), BatchNormalization(), LSTM(2, return_sequences=True)]
    return Sequential([InputLayer((None, FEATURES)), *layers, GlobalAveragePooling1D()])


def shared_and_nested() -> Functional:
    """A nested model called on two inputs, one of them masked."""
    inner = Sequential([InputLayer((None, FEATURES)), LSTM(4, return_sequences=True), LSTM(2)], name="inner")
    layers = [
        InputLayer((None, FEATURES), name="left"),
        InputLayer((None, FEATURES), name="right"),
        Masking(name="mask"),
        inner,
        OperationLayer("Subtract", {}, name="difference"),
        Concatenate(name="joined"),
        Dense(2, name="head"),
    ]
    calls = {
        "mask": (on(out("left")),),
        "inner": (on(out("mask")), on(out("right"))),
        "difference": (on(out("inner"), out("inner", 1)),),
        "joined": (on([out("inner"), out("difference")]),),
        "head": (on(out("joined")),),
    }
    return joined(layers, Graph(calls, [out("left"), out("right")], out("head")))


def encoder_decoder() -> Functional:
    """States passed on, and attention over what the encoder said."""
    layers = [
        InputLayer((None,), dtype="int64", name="source"),
        InputLayer((None, FEATURES), name="target"),
        Embedding(7, 5, mask_zero=True, name="embed"),
        LSTM(4, return_sequences=True, return_state=True, name="encoder"),
        LSTM(4, return_sequences=True, name="decoder"),
        Attention(name="attention"),
        MultiHeadAttention(2, 3, name="heads"),
        Concatenate(name="joined"),
        Dense(2, name="head"),
    ]
    states = [out("encoder", output=1), out("encoder", output=2)]
    calls = {
        "embed": (on(out("source")),),
        "encoder": (on(out("embed")),),
        "decoder": (on(out("target"), initial_state=states),),
        "attention": (on([out("decoder"), out("encoder")]),),
        "heads": (on(out("decoder"), out("encoder")),),
        "joined": (on([out("decoder"), out("attention"), out("heads")]),),
        "head": (on(out("joined")),),
    }
    return joined(layers, Graph(calls, [out("source"), out("target")], out("head")))


def words(batch: int) -> Tensor:
    indices = torch.randint(0, 7, (batch, TIME))
    indices[0, :2] = 0  # masked in front
    indices[1, 1:] = 0  # and behind
    return indices


def sequences(batch: int) -> Tensor:
    values = torch.randn(batch, TIME, FEATURES)
    values[0, :2] = values[1, 1:] = 0.0
    return values


Inputs = Callable[[int], Any]
# what is made, and its inputs of a batch size
MODELS: list[tuple[Callable[[], Any], Inputs]] = [
    (masked_words, words),
    (step_by_step, sequences),
    (images, lambda batch: torch.randn(batch, 3, 5, 4, 2)),
    (convolutions, sequences),
    (shared_and_nested, lambda batch: [sequences(batch), torch.randn(batch, TIME, FEATURES)]),
    (encoder_decoder, lambda batch: [words(batch), torch.randn(batch, TIME, FEATURES)]),
]
every_model = pytest.mark.parametrize(("make", "inputs"), MODELS, ids=[make.__name__ for make, _ in MODELS])


def doubles(inputs: Any) -> Any:
    if isinstance(inputs, list):
        return [doubles(value) for value in inputs]
    return inputs.double() if inputs.is_floating_point() else inputs


@every_model
def test_it_trains(make: Callable[[], Any], inputs: Inputs) -> None:
    model, batch = make().train(), inputs(BATCH)
    before = model.get_weights()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    model(batch).square().sum().backward()
    optimizer.step()
    moved = [not (old == new).all() for old, new in zip(before, model.get_weights(), strict=True)]
    assert all(moved)


def duplicate(model: Any, how: str) -> Any:
    if how == "copy":
        return copy.deepcopy(model)
    if how == "pickle":
        return pickle.loads(pickle.dumps(model))
    return type(model).from_config(model.get_config())


@every_model
@pytest.mark.parametrize("how", ["copy", "pickle", "configuration"])
def test_it_copies(make: Callable[[], Any], inputs: Inputs, how: str) -> None:
    model, batch = make().eval(), inputs(BATCH)
    expected = model(batch).detach()
    twin = duplicate(model, how).eval()
    twin.load_state_dict(model.state_dict())
    assert torch.equal(twin(batch), expected)
    with torch.no_grad():
        for parameter in twin.parameters():
            parameter.zero_()
    assert torch.equal(model(batch), expected)


@every_model
def test_it_moves(make: Callable[[], Any], inputs: Inputs) -> None:
    model, batch = make().eval(), inputs(BATCH)
    single = model(batch).detach()
    double = model.to(torch.float64)(doubles(batch))
    assert double.dtype == torch.float64
    assert_close(single, double.detach(), "float32 model")
    assert {tensor.device.type for tensor in model.to("meta").state_dict().values()} == {"meta"}


@every_model
def test_it_exports_for_any_batch(make: Callable[[], Any], inputs: Inputs) -> None:
    model = make().eval()
    batch = inputs(BATCH)
    shapes = [{0: Dim.DYNAMIC}] * len(batch) if isinstance(batch, list) else {0: Dim.DYNAMIC}
    with quiet():
        exported = torch.export.export(model, (batch,), dynamic_shapes=(shapes,)).module()
    for size in (BATCH, 2, 9):
        other = inputs(size)
        # not to the bit: the fused kernels round otherwise when they record for a backward, as here the model's do
        assert_close(exported(other).detach(), model(other).detach(), "float32 model")


@every_model
def test_it_compiles_in_one_piece(make: Callable[[], Any], inputs: Inputs) -> None:
    model, batch = make().eval(), inputs(BATCH)
    torch.compiler.reset()
    with quiet():
        compiled: Any = torch.compile(model, fullgraph=True, backend="eager")
        assert_close(compiled(batch).detach(), model(batch).detach(), "float32 model")


@contextmanager
def quiet() -> Iterator[None]:
    """Torch's tracing warns of its own deprecations."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
