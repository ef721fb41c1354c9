"""Calls that were planned give what the long way gives, bit for bit, whatever changes between them."""

import copy
import pickle
import threading
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils._python_dispatch import TorchDispatchMode

from torch_keras_lstm.layers import LSTM, Dense, Embedding, Input
from torch_keras_lstm.layers.planned_call import use_plans
from torch_keras_lstm.models import Sequential
from torch_keras_lstm.recurrence import use_backends
from torch_keras_lstm.recurrence.backends.torch_ops import TorchOps

F, U = 5, 4


def _pair(**arguments: Any) -> tuple[LSTM, LSTM]:
    """The same layer twice: one is called with plans, its twin without."""
    torch.manual_seed(3)
    layer = LSTM(U, input_size=F, **arguments).eval()
    for parameter in layer.parameters():
        torch.nn.init.normal_(parameter)
    return layer, copy.deepcopy(layer)


def _same(got: Any, expected: Any) -> None:
    torch.testing.assert_close(got, expected, rtol=0, atol=0)


class _Counting(TorchOps):
    """torch's operations, which count how often they run."""

    calls = 0

    def run(self, *arguments: Any) -> Any:
        self.calls += 1
        return super().run(*arguments)


class _Watching(TorchDispatchMode):
    """Notes every operation."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch has not annotated it
        self.names: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.names.append(str(func))
        return func(*args, **(kwargs or {}))


def _call(layer: LSTM, twin: LSTM, x: torch.Tensor, **arguments: Any) -> None:
    """Both give the same, and keep the same states."""
    got = layer(x, **arguments)
    with use_plans(False):
        expected = twin(x, **arguments)
    _same(got, expected)
    _same(layer.states, twin.states)


def _is_planned(layer: LSTM) -> bool:
    return layer._plans.plan is not None


@pytest.mark.parametrize("arguments", [{}, {"stateful": True}, {"use_bias": False}, {"activation": "relu"}])
@pytest.mark.parametrize("sequences", [False, True])
@pytest.mark.parametrize(("batch", "time"), [(1, 1), (3, 1), (2, 7)])
def test_the_same_call_again(arguments: dict[str, Any], sequences: bool, batch: int, time: int) -> None:
    layer, twin = _pair(return_sequences=sequences, **arguments)
    with torch.no_grad():
        for _ in range(4):
            _call(layer, twin, torch.randn(batch, time, F))
    assert _is_planned(layer)
    assert not _is_planned(twin)


CHANGES: dict[str, Callable[[LSTM], Any]] = {
    "a weight in place": lambda layer: layer.weight_hh_l0.data.mul_(0.5),
    "a weight's memory": lambda layer: setattr(layer.weight_ih_l0, "data", layer.weight_ih_l0.data * 0.5),
    "another parameter": lambda layer: setattr(
        layer, "bias_ih_l0", torch.nn.Parameter(layer.bias_ih_l0.detach() + 1.0)
    ),
    "set_weights": lambda layer: layer.set_weights([weight * 0.5 for weight in layer.get_weights()]),
    "load_state_dict": lambda layer: layer.load_state_dict({k: v * 0.5 for k, v in layer.state_dict().items()}),
    "load_state_dict, assigned": lambda layer: layer.load_state_dict(
        {k: v * 0.5 for k, v in layer.state_dict().items()}, assign=True
    ),
    "sequences": lambda layer: setattr(layer, "return_sequences", not layer.return_sequences),
    "an activation": lambda layer: setattr(layer, "activation", torch.relu),
    "an activation that C does not have": lambda layer: setattr(layer, "activation", torch.cos),
    "backwards": lambda layer: setattr(layer, "go_backwards", True),
    "states returned": lambda layer: setattr(layer, "return_state", True),
    "stateful": lambda layer: setattr(layer, "stateful", True),
    "a penalty": lambda layer: setattr(layer, "activity_regularizer", lambda y: y.square().sum()),
    "a hook": lambda layer: layer.register_forward_hook(lambda module, inputs, output: output + 1),
    "a parametrization": lambda layer: torch.nn.utils.parametrizations.weight_norm(layer, "weight_hh_l0"),
    "double precision": lambda layer: layer.double(),
    "training": lambda layer: layer.train(),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_between_calls_is_seen(name: str) -> None:
    layer, twin = _pair()
    x = torch.randn(2, 3, F)
    with torch.no_grad():
        for _ in range(3):
            _call(layer, twin, x)
        assert _is_planned(layer)
        for one in (layer, twin):
            CHANGES[name](one)
        for _ in range(3):
            _call(layer, twin, x)


def test_what_a_call_is_given_is_seen() -> None:
    layer, twin = _pair(stateful=True, recurrent_dropout=0.5, seed=3)
    x, mask = torch.randn(2, 3, F), torch.tensor([[True, False, True], [False, True, True]])
    with torch.no_grad():
        for _ in range(3):
            _call(layer, twin, x)
        assert _is_planned(layer)
        _call(layer, twin, x, mask=mask)
        _call(layer, twin, x, initial_state=[torch.randn(2, U), torch.randn(2, U)])
        _call(layer, twin, x, training=True)
        _call(layer, twin, x.double())
        _call(layer, twin, x.transpose(0, 1).contiguous().transpose(0, 1))
        for one in (layer, twin):
            one.reset_state()
        _call(layer, twin, x)
        with torch.autocast("cpu", torch.bfloat16):
            _call(layer, twin, x)
        backend = _Counting()
        with use_backends(backend):
            layer(x)
        assert backend.calls == 1
        with pytest.raises(ValueError, match="keeps states of batch size 2, got a batch of 3"):
            layer(torch.randn(3, 3, F))


def test_gradients_are_recorded_where_they_are_wanted() -> None:
    layer, twin = _pair()
    x = torch.randn(2, 3, F)
    with torch.no_grad():
        for _ in range(3):
            layer(x)
    assert _is_planned(layer)
    assert layer(x).requires_grad
    layer(x).sum().backward()
    with use_plans(False):
        twin(x).sum().backward()
    _same(layer.weight_hh_l0.grad, twin.weight_hh_l0.grad)
    expected = torch.func.jacrev(lambda x: twin(x).sum())(x)
    with torch.no_grad():
        _same(torch.func.jacrev(lambda x: layer(x).sum())(x), expected)


def test_who_watches_sees_every_operation() -> None:
    layer, twin = _pair()
    many = torch.randn(4, 2, 3, F)
    with torch.no_grad():
        for _ in range(3):
            layer(many[0])
        assert _is_planned(layer)
        with use_plans(False):
            expected = [twin(one) for one in many]
        torch.testing.assert_close(torch.vmap(layer)(many), torch.stack(expected))
        with _Watching() as seen:
            layer(many[0])
        assert len(seen.names) > 2  # more than the memory of its outputs


def test_inference_mode_and_back() -> None:
    layer, twin = _pair(stateful=True)
    for mode in (torch.inference_mode, torch.no_grad, torch.no_grad, torch.inference_mode, torch.no_grad):
        for _ in range(2):
            with mode():
                _call(layer, twin, torch.randn(2, 1, F))
    _call(layer, twin, torch.randn(2, 1, F))  # recorded, after states of inference


def test_what_is_returned_may_be_written_to() -> None:
    for sequences in (False, True):
        layer, twin = _pair(stateful=True, return_sequences=sequences)
        with torch.no_grad():
            for _ in range(4):
                x = torch.randn(2, 1, F)
                states = layer.states
                kept = None if states is None else [state.clone() for state in states]
                layer(x).zero_()
                with use_plans(False):
                    twin(x)
                _same(layer.states, twin.states)
                if states is not None:
                    _same([*states], kept)


def test_copies_plan_for_themselves() -> None:
    layer, twin = _pair(stateful=True)
    x = torch.randn(2, 1, F)
    with torch.no_grad():
        for _ in range(3):
            _call(layer, twin, x)
        for other in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
            assert not _is_planned(other)
            layer.weight_hh_l0.data.zero_()
            _call(other, copy.deepcopy(twin), x)
            layer.load_state_dict(twin.state_dict())


def test_several_threads_call_one_layer() -> None:
    layer, _ = _pair()
    inputs = [torch.randn(2, 3, F) for _ in range(4)]
    with torch.no_grad(), use_plans(False):
        expected = [layer(x) for x in inputs]
    problems: list[BaseException] = []

    def call(number: int) -> None:
        try:
            with torch.no_grad():
                for _ in range(200):
                    _same(layer(inputs[number]), expected[number])
        except BaseException as error:
            problems.append(error)

    threads = [threading.Thread(target=call, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not problems


def test_a_model_that_streams() -> None:
    layers = [Embedding(9, F), LSTM(U, return_sequences=True, stateful=True), LSTM(3, stateful=True), Dense(2)]
    model = Sequential([Input(batch_shape=(1, 1)), *layers])
    twin = copy.deepcopy(model)
    for word in (3, 1, 4, 1, 5):
        x = torch.tensor([[word]])
        with torch.no_grad():
            got = model(x)
            with use_plans(False):
                expected = twin(x)
        _same(got, expected)
    assert all(layer._plans.plan is not None for layer in model.layers if isinstance(layer, LSTM))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.sampled_from(["call", "other", "grad", "reset", "weights", "mask", "inference"]), max_size=14))
def test_any_order_of_calls_and_changes(events: list[str]) -> None:
    layer, twin = _pair(stateful=True, return_sequences=True)
    torch.manual_seed(len(events))
    for event in events:
        if event == "weights":
            factor = torch.rand(())
            for one in (layer, twin):
                one.weight_ih_l0.data.mul_(factor)
        elif event == "reset":
            for one in (layer, twin):
                one.reset_state()
        else:
            x = torch.randn(2, 3 if event == "other" else 1, F)
            arguments = {"mask": torch.rand(2, 1) < 0.5} if event == "mask" else {}
            mode = {"grad": torch.enable_grad, "inference": torch.inference_mode}.get(event, torch.no_grad)
            with mode():
                _call(layer, twin, x, **arguments)
