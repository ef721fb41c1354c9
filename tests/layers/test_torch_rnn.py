"""``torch.nn.LSTM``, ``GRU`` and ``RNN`` become layers and layers become them; their calls are understood."""

import re
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from tests.tolerances import assert_close
from torch_keras_lstm.layers import GRU, LSTM, RNN, Bidirectional, Dense, Dropout, LSTMCell, SimpleRNN
from torch_keras_lstm.models import Sequential

B, T, F, U = 3, 5, 4, 6
KINDS: list[tuple[Any, Any, dict[str, Any]]] = [
    (LSTM, nn.LSTM, {}),
    (LSTM, nn.LSTM, {"bias": False}),
    (GRU, nn.GRU, {}),
    (SimpleRNN, nn.RNN, {}),
    (SimpleRNN, nn.RNN, {"nonlinearity": "relu"}),
]
EACH = pytest.mark.parametrize(("ours", "theirs", "options"), KINDS)


def inputs() -> Tensor:
    return torch.randn(B, T, F, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def module(theirs: Any, **options: Any) -> Any:
    torch.manual_seed(2)
    return theirs(F, U, batch_first=True, dtype=torch.float64, **options)


def check(layer: Any, theirs: Any) -> None:
    """That both give the same outputs, and that what the layer becomes does, too."""
    expected = theirs(inputs())[0].detach()
    assert_close(layer(inputs()).detach(), expected, "float64")
    back = layer.to_torch()
    assert type(back) is type(theirs)
    assert repr(back) == repr(theirs)
    assert back.training == theirs.training
    assert_close(back(inputs())[0].detach(), expected, "float64")


@EACH
def test_one_layer(ours: Any, theirs: Any, options: dict[str, Any]) -> None:
    one = module(theirs, **options).eval()
    check(ours.from_torch(one), one)


@EACH
def test_two_directions(ours: Any, theirs: Any, options: dict[str, Any]) -> None:
    one = module(theirs, bidirectional=True, **options)
    layer: Any = Bidirectional.from_torch(one)
    check(layer, one)
    assert isinstance(layer.forward_layer, ours)
    again = Bidirectional(ours(U, return_sequences=True, use_bias=one.bias, dtype="float64"), dtype="float64")
    again.load_state_dict(one.state_dict())
    for mine, other in zip(again.get_weights(), layer.get_weights(), strict=True):
        assert np.array_equal(mine, other)


@EACH
@pytest.mark.parametrize("directions", [1, 2])
def test_several_layers(ours: Any, theirs: Any, options: dict[str, Any], directions: int) -> None:
    stack = module(theirs, num_layers=3, bidirectional=directions == 2, dropout=0.25, **options).eval()
    model: Any = Sequential.from_torch(stack)
    check(model, stack)
    kind = ours if directions == 1 else Bidirectional
    assert [type(layer) for layer in model.layers] == [kind, Dropout, kind, Dropout, kind]
    assert not any(layer.training for layer in model.modules())
    assert model.get_config()["layers"]  # it can be saved as any other


def test_keras_one_bias_is_torchs_sum() -> None:
    theirs = module(nn.LSTM)
    layer: Any = LSTM.from_torch(theirs, return_sequences=False, name="given")
    assert layer.name == "given"
    assert_close(layer.get_weights()[2], (theirs.bias_ih_l0 + theirs.bias_hh_l0).detach(), "float64 elementwise")
    assert_close(layer(inputs()).detach(), theirs(inputs())[0][:, -1].detach(), "float64")
    assert not layer.to_torch().bias_hh_l0.any()


def test_a_module_with_time_first_says_what_changes() -> None:
    theirs = nn.LSTM(F, U, dtype=torch.float64)
    said = r"takes \(time, batch, features\): .* `inputs.transpose\(0, 1\)`. Its states are \(batch, units\)"
    for make in (LSTM.from_torch, Sequential.from_torch):
        with pytest.warns(UserWarning, match=said) as warned:
            layer = make(theirs)
        assert warned[0].filename == __file__
        expected = theirs(inputs().transpose(0, 1))[0].transpose(0, 1)
        assert_close(layer(inputs()).detach(), expected.detach(), "float64")


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (
            lambda: LSTM.from_torch(nn.LSTM(F, U, 2)),
            ValueError,
            "`LSTM.from_torch` takes a torch.nn.LSTM of one layer and one direction without projection, got "
            "num_layers=2, bidirectional=False, proj_size=0. `Sequential.from_torch(...)` takes this one.",
        ),
        (
            lambda: GRU.from_torch(nn.GRU(F, U, bidirectional=True)),
            ValueError,
            "proj_size=0. `Bidirectional.from_torch(...)` takes this one.",
        ),
        (
            lambda: Bidirectional.from_torch(nn.GRU(F, U)),
            ValueError,
            "of one layer and two directions without projection, got num_layers=1, bidirectional=False, proj_size=0. "
            "`GRU.from_torch(...)` takes this one.",
        ),
        (lambda: LSTM.from_torch(nn.GRU(F, U)), TypeError, f"takes no GRU({F}, {U}): `GRU.from_torch` does."),
        (
            lambda: Sequential.from_torch(nn.Linear(F, U)),  # type: ignore[arg-type]
            TypeError,
            "`from_torch` takes a torch.nn.LSTM, torch.nn.GRU, torch.nn.RNN, got Linear",
        ),
        (
            lambda: Sequential.from_torch(nn.LSTM(F, U, proj_size=2)),
            ValueError,
            "takes no projection, got proj_size=2.",
        ),
        (
            lambda: GRU(U, input_size=F, reset_after=False, name="g").to_torch(),
            ValueError,
            "Layer `g` cannot become a torch.nn.GRU: torch's kernels compute `reset_after=True` only.",
        ),
        (
            lambda: Bidirectional(LSTM(U), merge_mode="sum", name="b", input_shape=(T, F)).to_torch(),
            ValueError,
            "Layer `b` cannot become a module of torch's: torch's modules put both outputs side by side, and "
            "`merge_mode` is 'sum'.",
        ),
        (
            lambda: Bidirectional(RNN(LSTMCell(U)), name="b", input_shape=(T, F)).to_torch(),
            ValueError,
            "Layer `b` cannot become a module of torch's: its halves are of the class RNN.",
        ),
        (
            lambda: Sequential([LSTM(U, input_size=F), Dense(2, name="d")], name="m").to_torch(),
            ValueError,
            f"Model `m` cannot become a module of torch's: it has the layer Dense({U}, 2, name='d').",
        ),
        (
            lambda: Sequential([LSTM(U, input_size=F, return_sequences=True), LSTM(7, input_size=U)]).to_torch(),
            ValueError,
            "its layers differ in kind, units, biases, directions or dropout between them",
        ),
    ],
)
def test_what_there_is_no_other_form_of(call: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=re.escape(words)):
        call()


