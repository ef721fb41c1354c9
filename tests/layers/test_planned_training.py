"""Steps of training that were planned give what the long way gives, bit for bit, forth and back."""

import copy
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from torch_keras_lstm.layers import GRU, LSTM, Dense, Input, SimpleRNN
from torch_keras_lstm.layers.planned_call import use_plans
from torch_keras_lstm.models import Sequential

B, T, F, U = 2, 5, 3, 4

CELLS: dict[str, Callable[..., Any]] = {
    "LSTM": LSTM,
    "GRU": GRU,
    "GRU, reset before": partial(GRU, reset_after=False),
    "SimpleRNN": SimpleRNN,
}


def _pair(cell: str = "LSTM", **arguments: Any) -> tuple[Any, Any]:
    """The same layer twice: one is called with plans, its twin without."""
    torch.manual_seed(3)
    layer = CELLS[cell](U, input_size=F, **arguments)
    for parameter in layer.parameters():
        nn.init.normal_(parameter)
    return layer, copy.deepcopy(layer)


def _same(got: Any, expected: Any) -> None:
    torch.testing.assert_close(got, expected, rtol=0, atol=0)


def _train(layer: Any, x: Tensor, **arguments: Any) -> tuple[Tensor, ...]:
    """The outputs, and the gradients of inputs and weights."""
    inputs = x.clone().requires_grad_()
    outputs = layer(inputs, **arguments)
    torch.manual_seed(7)
    return outputs.detach(), *torch.autograd.grad(
        outputs, [inputs, *layer.parameters()], torch.randn(outputs.shape, dtype=x.dtype)
    )


def _call(layer: Any, twin: Any, x: Tensor, **arguments: Any) -> None:
    got = _train(layer, x, **arguments)
    with use_plans(False):
        _same(got, _train(twin, x, **arguments))


def _is_planned(layer: Any) -> bool:
    return bool(layer._chains.recorded)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(
    "arguments", [{}, {"return_sequences": True}, {"use_bias": False, "go_backwards": True, "return_sequences": True}]
)
def test_the_same_step_again(cell: str, arguments: dict[str, Any]) -> None:
    layer, twin = _pair(cell, **arguments)
    for number in range(4):
        _call(layer, twin, torch.randn(B, T, F), **({"training": True} if number == 3 else {}))
    assert _is_planned(layer)
    assert not _is_planned(twin)


def test_double_precision_and_several_threads() -> None:
    layer, twin = _pair()
    layer.double(), twin.double()
    for _ in range(4):
        _call(layer, twin, torch.randn(B, T, F, dtype=torch.float64))
    assert _is_planned(layer)
    torch.manual_seed(3)
    layer = LSTM(50, input_size=5, return_sequences=True)
    twin = copy.deepcopy(layer)
    for _ in range(4):
        _call(layer, twin, torch.randn(40, 10, 5))
    assert _is_planned(layer)


