"""``Bidirectional`` in one call of the kernels in C: the numbers that its halves give by themselves."""

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.step_backends import c_kernels
from tests.tolerances import assert_close
from torch_keras_lstm.layers import GRU, LSTM, Bidirectional, SimpleRNN
from torch_keras_lstm.recurrence import Path, use_backends
from torch_keras_lstm.recurrence.backends.c_runs import VECTORS, compiled_module

pytestmark = pytest.mark.skipif(
    compiled_module is None, reason="no C compiler was there when the package was installed"
)
B, T, F, U = 5, 7, 3, 6
CONFIGURATIONS: dict[str, dict[str, Any]] = {
    "default": {},
    "sequences": {"return_sequences": True},
    "states": {"return_sequences": True, "return_state": True, "use_bias": False},
    "dropout": {"return_sequences": True, "dropout": 0.3, "recurrent_dropout": 0.2, "seed": 3},
    "inputs' dropout": {"dropout": 0.3, "seed": 3, "return_state": True},
    "stateful": {"return_sequences": True, "stateful": True, "activation": "softsign"},
}
CLASSES = pytest.mark.parametrize("make", [LSTM, GRU, SimpleRNN])


@pytest.fixture(params=[1, 2, 3], autouse=True)
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    """So many, however little there is to do, each time with other vectors."""
    before, backends = torch.get_num_threads(), c_kernels(VECTORS[request.param % len(VECTORS)])
    for backend in backends:
        backend.fewest_for_threads = 0
    torch.set_num_threads(request.param)
    with use_backends(*backends, "reference"):
        yield request.param
    torch.set_num_threads(before)


def twins(make: Any, merge_mode: str | None = "concat", **config: Any) -> tuple[Bidirectional, Bidirectional]:
    """Two of the same weights, of which the second is kept from calling its halves together."""
    layers = []
    for _ in range(2):
        torch.manual_seed(1)
        layer = Bidirectional(make(U, dtype="float64", **config), merge_mode, dtype="float64")
        layer.build((None, None, F))
        layers.append(layer.train())
    layers[1].backward_layer.register_forward_hook(lambda *_: None)
    return layers[0], layers[1]


def drawn(masked: bool) -> tuple[Tensor, Tensor | None]:
    mask = torch.rand(B, T) > 0.4
    mask[1] = False
    return torch.randn(B, T, F, dtype=torch.float64), mask if masked else None


def results(layer: Bidirectional, inputs: Tensor, mask: Tensor | None) -> list[Tensor]:
    """Outputs of a second call, with and without a tape, and derivatives."""
    leaf = inputs.clone().requires_grad_()
    layer(leaf, mask=mask)
    called = layer(leaf, mask=mask)
    outputs = called if isinstance(called, tuple) else (called,)
    with torch.no_grad():
        alone = layer(leaf, mask=mask, training=False)
    found = [*outputs, *(alone if isinstance(alone, tuple) else (alone,))]
    loss = torch.stack([value.cumsum(0).square().sum() for value in outputs]).sum()
    found += torch.autograd.grad(loss, [leaf, *layer.parameters()])
    return [value.detach() for value in found]


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("config", CONFIGURATIONS.values(), ids=CONFIGURATIONS)
@CLASSES
def test_numbers_and_gradients_are_those_of_the_halves(make: Any, config: dict[str, Any], masked: bool) -> None:
    together, apart = twins(make, **config)
    inputs, mask = drawn(masked)
    assert together.path_for(inputs, mask) == Path("together", None)
    assert apart.path_for(inputs, mask).name == "apart"
    for got, expected in zip(results(together, inputs, mask), results(apart, inputs, mask), strict=True):
        assert_close(got, expected, "float64")


@CLASSES
def test_second_derivatives_and_what_is_merged(make: Any, threads: int) -> None:
    merge_mode = (None, "sum", "mul")[threads - 1]
    together, apart = twins(make, merge_mode, return_sequences=threads < 3)
    together.backward_layer.requires_grad_(False)
    apart.backward_layer.requires_grad_(False)
    inputs, mask = drawn(True)
    for layer in (together, apart):
        assert layer.path_for(inputs, mask).name == ("together" if layer is together else "apart")
    found = []
    for layer in (together, apart):
        one = inputs.clone().requires_grad_()
        output = layer(one, mask=mask)
        outputs = output if isinstance(output, tuple) else (output,)
        trained = [one, *layer.forward_layer.parameters()]
        loss = torch.stack([value.cumsum(0).square().sum() for value in outputs]).sum()
        first = torch.autograd.grad(loss, trained, create_graph=True)
        penalty = torch.stack([value.square().sum() for value in first]).sum()
        second = torch.autograd.grad(penalty, trained, materialize_grads=True)
        found.append([*first, *second])
    for got, expected in zip(*found, strict=True):
        assert_close(got.detach(), expected.detach(), "float64")


def test_what_keeps_the_halves_apart() -> None:
    inputs, mask = drawn(True)

    def path(layer: Bidirectional, given: Tensor | None = mask) -> Path:
        return layer.path_for(inputs, given)

    other = Bidirectional(GRU(U, dtype="float64"), backward_layer=GRU(U, "relu", go_backwards=True, dtype="float64"))
    assert path(other) == ("apart", "the halves differ in `activation`")
    dropping = GRU(U, dropout=0.2, go_backwards=True, dtype="float64")
    other = Bidirectional(GRU(U, dtype="float64"), backward_layer=dropping)
    assert path(other.train()) == ("apart", "the halves differ in what they drop")
    other = Bidirectional(GRU(U), backward_layer=SimpleRNN(U, go_backwards=True))
    assert path(other) == ("apart", "the halves are of two classes")
    old = Bidirectional(LSTM(U, return_sequences=True, dtype="float64"), zero_output_for_mask=False)
    reason = "without `zero_output_for_mask` each half repeats outputs of its own at masked steps"
    assert path(old) == ("apart", reason)
    assert path(old, None) == ("together", None)
    one_step = Bidirectional(LSTM(U, dtype="float64")).path_for(inputs[:, :1])
    assert one_step == ("apart", "a single step takes less time for each half by itself")
