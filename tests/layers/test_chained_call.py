"""Calls of several layers as one give what the long way gives, bit for bit, whatever changes between them."""

import copy
import gc
import pickle
import threading
import weakref
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.modules.module import register_module_forward_hook
from torch.utils._python_dispatch import TorchDispatchMode

from tests.tolerances import assert_close
from torch_keras_lstm.layers import (
    GRU,
    LSTM,
    Activation,
    Dense,
    Dropout,
    Embedding,
    Input,
    Masking,
    SimpleRNN,
    TimeDistributed,
)
from torch_keras_lstm.layers.planned_call import use_plans
from torch_keras_lstm.models import Model, Sequential
from torch_keras_lstm.recurrence import use_backends

WORDS, TIME = 9, 7


def _words() -> Tensor:
    return torch.randint(0, WORDS, (2, TIME))


def _gaps() -> Tensor:
    kept = torch.rand(3, TIME, 1) < 0.5
    return torch.where(kept, torch.randn(3, TIME, 5), 0.5)


def _stream() -> list[Any]:
    layers = [LSTM(8, return_sequences=True, stateful=True), LSTM(6, stateful=True), Dense(6, activation="softmax")]
    return [Input(batch_shape=(1, 1)), Embedding(WORDS, 8), *layers]


KINDS: dict[str, tuple[Callable[[], list[Any]], Callable[[], Tensor]]] = {
    "a stream": (_stream, lambda: torch.randint(0, WORDS, (1, 1))),
    "masks that end": (
        lambda: [Input((TIME,)), Embedding(WORDS, 5, mask_zero=True), LSTM(6, return_sequences=True), GRU(4), Dense(3)],
        _words,
    ),
    "masks that go on": (
        lambda: [
            Input((TIME,)),
            Embedding(WORDS, 5, mask_zero=True),
            SimpleRNN(6, return_sequences=True, stateful=True),
            Dropout(0.5),
            TimeDistributed(Dense(3, activation="relu")),
        ],
        _words,
    ),
    "zeros where masked": (
        lambda: [
            Input((TIME, 5)),
            Masking(0.5),
            LSTM(6, return_sequences=True, stateful=True, zero_output_for_mask=True),
            GRU(4, reset_after=False, zero_output_for_mask=True, stateful=True),
        ],
        _gaps,
    ),
    "backwards, no bias": (
        lambda: [
            Input((TIME, 5)),
            LSTM(6, return_sequences=True, go_backwards=True),
            Activation("linear"),
            GRU(4, use_bias=False),
        ],
        _gaps,
    ),
    "layers behind": (lambda: [Input((TIME, 5)), LSTM(6), Activation("tanh"), Dense(3), Dense(1)], _gaps),
}


def _pair(kind: str = "a stream", functional: bool = False) -> tuple[Any, Any]:
    """The same model twice: one is called with chains, its twin without."""
    torch.manual_seed(3)
    layers = KINDS[kind][0]()
    if functional:
        tensor = layers[0]
        for layer in layers[1:]:
            tensor = layer(tensor)
        model: Any = Model(layers[0], tensor)
    else:
        model = Sequential(layers)
    for parameter in model.parameters():
        nn.init.normal_(parameter)
    return model, copy.deepcopy(model)


def _same(got: Any, expected: Any) -> None:
    torch.testing.assert_close(got, expected, rtol=0, atol=0)


def _states(model: Any) -> list[Any]:
    return [layer.states for layer in model.layers if getattr(layer, "stateful", False)]


def _call(model: Any, twin: Any, x: Any, **arguments: Any) -> Tensor:
    """Both give the same, with the same mask, and keep the same states."""
    got: Tensor = model(x, **arguments)
    with use_plans(False):
        expected = twin(x, **arguments)
    _same(got, expected)
    _same(getattr(got, "_keras_mask", None), getattr(expected, "_keras_mask", None))
    assert getattr(got, "_keras_logits", None) is None or hasattr(expected, "_keras_logits")
    _same(_states(model), _states(twin))
    return got


def _is_chained(model: Any) -> bool:
    return bool(model._chains.chains)


def _answers(model: Any, x: Tensor) -> bool:
    """Whether the chain takes such a call, with whatever has changed."""
    return any(chain.run(x) is not None for chain in model._chains.chains)


@pytest.mark.parametrize("functional", [False, True])
@pytest.mark.parametrize("kind", KINDS)
@torch.no_grad()
def test_the_same_call_again(kind: str, functional: bool) -> None:
    model, twin = _pair(kind, functional)
    for number in range(6):
        _call(model, twin, KINDS[kind][1](), **({"training": False} if number == 4 else {}))
    assert _is_chained(model)
    assert _answers(model, KINDS[kind][1]())
    assert not _is_chained(twin)