CHANGES: dict[str, Callable[[Any], Any]] = {
    "a weight in place": lambda layer: layer.weight_hh_l0.data.mul_(0.5),
    "a weight's memory": lambda layer: setattr(layer.weight_ih_l0, "data", layer.weight_ih_l0.data * 0.5),
    "another parameter": lambda layer: setattr(
        layer, "bias_ih_l0", nn.Parameter(layer.bias_ih_l0.detach().clone() + 1.0)
    ),
    "set_weights": lambda layer: layer.set_weights([weight * 0.5 for weight in layer.get_weights()]),
    "sequences": lambda layer: setattr(layer, "return_sequences", True),
    "an activation": lambda layer: setattr(layer, "activation", torch.relu),
    "backwards": lambda layer: setattr(layer, "go_backwards", True),
    "stateful": lambda layer: setattr(layer, "stateful", True),
    "a hook": lambda layer: layer.register_forward_hook(lambda module, inputs, output: output + 1),
    "a parametrization": lambda layer: nn.utils.parametrizations.weight_norm(layer, "weight_hh_l0"),
    "inference": lambda layer: layer.eval(),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_between_steps_is_seen(name: str) -> None:
    layer, twin = _pair()
    for _ in range(3):
        _call(layer, twin, torch.randn(B, T, F))
    assert _is_planned(layer)
    for one in (layer, twin):
        CHANGES[name](one)
    for _ in range(3):
        _call(layer, twin, torch.randn(B, T, F))


def test_dropout_that_is_set_later_drops() -> None:
    layer, twin = _pair(seed=5)
    x = torch.randn(B, T, F)
    for _ in range(3):
        _call(layer, twin, x)
    assert _is_planned(layer)
    for one in (layer, twin):
        one.dropout = 0.5
    _call(layer, twin, x)
    assert (_train(layer, x)[1] == 0).any()


@pytest.mark.parametrize("sequences", [False, True])
@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("cell", CELLS)
def test_second_derivatives_and_several_gradients_at_once(cell: str, backwards: bool, sequences: bool) -> None:
    layer, twin = _pair(cell, return_sequences=sequences, go_backwards=backwards)
    layer.double(), twin.double()
    x = torch.randn(B, T, F, dtype=torch.float64)
    for _ in range(3):
        _call(layer, twin, x)
    assert _is_planned(layer)

    def of(one: Any) -> tuple[Tensor, ...]:
        inputs = x.clone().requires_grad_()
        outputs = one(inputs)
        first = torch.autograd.grad(outputs.square().sum(), [inputs, *one.parameters()], create_graph=True)
        second = torch.autograd.grad(torch.stack([one.sum() for one in first]).sum(), [inputs, *one.parameters()])
        outputs = one(inputs)
        several = torch.autograd.grad(
            outputs, inputs, torch.eye(outputs.numel()).double().view(-1, *outputs.shape), is_grads_batched=True
        )
        return *first, *second, *several

    got = of(layer)
    with use_plans(False):
        expected = of(twin)
    torch.testing.assert_close(got, expected, rtol=1e-12, atol=1e-12)


def test_a_checkpoint_makes_a_step_once_more() -> None:
    layer, twin = _pair()
    x = torch.randn(B, T, F)

    def through(one: Any) -> tuple[Tensor, ...]:
        inputs = x.clone().requires_grad_()
        outputs = checkpoint(one, inputs, use_reentrant=False)
        assert isinstance(outputs, Tensor)
        return outputs.detach(), *torch.autograd.grad(outputs.sum(), [inputs, *one.parameters()])

    for _ in range(4):
        got = through(layer)
        with use_plans(False):
            _same(got, through(twin))
        _call(layer, twin, x)
    assert _is_planned(layer)


def test_several_steps_wait_for_their_way_back() -> None:
    layer, twin = _pair(return_sequences=True)
    inputs = [torch.randn(B, T, F) for _ in range(4)]

    def together(one: Any) -> tuple[Tensor, ...]:
        total = torch.stack([one(x).square().sum() for x in inputs]).sum()
        return torch.autograd.grad(total, [*one.parameters()])

    for _ in range(2):
        got = together(layer)
        with use_plans(False):
            _same(got, together(twin))
    assert _is_planned(layer)


def test_what_is_written_over_before_the_way_back_is_an_error() -> None:
    layer, _ = _pair(return_sequences=True)
    x = torch.randn(B, T, F)
    for _ in range(3):
        outputs = layer(x)
    assert _is_planned(layer)
    with torch.no_grad():
        layer.weight_hh_l0.mul_(2.0)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        outputs.sum().backward()


def test_a_model_is_trained_to_the_same_weights() -> None:
    torch.manual_seed(3)
    model = Sequential([Input((T, F)), LSTM(U, return_sequences=True), GRU(3), Dense(1, activation="sigmoid")])
    twin = copy.deepcopy(model)
    x, y = torch.randn(10, T, F).numpy(), (torch.rand(10, 1) < 0.5).numpy()
    for one, wanted in ((model, True), (twin, False)):
        one.compile("adam", "binary_crossentropy", metrics=["accuracy"])
        with use_plans(wanted):
            one.fit(x, y, batch_size=4, epochs=4, shuffle=False, verbose=0)
    assert model.history is not None
    assert twin.history is not None
    assert model.history.history == twin.history.history
    _same(model.get_weights(), twin.get_weights())
