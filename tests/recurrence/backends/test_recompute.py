"""What the way back computes once more instead of keeping it: the same numbers to the last bit, of less memory."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from torch_keras_lstm.layers import GRU, LSTM, Bidirectional, Layer, SimpleRNN
from torch_keras_lstm.recurrence.backends import c_runs
from torch_keras_lstm.recurrence.dispatch import use_backends

pytestmark = pytest.mark.skipif(not c_runs.VECTORS, reason="the kernels in C alone recompute")

LAYERS: dict[str, Callable[..., Layer]] = {
    "LSTM": LSTM,
    "LSTM, other activations": lambda units, **kwargs: LSTM(
        units, activation="softsign", recurrent_activation="hard_sigmoid", go_backwards=True, **kwargs
    ),
    "LSTM, dropouts": lambda units, **kwargs: LSTM(
        units, dropout=0.2, recurrent_dropout=0.3, implementation=1, return_state=True, seed=1, **kwargs
    ),
    "GRU": GRU,
    "GRU, reset gate before": lambda units, **kwargs: GRU(
        units, reset_after=False, recurrent_dropout=0.2, seed=1, **kwargs
    ),
    "SimpleRNN": SimpleRNN,
    "Bidirectional": lambda units, **kwargs: Bidirectional(LSTM(units, **kwargs)),
}


def built(make: Callable[..., Layer], shape: tuple[int, int, int], units: int, **arguments: Any) -> Layer:
    layer = make(units, return_sequences=True, **arguments)
    layer.build(shape)
    torch.manual_seed(2)
    for weight in layer.parameters():
        if weight.requires_grad:
            nn.init.normal_(weight, std=0.3)
    return layer.train()


def results(layer: Any, inputs: Tensor, mask: Tensor | None, threads: tuple[int, int] = (1, 1)) -> list[Tensor]:
    """Outputs and gradients, on so many threads forth and back."""
    before = torch.get_num_threads()
    inputs = inputs.clone().requires_grad_()
    try:
        torch.set_num_threads(threads[0])
        outputs = layer(inputs, mask=mask)
        outputs = outputs if isinstance(outputs, tuple) else (outputs,)
        torch.set_num_threads(threads[1])
        torch.autograd.backward(outputs, [torch.linspace(-1, 1, one.numel()).view(one.shape) for one in outputs])
    finally:
        torch.set_num_threads(before)
    assert inputs.grad is not None
    return [*outputs, inputs.grad, *(weight.grad for weight in layer.parameters() if weight.grad is not None)]


@pytest.mark.parametrize("sizes", [(1, 3, 5, 7), (2, 40, 3, 17), (33, 21, 7, 19), (1, 130, 3, 5)], ids=str)
@pytest.mark.parametrize("name", LAYERS)
def test_the_numbers_are_those_of_what_is_kept(name: str, sizes: tuple[int, int, int, int]) -> None:
    units = sizes[3]
    inputs, mask = torch.randn(sizes[:3]), torch.rand(sizes[:2]) > 0.4
    inputs[~mask] = torch.nan
    for one in (mask, None):
        given = inputs if one is not None else inputs.nan_to_num(0.5)
        kept, again = (
            results(built(LAYERS[name], sizes[:3], units, recompute=recompute), given, one)
            for recompute in (False, True)
        )
        for wanted, found in zip(kept, again, strict=True):
            assert torch.equal(wanted, found)


@pytest.mark.parametrize("name", ["LSTM", "GRU, reset gate before", "Bidirectional"])
@pytest.mark.parametrize("threads", [2, 3, 5])
def test_no_number_of_a_row_depends_on_how_many_threads_there_are(name: str, threads: int) -> None:
    """Not even where the way back has another number of them than the way forth."""
    shape, units = (11, 12, 24), 66  # enough work for threads
    inputs, mask = torch.randn(shape), torch.rand(shape[:2]) > 0.3
    wanted, *others = (
        results(built(LAYERS[name], shape, units, recompute=recompute), inputs, mask, which)
        for recompute in (False, True)
        for which in ((1, 1), (threads, 1))
    )
    for found in others:
        for one, other in zip(wanted, found, strict=True):
            assert torch.equal(one, other)


@pytest.mark.parametrize(
    ("name", "width"), [("LSTM", 1 + 1 / c_runs.CELLS_EVERY), ("GRU", 1), ("SimpleRNN", 1), ("Bidirectional", 2.25)]
)
def test_only_states_are_kept(name: str, width: float) -> None:
    shape, units = (4, 32, 3), 64
    layer = built(LAYERS[name], shape, units, recompute=True)
    inputs = torch.randn(shape, requires_grad=True)
    known = {weight.data_ptr() for weight in layer.parameters()} | {inputs.data_ptr()}
    numbers: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        if tensor.data_ptr() not in known:
            numbers[tensor.data_ptr()] = tensor.numel()
        return tensor

    for _ in range(5):  # from which on calls may go by a plan
        numbers.clear()
        with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
            layer(inputs)
    states = layer.forward_layer if isinstance(layer, Bidirectional) else layer
    assert states is not None
    assert sum(numbers.values()) <= width * shape[0] * shape[1] * units + 4 * shape[0] * units  # and the first states


@pytest.mark.parametrize("name", ["LSTM", "GRU"])
def test_calls_that_go_by_a_plan(name: str) -> None:
    """Kept, and from the next call on computed once more."""
    shape, units = (5, 19, 3), 17
    layer, inputs = built(LAYERS[name], shape, units), torch.randn(shape)
    wanted = None
    for recompute in (False, True, False):
        layer.recompute = recompute
        for _ in range(5):
            for weight in layer.parameters():
                weight.grad = None
            found = results(layer, inputs, None)
            wanted = wanted or [one.clone() for one in found]
            for one, other in zip(wanted, found, strict=True):
                assert torch.equal(one, other)


@pytest.mark.parametrize("name", ["LSTM", "GRU"])
def test_compiled(name: str) -> None:
    shape, units = (3, 17, 5), 9
    layer, inputs = built(LAYERS[name], shape, units, recompute=True), torch.randn(shape)
    compiled = torch.compile(layer, backend="aot_eager", fullgraph=True)
    found = results(compiled, inputs, None)
    for weight in layer.parameters():
        weight.grad = None
    for wanted, one in zip(results(layer, inputs, None), found, strict=True):
        assert torch.equal(wanted, one)


def test_other_backends_keep_what_they_keep() -> None:
    shape, units = (3, 6, 5), 9
    inputs = torch.randn(shape)
    with use_backends("torch_ops"):
        kept, again = (
            results(built(LSTM, shape, units, recompute=recompute), inputs, None) for recompute in (False, True)
        )
    for wanted, found in zip(kept, again, strict=True):
        assert torch.equal(wanted, found)


def test_it_is_chosen_for_a_machine_and_no_part_of_the_configuration() -> None:
    layer = Bidirectional(LSTM(3, recompute=True))
    assert layer.forward_layer.recompute
    assert layer.backward_layer.recompute
    assert "recompute" not in LSTM(3, recompute=True).get_config()


def test_what_is_no_choice() -> None:
    with pytest.raises(ValueError, match=r"^`recompute` must be True or False, got 'yes'\.$"):
        LSTM(3, recompute="yes")  # type: ignore[arg-type]