# -- torch's calls ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [LSTM, Bidirectional])
def test_states_behind_the_inputs(kind: Any) -> None:
    """``lstm(x, (h, c))``, as torch and Keras 3 have it, with torch's axis of layers or without."""
    layer: Any = LSTM(U, input_size=F, return_state=True, dtype="float64")
    states = tuple(torch.randn(4 if kind is Bidirectional else 2, B, U, dtype=torch.float64))
    if kind is Bidirectional:
        layer = Bidirectional(layer, dtype="float64")
        layer(inputs())
    expected = layer(inputs(), initial_state=states)
    given = [states, [*states], tuple(state.numpy() for state in states)]
    for one in (*given, *([tuple(state[None] for state in states)] if kind is LSTM else [])):
        for got, value in zip(layer(inputs(), one), expected, strict=True):
            assert torch.equal(got, value)
    with pytest.raises(ValueError, match=r"must be boolean .* States are `initial_state=`"):
        layer(inputs(), torch.zeros(B, T))


@pytest.mark.parametrize("enforce_sorted", [True, False])
@EACH
def test_packed_sequences(ours: Any, theirs: Any, options: dict[str, Any], enforce_sorted: bool) -> None:
    """What is packed comes back packed, with the numbers of torch's module and in its order."""
    lengths = torch.tensor([5, 3, 1] if enforce_sorted else [1, 5, 3])
    packed = pack_padded_sequence(inputs(), lengths, batch_first=True, enforce_sorted=enforce_sorted)
    for directions in (1, 2):
        torchs = module(theirs, bidirectional=directions == 2, **options)
        layer: Any = (Bidirectional if directions == 2 else ours).from_torch(torchs, return_state=True)
        hidden = torch.randn(directions, B, U, dtype=torch.float64)
        both = ours is LSTM
        expected, last = torchs(packed, (hidden, hidden) if both else hidden)
        states = [state for state in hidden for _ in range(2 if both else 1)]
        got, *final = layer(packed, initial_state=states)
        assert isinstance(got, PackedSequence)
        assert torch.equal(got.batch_sizes, expected.batch_sizes)
        for name in ("sorted_indices", "unsorted_indices"):
            mine, other = getattr(got, name), getattr(expected, name)
            assert mine is other or torch.equal(mine, other)
        assert_close(got.data.detach(), expected.data.detach(), "float64")
        assert_close(final[0].detach(), (last[0] if both else last)[0].detach(), "float64")
        assert torch.equal(layer(packed, tuple(states))[0].data, got.data)


def test_packed_sequences_in_other_places() -> None:
    lengths = torch.tensor([2, 5, 3])
    packed = pack_padded_sequence(inputs().float(), lengths, batch_first=True, enforce_sorted=False)
    last = LSTM(U, input_size=F)
    mask = torch.arange(T) < lengths[:, None]
    assert torch.equal(last(packed), last(inputs().float(), mask=mask))
    pair = Bidirectional(LSTM(U, return_sequences=True), merge_mode=None)(packed)
    assert [pad_packed_sequence(one, batch_first=True)[0].shape for one in pair] == [(B, T, U)] * 2
    stacked = RNN([LSTMCell(2), LSTMCell(3)], return_sequences=True)(packed)
    assert stacked.data.shape == (10, 3)
    with pytest.raises(TypeError, match=r"`dense.*` \(Dense\) takes no packed sequence.*, or call the layer on `data`"):
        Dense(2)(packed)
    with pytest.raises(ValueError, match="takes a packed sequence or a `mask`, not both"):
        last(packed, mask=mask)
    with pytest.raises(ValueError, match="goes backwards, and its outputs cannot be packed as its inputs are: pad"):
        LSTM(U, go_backwards=True, return_sequences=True)(packed)


@pytest.mark.parametrize("layout", [torch.strided, torch.jagged])
@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors is in prototype stage")
def test_nested_tensors_are_to_be_padded(layout: torch.layout) -> None:
    nested = torch.nested.nested_tensor([torch.randn(3, F), torch.randn(2, F)], layout=layout)
    with pytest.raises(TypeError, match=r"takes no nested tensor. Pad it.*inputs.to_padded_tensor\(0.0\).*mask=torch"):
        LSTM(U, input_size=F)(nested)