@torch.no_grad()
def test_double_precision_and_work_for_several_threads() -> None:
    torch.manual_seed(3)
    model = Sequential([Input((10, 5)), LSTM(50, return_sequences=True), LSTM(30), Dense(1)]).double()
    twin = copy.deepcopy(model)
    for _ in range(4):
        _call(model, twin, torch.randn(16, 10, 5, dtype=torch.float64))
    assert _is_chained(model)


def _hook(module: Any) -> Any:
    return module.register_forward_hook(lambda module, inputs, output: output + 1)


def _own_forward(layer: Any) -> None:
    forward = layer.forward
    layer.forward = lambda *args, **kwargs: forward(*args, **kwargs) + 1


CHANGES: dict[str, Callable[[Any], Any]] = {
    "a weight in place": lambda model: model.layers[1].weight_hh_l0.data.mul_(0.5),
    "a weight turned in place": lambda model: model.layers[3].weight.t_(),
    "a weight's memory": lambda model: setattr(model.layers[3].weight, "data", model.layers[3].weight.data * 0.5),
    "another parameter": lambda model: setattr(
        model.layers[1], "bias_ih_l0", nn.Parameter(model.layers[1].bias_ih_l0.detach() + 1.0)
    ),
    "no bias": lambda model: setattr(model.layers[3], "bias", None),
    "set_weights": lambda model: model.set_weights([weight * 0.5 for weight in model.get_weights()]),
    "load_state_dict": lambda model: model.load_state_dict({k: v * 0.5 for k, v in model.state_dict().items()}),
    "load_state_dict, assigned": lambda model: model.load_state_dict(
        {k: v * 0.5 for k, v in model.state_dict().items()}, assign=True
    ),
    "an activation": lambda model: setattr(model.layers[1], "activation", torch.relu),
    "the activation at the end": lambda model: setattr(model.layers[3], "activation", torch.tanh),
    "not stateful": lambda model: setattr(model.layers[2], "stateful", False),
    "states forgotten": lambda model: model.reset_states(),
    "states given": lambda model: model.layers[2].reset_states([torch.ones(1, 6).numpy()] * 2),
    "a penalty": lambda model: setattr(model.layers[3], "activity_regularizer", lambda y: y.square().sum()),
    "a hook on a layer": lambda model: _hook(model.layers[0]),
    "a hook on the model": _hook,
    "a function in the place of a layer's": lambda model: _own_forward(model.layers[0]),
    "a parametrization": lambda model: nn.utils.parametrizations.weight_norm(model.layers[2], "weight_hh_l0"),
    "double precision": lambda model: model.double(),
    "a layer less": lambda model: model.pop(),
    "a layer more": lambda model: model.add(Dense(2, kernel_initializer="ones")),
    "another layer": lambda model: model.layers.__setitem__(0, _other_table()),
    "training": lambda model: model.layers[1].train(),
    "no change of type": lambda model: model.float(),
}


def _other_table() -> Embedding:
    return Embedding(WORDS, 8, embeddings_initializer="ones").eval()


@pytest.mark.parametrize("name", CHANGES)
@torch.no_grad()
def test_a_change_between_calls_is_seen(name: str) -> None:
    model, twin = _pair()
    for _ in range(3):
        _call(model, twin, KINDS["a stream"][1]())
    assert _is_chained(model)
    for one in (model, twin):
        CHANGES[name](one)
    for _ in range(5):
        _call(model, twin, torch.randint(0, 8, (1, 1)))


@torch.no_grad()
def test_what_stands_around_the_call_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    model, twin = _pair()
    x = torch.tensor([[3]])
    for _ in range(3):
        _call(model, twin, x)
    with torch.enable_grad():
        assert _call(model, twin, x).requires_grad
    with torch.autocast("cpu", torch.bfloat16):
        _call(model, twin, x)
    with use_backends("reference"):
        assert not _answers(model, x)
        _call(model, twin, x)
    with _Watching() as seen:
        model(x)
        twin(x)
    assert len(seen.names) > 8
    handle = register_module_forward_hook(lambda module, inputs, output: None)
    assert not _answers(model, x)
    handle.remove()
    with use_plans(False):
        assert not _answers(model, x)
    assert _answers(model, x)
    monkeypatch.setattr(Dense, "forward", lambda self, inputs: inputs)
    assert not _answers(model, x)


