import copy
import pickle

import pytest
import torch

from torch_keras_lstm.layers import GRU, LSTM, Add, Concatenate, Dense, Dropout, Embedding, Input, Layer, Masking
from torch_keras_lstm.models import Functional, Model


def test_keyword_tensors_and_call_arguments() -> None:
    x, state, steps = Input((5, 3)), Input((4,)), Input((5,), dtype="bool")
    lstm, dropout = LSTM(4, return_sequences=True), Dropout(0.5)
    sequence = lstm(x, initial_state=[state, state], mask=steps)
    model = Model([x, state, steps], dropout(sequence, training=True)).eval()
    values, start, mask = torch.randn(2, 5, 3), torch.randn(2, 4), torch.rand(2, 5) > 0.5
    outputs, expected = model([values, start, mask]), lstm(values, mask, [start, start])
    kept = outputs != 0
    assert not kept.all()
    torch.testing.assert_close(outputs[kept], 2 * expected[kept])


def test_arguments_may_come_by_position_or_by_name() -> None:
    x, steps = Input((5, 3)), Input((5,), dtype="bool")
    lstm = LSTM(4)
    values, mask = torch.randn(2, 5, 3), torch.rand(2, 5) > 0.5
    for outputs in (lstm(x, steps), lstm(inputs=x, mask=steps)):
        assert torch.equal(Model([x, steps], outputs)([values, mask]), lstm(values, mask))


def test_a_mask_of_none_is_the_mask_of_the_input() -> None:
    """As in Keras 3, in a functional model."""
    x, lstm, values = Input((5, 3)), LSTM(4), torch.randn(2, 5, 3)
    values[:, 3:] = 0.0
    outputs = Model(x, lstm(Masking()(x), mask=None))(values)
    assert torch.equal(outputs, lstm(values, (values != 0).any(-1)))


def test_an_initial_state_ends_the_mask_in_the_layer_but_not_behind_it() -> None:
    x, state, first, second = Input((5,)), Input((4,)), LSTM(4, return_sequences=True), GRU(2)
    embedding = Embedding(7, 3, mask_zero=True)
    model = Model([x, state], second(first(embedding(x), initial_state=[state, state])))
    words, start = torch.tensor([[1, 2, 3, 0, 0], [4, 5, 0, 0, 0]]), torch.randn(2, 4)
    sequence = first(embedding(words), initial_state=[start, start])
    assert torch.equal(model([words, start]), second(sequence, mask=words != 0))


def test_the_output_of_a_layer_is_that_of_its_one_call() -> None:
    x, lstm = Input((5, 3)), LSTM(4, return_state=True, name="l")
    with pytest.raises(AttributeError):
        _ = lstm.output
    outputs = lstm(x)
    assert isinstance(outputs, tuple)
    assert lstm.output == [*outputs]
    assert lstm.input is x
    state = Input((4,))
    add = Add()
    add([state, outputs[0]])
    assert add.input == [state, outputs[0]]
    lstm(x)
    with pytest.raises(ValueError, match=r"2 times, so it has no one input\. Call it once on an `Input`"):
        _ = lstm.input


def test_a_copy_knows_nothing_of_the_tensors_around_the_layer() -> None:
    x, dense = Input((3,)), Dense(2)
    dense(x)
    for other in (copy.deepcopy(dense), pickle.loads(pickle.dumps(dense)), copy.copy(dense)):
        assert other._inbound_nodes == []
        assert other.built
    assert dense.output.shape == (None, 2)


def test_what_a_call_does_not_take_is_refused() -> None:
    x, dense = Input((3,)), Dense(2, name="d")
    with pytest.raises(TypeError, match=r"Layer `d` \(Dense\): got an unexpected keyword argument 'masks'"):
        dense(x, masks=None)
    assert dense(x, training=True).shape == (None, 2)
    with pytest.raises(TypeError, match=r"of shape \(2, 3\) that takes gradients cannot be a constant of a model"):
        Concatenate()([x, torch.ones(2, 3, requires_grad=True)])
    with pytest.raises(ValueError, match=r"Layer `l` takes inputs of shape \(batch, time, features\), got 2 axes"):
        LSTM(2, name="l")(x)


@pytest.mark.parametrize("wrong", ["words", object()], ids=["str", "object"])
def test_what_is_neither_tensor_nor_symbolic_is_refused(wrong: object) -> None:
    with pytest.raises(TypeError, match=r"Layer `d` takes tensors, arrays or symbolic tensors, got .*(words|object)"):
        Dense(2, name="d")(wrong)


class Doubling(Model):
    """A model of one's own, as Keras' users write them."""

    def __init__(self) -> None:
        super().__init__(name="doubling")
        self.sequence = LSTM(4, return_sequences=True)
        self.dropout = Dropout(0.5)
        self.head = Dense(2)

    def call(self, inputs: torch.Tensor, training: bool | None = None) -> torch.Tensor:
        outputs: torch.Tensor = self.head(self.dropout(self.sequence(inputs), training=training)[:, -1]) * 2.0
        return outputs


def test_a_model_of_ones_own_is_a_module_and_a_layer() -> None:
    model, values = Doubling(), torch.randn(3, 5, 6)
    assert not model.built
    outputs = model(values, training=False)
    assert [layer.name for layer in model.layers] == [model.sequence.name, model.dropout.name, model.head.name]
    assert model.count_params() == 4 * 4 * (6 + 4 + 1) + 10
    assert [name for name, _ in model.named_parameters()][-2:] == ["head.weight", "head.bias"]
    assert model.get_layer(model.head.name) is model.head
    x = Input((5, 6))
    whole = Model(x, model(x))
    assert isinstance(whole, Functional)
    assert whole.output_shape == (None, 2)
    assert torch.equal(whole(values, training=False), outputs)
    fresh = Doubling()
    assert fresh(x).shape == (None, 2)
    assert fresh.built


def test_a_layer_of_ones_own_may_define_call() -> None:
    class Halving(Layer):
        def call(self, inputs: torch.Tensor, training: bool | None = None) -> torch.Tensor:
            return inputs if training else inputs / 2

    x = Input((3,))
    model, values = Model(x, Halving()(x)), torch.randn(2, 3)
    assert torch.equal(model(values, training=False), values / 2)
    assert torch.equal(model(values, training=True), values)
