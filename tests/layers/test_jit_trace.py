"""``torch.jit.trace`` as users write it, with gradients and with its check: any batch, any length, any mask."""

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.tolerances import assert_close
from torch_keras_lstm.layers import (
    GRU,
    LSTM,
    RNN,
    Bidirectional,
    ConvLSTM1D,
    Dense,
    Embedding,
    GRUCell,
    LSTMCell,
    Masking,
    SimpleRNN,
    StatesAsArguments,
)
from torch_keras_lstm.models import Sequential

# torch 2.13 tells whoever traces that something else is newer; a `TracerWarning` is none of these
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")

FEATURES, UNITS = 3, 4
SIZES = ((2, 5), (4, 9), (1, 1))


class OwnCell(nn.Module):
    """A cell of somebody's own, whose output is wider than its state."""

    state_size, output_size = UNITS, UNITS + 1

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.outer = nn.Linear(FEATURES + UNITS, UNITS), nn.Linear(UNITS, UNITS + 1)

    def forward(self, inputs: Tensor, states: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        state = torch.tanh(self.inner(torch.cat((inputs, states[0]), -1)))
        return self.outer(state), [state]


def _layers() -> Iterator[Any]:
    whole: dict[str, Any] = {"return_sequences": True, "return_state": True}
    yield LSTM(UNITS, **whole)
    yield LSTM(UNITS, recurrent_activation="hard_sigmoid", go_backwards=True, zero_output_for_mask=True, **whole)
    yield LSTM(UNITS, activation="gelu", return_state=True, use_bias=False)
    yield GRU(UNITS, return_state=True)
    yield GRU(UNITS, reset_after=False, return_sequences=True)
    yield SimpleRNN(UNITS, activation="elu", return_sequences=True)
    yield Bidirectional(LSTM(UNITS, return_sequences=True))
    yield RNN([LSTMCell(UNITS), GRUCell(UNITS - 1)], return_sequences=True)
    yield RNN(OwnCell(), return_sequences=True)


class Several(nn.Module):
    """One trace of all takes less than one of each."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(_layers())
        for layer in self.layers:
            layer.build((None, None, FEATURES))  # type: ignore[operator]
        self.images = ConvLSTM1D(2, 2, input_shape=(None, FEATURES, 1))

    def forward(self, inputs: Tensor, mask: Tensor) -> list[Tensor]:
        outputs = [self.images(inputs.unsqueeze(-1), mask=mask)]
        for layer in self.layers:
            for output in (layer(inputs), layer(inputs, mask=mask)):
                outputs += output if isinstance(output, tuple) else [output]
        return outputs


@pytest.mark.parametrize("steps", [5, 1])
def test_nothing_is_fixed_by_the_sizes_and_the_mask_of_the_example(steps: int) -> None:
    model = Several().eval()
    nothing_masked = torch.ones(2, steps, dtype=torch.bool)
    traced: Any = torch.jit.trace(model, (torch.randn(2, steps, FEATURES), nothing_masked), strict=False)
    for size in SIZES:
        inputs, mask = torch.randn(*size, FEATURES), torch.rand(size) > 0.4
        mask[0] = False
        for index, (got, expected) in enumerate(zip(traced(inputs, mask), model(inputs, mask), strict=True)):
            assert_close(got.detach(), expected.detach(), "float32 model", f"output {index} of {size}")


def _texts() -> Sequential:
    model = Sequential([Embedding(9, FEATURES, mask_zero=True), Bidirectional(LSTM(UNITS)), Dense(2)])
    model(torch.ones(1, 2, dtype=torch.int64))
    return model


def _masking() -> Sequential:
    model = Sequential([Masking(), LSTM(UNITS, recurrent_activation="hard_sigmoid", return_sequences=True), GRU(3)])
    model(torch.ones(1, 2, FEATURES))
    return model


@pytest.mark.parametrize(
    ("make", "draw"),
    [
        (_texts, lambda *size: torch.randint(0, 9, size)),
        (_masking, lambda *size: torch.randint(0, 2, (*size, FEATURES))),
    ],
    ids=["texts", "masking"],
)
@pytest.mark.parametrize("grad", [True, False], ids=["grad", "no_grad"])
def test_a_model_traced_on_rows_without_padding_is_right_on_padded_ones(
    make: Callable[[], Sequential], draw: Callable[..., Tensor], grad: bool
) -> None:
    model, file = make(), io.BytesIO()
    dtype = torch.int64 if make is _texts else torch.float32
    with torch.set_grad_enabled(grad):
        traced = torch.jit.trace(model, draw(2, 4).clamp(min=1).to(dtype))
    torch.jit.save(traced, file)
    file.seek(0)
    loaded: Any = torch.jit.load(file)
    for size in SIZES:
        inputs = draw(*size).to(dtype)
        inputs[0] = 0
        assert_close(loaded(inputs).detach(), model(inputs).detach(), "float32 model", str(size))


def test_a_trace_is_trained_further() -> None:
    model = Sequential([LSTM(UNITS, recurrent_activation="hard_sigmoid"), Dense(1)])
    model(torch.ones(2, 3, FEATURES))
    traced: Any = torch.jit.trace(model, torch.randn(2, 3, FEATURES))
    inputs = torch.randn(3, 6, FEATURES)
    expected = torch.autograd.grad(model(inputs).sum(), list(model.parameters()))
    for got, wanted in zip(torch.autograd.grad(traced(inputs).sum(), list(traced.parameters())), expected, strict=True):
        assert_close(got, wanted, "float32 model")


def test_states_go_in_and_come_out() -> None:
    layer = LSTM(UNITS, stateful=True, input_size=FEATURES, recurrent_activation="hard_sigmoid").eval()
    wrapped = StatesAsArguments(layer)
    first = torch.randn(2, 5, FEATURES)
    states = wrapped.states_of(first)
    traced: Any = torch.jit.trace(wrapped, (first, states))
    for size in (5, 2, 7):
        chunk = torch.randn(2, size, FEATURES)
        output, states = traced(chunk, states)
        assert_close(output.detach(), layer(chunk).detach(), "float32 model")


def test_tensorboard_draws_the_graph(tmp_path: Path) -> None:
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(str(tmp_path)) as writer:
        writer.add_graph(_texts(), torch.ones(2, 4, dtype=torch.int64))
    (events,) = tmp_path.iterdir()
    assert b"Bidirectional" in events.read_bytes()