class _Watching(TorchDispatchMode):
    """Notes every operation."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch has not annotated it
        self.names: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.names.append(str(func))
        return func(*args, **(kwargs or {}))


@torch.no_grad()
def test_inputs_of_another_kind_take_the_long_way() -> None:
    model, twin = _pair("masks that end")
    x = _words()
    for _ in range(3):
        _call(model, twin, x)
    for other in (x[:1], x[:, :4], x.int(), x.float(), x.t().contiguous().t(), x.numpy()):
        _call(model, twin, other)
    masked = x.view_as(x)
    masked._keras_mask = torch.rand(2, TIME) < 0.5  # type: ignore[attr-defined]
    _call(model, twin, masked)
    _call(model, twin, x, mask=torch.rand(2, TIME) < 0.5)
    with pytest.raises(ValueError, match=r"indices must lie in \[0, 8\], got indices from 0 to 9"):
        model(torch.tensor([[9] + [0] * 6] * 2))
    model, twin = _pair("layers behind")
    for _ in range(3):
        _call(model, twin, torch.randn(1, TIME, 5))
    turned = torch.complex(torch.randn(1, TIME, 5), torch.randn(1, TIME, 5)).conj().imag
    assert turned.is_neg()
    _call(model, twin, turned)
    _call(model, twin, torch.vmap(lambda one: one)(turned))


@torch.no_grad()
def test_states_that_were_asked_for_stay_what_they_were() -> None:
    model, twin = _pair()
    for _ in range(8):
        x = torch.randint(0, WORDS, (1, 1))
        before = _states(model)
        copies = copy.deepcopy(before)
        _call(model, twin, x).zero_()
        _same(before, copies)
    assert _is_chained(model)
    for layer in (model.layers[1], twin.layers[1]):
        layer(torch.ones(1, 1, 8))  # by itself, from the same states
    _call(model, twin, x)
    with torch.enable_grad():
        total = model(x)[0, 0]  # goes on from states that the next call would write over
    model(x)
    total.backward()
    with use_plans(False), torch.enable_grad():
        twin(x)[0, 0].backward()
    _same(model.layers[1].weight_hh_l0.grad, twin.layers[1].weight_hh_l0.grad)


def test_inference_mode_and_back() -> None:
    model, twin = _pair()
    x = torch.tensor([[3]])
    for mode in (torch.inference_mode, torch.inference_mode, torch.no_grad, torch.inference_mode, torch.no_grad):
        for _ in range(2):
            with mode():
                assert _call(model, twin, x).is_inference() is (mode is torch.inference_mode)
    assert _call(model, twin, x).requires_grad
    assert _is_chained(model)


@torch.no_grad()
def test_what_a_crossentropy_computes_from_stays_on_the_outputs() -> None:
    model, twin = _pair()
    for _ in range(4):
        got = _call(model, twin, torch.tensor([[3]]))
    logits: Any = got
    _same(torch.softmax(logits._keras_logits[0], -1), got)


@torch.no_grad()
def test_copies_make_their_own_chains() -> None:
    model, twin = _pair()
    x = torch.tensor([[3]])
    for _ in range(3):
        _call(model, twin, x)
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert not _is_chained(other)
        _same(_states(other), _states(twin))
        again = copy.deepcopy(twin)
        for _ in range(3):
            _call(other, again, x)
    _call(model, twin, x)


@torch.no_grad()
def test_a_model_that_nobody_has_any_more_is_gone() -> None:
    model, _ = _pair()
    for _ in range(3):
        model(torch.tensor([[3]]))
    assert _is_chained(model)
    seen = weakref.ref(model)
    del model
    gc.collect()
    assert seen() is None


@torch.no_grad()
def test_several_threads_call_one_model() -> None:
    model, twin = _pair("masks that go on")
    model.layers[1].stateful = twin.layers[1].stateful = False
    inputs = [_words() for _ in range(4)]
    with use_plans(False):
        expected = [twin(x) for x in inputs]
    problems: list[BaseException] = []

    def call(number: int) -> None:
        try:
            with torch.no_grad():
                for _ in range(100):
                    _same(model(inputs[number]), expected[number])
        except BaseException as error:
            problems.append(error)

    threads = [threading.Thread(target=call, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not problems


@torch.no_grad()
def test_predictions_are_those_of_the_calls() -> None:
    model, twin = _pair("masks that end")
    for _ in range(4):
        x = _words().numpy()
        with use_plans(False):
            expected = twin.predict_on_batch(x)
        _same(model.predict_on_batch(x), expected)
    assert _is_chained(model)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("shape", [(1, 5), (1, 33), (3, 7, 16)])
@torch.no_grad()
def test_few_rows_of_dense_in_c(shape: tuple[int, ...], dtype: torch.dtype) -> None:
    tolerance = "float64 elementwise" if dtype is torch.float64 else "float32 elementwise"
    layer = Dense(11, input_shape=shape[1:], dtype=dtype, bias_initializer="normal")
    x = torch.randn(shape, dtype=dtype)
    assert_close(layer(x), F.linear(x, layer.weight, layer.bias), tolerance)
    layer.bias = None
    assert_close(layer(x), F.linear(x, layer.weight), tolerance)
