import pytest
import torch

from torch_keras_lstm.layers import LSTM, Add, Dense, Input, InputLayer
from torch_keras_lstm.models import Functional, Model, OperationLayer, Sequential
from torch_keras_lstm.models.graph import TensorSource
from torch_keras_lstm.models.trace import trace


def test_only_the_layers_between_inputs_and_outputs_are_the_models() -> None:
    x = Input((5, 3), name="x")
    hidden = LSTM(4, name="l")(x)
    Dense(2, name="aside")(hidden)
    found = trace(x, Dense(2, name="d")(hidden))
    assert [layer.name for layer in found.layers] == ["x", "l", "d"]
    assert found.graph.outputs == TensorSource("d", 0, 0)


def test_calls_outside_of_the_model_are_not_counted() -> None:
    dense, x, y = Dense(3, name="d"), Input((3,), name="x"), Input((3,), name="y")
    dense(y)
    outputs = dense(dense(x))
    graph = trace(x, outputs).graph
    assert graph.outputs == TensorSource("d", 1, 0)
    assert [call.args for call in graph.calls["d"]] == [(TensorSource("x", 0, 0),), (TensorSource("d", 0, 0),)]


def test_layers_stand_by_their_distance_from_the_outputs() -> None:
    x, y = Input((3,), name="x"), Input((3,), name="y")
    deep = Dense(3, name="two")(Dense(3, name="one")(x))
    model = Model([y, x], Add(name="sum")([Dense(3, name="side")(y), deep]))
    assert [layer.name for layer in model.layers] == ["x", "one", "y", "side", "two", "sum"] or [
        layer.name for layer in model.layers
    ] == ["x", "y", "one", "side", "two", "sum"]


def test_a_deep_model_needs_no_recursion() -> None:
    x = Input((2,))
    y = x
    for _ in range(1500):
        y = y + 1.0
    assert torch.equal(Model(x, y)(torch.zeros(1, 2)), torch.full((1, 2), 1500.0))


def test_a_model_may_begin_in_the_middle_of_another() -> None:
    x = Input((5, 3))
    hidden = LSTM(4)(x)
    whole = Model(x, Dense(2)(hidden))
    upper = Model(hidden, whole.output)
    assert [type(layer) for layer in upper.layers] == [InputLayer, Dense]
    values = torch.randn(2, 5, 3)
    assert torch.equal(upper(whole.layers[1](values)), whole(values))
    assert whole.input is x
    assert upper.input is not hidden


def test_structures_of_inputs_and_outputs() -> None:
    x, y = Input((3,), name="a"), Input((3,), name="b")
    model = Model(inputs={"a": x, "b": y}, outputs={"sum": x + y, "both": [x, y * 2.0]}, name="m")
    assert isinstance(model, Functional)
    assert model.name == "m"
    assert model.input == {"a": x, "b": y}
    ones = torch.ones(2, 3)
    outputs = model({"a": ones, "b": 2 * ones})
    assert torch.equal(outputs["sum"], 3 * ones)
    assert torch.equal(outputs["both"][1], 4 * ones)


def test_what_is_no_model_is_refused() -> None:
    x, y = Input((3,), name="x"), Input((3,), name="y")
    with pytest.raises(
        ValueError, match=r"graph is disconnected: its outputs need the input `y`, which is not in `inp"
    ):
        Model(x, Add()([x, y]))
    with pytest.raises(TypeError, match=r"`outputs` of a model must be symbolic tensors, .* got Tensor: tensor"):
        Model(x, torch.ones(2))
    with pytest.raises(TypeError, match=r"`inputs` of a model must be symbolic tensors, .* got Dense"):
        Model(Dense(2), x)
    with pytest.raises(ValueError, match="`outputs` of a model must hold at least one symbolic tensor"):
        Model(x, [])
    with pytest.raises(ValueError, match=r"names of a model's layers must differ, got \['x', 'd', 'd'\]"):
        Model(x, Dense(2, name="d")(Dense(2, name="d")(x)))


def test_operations_are_layers_under_their_keras_names() -> None:
    x = Input((3,), name="x")
    model = Model(x, -(x * 2.0), trainable=False)
    assert [type(layer) for layer in model.layers] == [InputLayer, OperationLayer, OperationLayer]
    assert [layer.operation for layer in model.layers if isinstance(layer, OperationLayer)] == ["Multiply", "Negative"]


def test_a_sequential_model_begins_and_ends_in_tensors() -> None:
    model = Sequential([LSTM(4, name="l"), Dense(2)], name="s")
    with pytest.raises(AttributeError, match="The input shape of model `s` is not known yet"):
        _ = model.output
    values = torch.randn(2, 5, 3)
    outputs = model(values)
    assert (model.input.shape, model.output.shape) == ((None, 5, 3), (None, 2))
    features = Model(model.inputs, model.get_layer("l").output)
    assert torch.equal(features(values), model.layers[0](values))
    x = Input((5, 3))
    assert torch.equal(Model(x, model(x))(values), outputs)
    assert model.pop().name.startswith("dense")
    assert model.outputs[0].shape == (None, 4)
