"""When a layer over time calls its cell, and when it takes the step that the cell has prepared."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.tolerances import assert_close
from torch_keras_lstm.layers import RNN, Bidirectional, GRUCell, Input, Layer, LSTMCell, SimpleRNNCell, StackedRNNCells
from torch_keras_lstm.layers.cell_call import has_prepared_step
from torch_keras_lstm.models import Model

B, T, F = 3, 5, 4


class Doubling(LSTMCell):
    def call(self, inputs: Any, states: Any, training: bool | None = None) -> Any:
        output, states = super().call(inputs, states, training=training)
        return 2 * output, states


class Forwarding(LSTMCell):
    def forward(self, inputs: Any, states: Any, training: bool | None = None) -> Any:
        output, states = super().forward(inputs, states, training=training)
        return 2 * output, states


class WithMasksOfItsOwn(LSTMCell):
    """Derived, but called as its base is."""


def test_which_classes_are_called() -> None:
    prepared: tuple[type, ...] = (LSTMCell, GRUCell, SimpleRNNCell, StackedRNNCells, WithMasksOfItsOwn)
    called: tuple[type, ...] = (Doubling, Forwarding, Layer, nn.LSTMCell)
    assert [has_prepared_step(cell) for cell in prepared + called] == [True] * 5 + [False] * 4


@pytest.mark.parametrize("cell_class", [Doubling, Forwarding])
def test_a_derived_class_is_called(cell_class: type[LSTMCell]) -> None:
    derived, plain = RNN(cell_class(2), return_sequences=True), RNN(LSTMCell(2), return_sequences=True)
    inputs = torch.randn(B, T, F)
    plain(inputs)
    derived.build((B, T, F))
    derived.set_weights(plain.get_weights())
    assert_close(derived(inputs).detach(), 2 * plain(inputs).detach(), "float32 elementwise")


def with_a_hook_on(cell: nn.Module, seen: list[Any]) -> None:
    cell.register_forward_hook(lambda module, args, output: seen.append(output[0]))


@pytest.mark.parametrize("make", [lambda cell: cell, lambda cell: [GRUCell(F), cell]], ids=["alone", "in a stack"])
def test_hooks_on_a_cell_fire_at_each_step(make: Any) -> None:
    seen: list[Tensor] = []
    cell = LSTMCell(2)
    layer = RNN(make(cell), return_sequences=True)
    inputs = torch.randn(B, T, F)
    expected = layer(inputs)
    with_a_hook_on(cell, seen)
    assert_close(layer(inputs).detach(), expected.detach(), "float32 elementwise")
    assert_close(torch.stack(seen, 1).detach(), expected.detach(), "float32 elementwise")


def test_hooks_on_a_cell_of_a_bidirectional_layer_fire() -> None:
    seen: list[Tensor] = []
    layer = Bidirectional(RNN(LSTMCell(2)))
    inner: Any = layer.backward_layer
    with_a_hook_on(inner.cell, seen)
    layer(torch.randn(B, T, F))
    assert len(seen) == T


def test_a_hook_changes_what_goes_on() -> None:
    layer = RNN(SimpleRNNCell(2), return_sequences=True)
    inputs = torch.randn(B, T, F)
    layer(inputs)
    layer.cell.register_forward_hook(lambda module, args, output: (torch.zeros_like(output[0]), output[1]))
    assert torch.equal(layer(inputs), torch.zeros(B, T, 2))


def test_a_cell_that_is_no_module() -> None:
    class Adding:
        state_size = F

        def __call__(self, inputs: Tensor, states: list[Tensor]) -> tuple[Tensor, tuple[Tensor]]:
            return states[0] + inputs, (states[0] + inputs,)

    inputs = torch.randn(B, T, F)
    assert_close(RNN(Adding())(inputs), inputs.sum(1), "float32 elementwise")
    assert_close(RNN([Adding(), Adding()])(inputs), inputs.cumsum(1).sum(1), "float32 elementwise")


class Images(nn.Module):
    """Steps and states of more axes, and a start that says so."""

    state_size = 2

    def get_initial_state(self, batch_size: int) -> Tensor:
        return torch.zeros(batch_size, 2, 3)

    def forward(self, inputs: Tensor, states: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        return inputs + states[0], [inputs + states[0]]


def test_steps_and_states_of_any_shape() -> None:
    inputs, mask = torch.randn(B, T, 2, 3), torch.rand(B, T) < 0.5
    layer = RNN(Images(), return_state=True, stateful=True)
    output, total = layer(inputs, mask=mask)
    expected = (inputs * mask[..., None, None]).sum(1)
    assert_close(total, expected, "float32 elementwise")
    assert output.shape == (B, 2, 3)
    assert_close(layer(inputs, initial_state=[torch.ones(B, 2, 3)])[1], 1 + inputs.sum(1), "float32 elementwise")


def test_what_a_cell_returns_is_looked_at() -> None:
    class Wrong(Images):
        def __init__(self, returned: Any) -> None:
            super().__init__()
            self.returned = returned

        def forward(self, inputs: Tensor, states: list[Tensor]) -> Any:
            return self.returned

    inputs = torch.randn(B, T, 2, 3)
    with pytest.raises(ValueError, match=r"^Cell Wrong must return the output of a step and the list of the new state"):
        RNN(Wrong(torch.zeros(2)))(inputs)
    with pytest.raises(ValueError, match=r"^Cell Wrong returned 2 states for the 1 that it was given\.$"):
        RNN(Wrong((inputs[:, 0], [inputs[:, 0]] * 2)))(inputs)


def test_cells_on_symbolic_tensors_give_output_and_states() -> None:
    inputs, hidden, cell = Input((F,)), Input((2,)), Input((2,))
    output, states = LSTMCell(2)(inputs, [hidden, cell])
    assert [tensor.shape for tensor in (output, *states)] == [(None, 2)] * 3
    alone, state = GRUCell(3)(output, Input((3,)))
    assert alone.shape == state.shape == (None, 3)
    stacked, nested = StackedRNNCells([LSTMCell(2), GRUCell(3)])(inputs, [[hidden, cell], [state]])
    assert stacked.shape == (None, 3)
    assert [[tensor.shape for tensor in entry] for entry in nested] == [[(None, 2)] * 2, [(None, 3)]]
    model = Model([inputs, hidden, cell], [output, *states])
    given = [torch.randn(B, F), torch.randn(B, 2), torch.randn(B, 2)]
    got = model(given)
    assert torch.equal(got[0], got[1])
    assert [tuple(tensor.shape) for tensor in got] == [(B, 2)] * 3


def test_a_stack_gives_its_states_nested_in_a_graph() -> None:
    inputs = Input((T, F))
    output, lstm, gru = RNN([LSTMCell(2), GRUCell(3)], return_state=True)(inputs)
    assert (output.shape, [state.shape for state in lstm], gru.shape) == ((None, 3), [(None, 2)] * 2, (None, 3))
    again = RNN([LSTMCell(2), GRUCell(3)])(inputs, initial_state=[lstm, [gru]])
    got = Model(inputs, [again, lstm[1]])(torch.randn(B, T, F))
    assert [tuple(tensor.shape) for tensor in got] == [(B, 3), (B, 2)]
