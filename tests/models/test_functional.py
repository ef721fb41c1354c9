import copy
import pickle
from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import Tensor

from torch_keras_lstm.layers import (
    LSTM,
    Bidirectional,
    Dense,
    Dropout,
    Embedding,
    Input,
    InputLayer,
    Layer,
    Masking,
    deserialize,
    serialize,
)
from torch_keras_lstm.models import Functional, Model, OperationLayer, Sequential
from torch_keras_lstm.models.graph import Call, Graph, TensorSource

# Lists for models that were made with dictionaries, which one test is about and others use.
pytestmark = pytest.mark.filterwarnings("ignore:The structure of `inputs` doesn't match:UserWarning")

BATCH, TIME, STEPS = 3, 7, 4


def out(layer: str, call: int = 0, output: int = 0) -> TensorSource:
    return TensorSource(layer, call, output)


def on(*args: Any, **kwargs: Any) -> Call:
    return Call(args, kwargs)


def translator() -> Functional:
    """Masked input -> encoder -> its states into the decoder."""
    layers = [
        InputLayer((None, 5), name="source"),
        Masking(name="mask"),
        InputLayer((None, 4), name="target"),
        LSTM(3, return_state=True, name="enc"),
        LSTM(3, return_sequences=True, name="dec"),
        Dense(2, name="out"),
    ]
    calls = {
        "mask": (on(out("source")),),
        "enc": (on(out("mask")),),
        "dec": (on(out("target"), initial_state=[out("enc", output=1), out("enc", output=2)]),),
        "out": (on(out("dec")),),
    }
    return Functional.from_graph(layers, Graph(calls, [out("source"), out("target")], out("out")), name="translator")


def padded(*shape: int) -> Tensor:
    values = torch.randn(shape)
    values[0, -2:] = values[1, :1] = values[2] = 0.0
    return values


def given() -> list[Tensor]:
    return [padded(BATCH, TIME, 5), torch.randn(BATCH, STEPS, 4)]


def siamese(**kwargs: Any) -> Functional:
    """One layer called on both inputs."""
    layers = [
        InputLayer((TIME, 5), name="left"),
        InputLayer((TIME, 5), name="right"),
        LSTM(4, name="embed", **kwargs),
        OperationLayer("Subtract", {}, name="difference"),
        Dense(2, name="head"),
    ]
    calls = {
        "embed": (on(out("left")), on(out("right"))),
        "difference": (on(out("embed"), out("embed", 1)),),
        "head": (on(out("difference")),),
    }
    outputs = {"same": out("head"), "left": out("embed")}
    return Functional.from_graph(layers, Graph(calls, {"a": out("left"), "b": out("right")}, outputs), name="siamese")


def line(*layers: Layer, **kwargs: Any) -> Functional:
    """Layers one after the other; ``kwargs`` are those of the last one's call."""
    names = [layer.name for layer in layers]
    calls = {name: (on(out(before)),) for before, name in pairwise(names)}
    calls[names[-1]] = (on(out(names[-2]), **kwargs),)
    return Functional.from_graph(layers, Graph(calls, out(names[0]), out(names[-1])), name="line")


def test_it_computes_what_its_layers_do() -> None:
    model, (source, target) = translator(), given()
    outputs = model([source, target])
    mask = (source != 0).any(-1)
    _, hidden, cell = model.get_layer("enc")(source, mask=mask)
    decoded = model.get_layer("dec")(target, initial_state=[hidden, cell])
    assert torch.equal(outputs, model.get_layer("out")(decoded))
    assert not torch.equal(hidden, model.get_layer("enc")(source)[1])


def test_a_shared_layer_has_one_set_of_weights_and_gets_the_gradients_of_both_calls() -> None:
    model, left, right = siamese(dtype="float64"), torch.randn(BATCH, TIME, 5), torch.randn(BATCH, TIME, 5)
    outputs = model({"a": left, "b": right})
    assert [*outputs] == ["same", "left"]
    embed, head = model.get_layer("embed"), model.get_layer("head")
    assert torch.equal(outputs["left"], embed(left))
    assert torch.equal(outputs["same"], head(embed(left) - embed(right)))
    names = ["weight_ih_l0", "weight_hh_l0", "bias_ih_l0"]
    assert [name for name, _ in model.named_parameters()] == [
        *(f"layers.2.{name}" for name in names),
        "layers.4.weight",
        "layers.4.bias",
    ]
    weight = embed.get_parameter("weight_hh_l0")
    (both,) = torch.autograd.grad(outputs["same"].sum(), weight)
    (one,) = torch.autograd.grad(head(embed(left) - embed(right).detach()).sum(), weight)
    (other,) = torch.autograd.grad(head(embed(left).detach() - embed(right)).sum(), weight)
    torch.testing.assert_close(both, one + other)


def test_inputs_come_in_a_list_or_by_name() -> None:
    model, (source, target) = translator(), given()
    expected = model([source, target])
    assert torch.equal(model({"target": target, "source": source}), expected)
    assert torch.equal(model((source.numpy(), target.numpy())), expected)
    pair = siamese()
    left, right = torch.randn(BATCH, TIME, 5), torch.randn(BATCH, TIME, 5)
    assert torch.equal(pair([left, right])["same"], pair({"b": right, "a": left})["same"])
    alone = line(InputLayer((TIME, 5), name="x"), LSTM(2))
    assert torch.equal(alone([left]), alone(left))
    assert torch.equal(alone({"x": left}), alone(left))


def test_what_does_not_fit_the_inputs_is_refused() -> None:
    model, (source, target) = translator(), given()
    with pytest.raises(ValueError, match=r"^Model `translator` takes 2 inputs in a list \(source, target\), got 1\.$"):
        model([source])
    with pytest.raises(ValueError, match=r"takes 2 inputs in a list \(source, target\), got Tensor\.$"):
        model(source)
    with pytest.raises(ValueError, match="takes inputs by the names source, target, got source, aim"):
        model({"source": source, "aim": target})
    with pytest.raises(ValueError, match="takes inputs by the names a, b, got left, right"):
        siamese()({"left": source, "right": source})
    with pytest.raises(ValueError, match=r"Input `target` has shape \(None, None, 4\), got an input of shape"):
        model([source, source])
    with pytest.raises(ValueError, match="Model `translator` has 2 inputs, got 1 shapes"):
        model.compute_output_shape((None, 7, 5))


@pytest.mark.parametrize("nested", [None, "Sequential", "Functional"])
def test_masks_go_with_the_tensors_into_nested_models_and_out_of_them(nested: str | None) -> None:
    indices = torch.tensor([[3, 1, 4, 0, 0], [2, 0, 0, 0, 0]])
    embedding, first, second = Embedding(6, 3, mask_zero=True), LSTM(4, return_sequences=True), LSTM(2)
    layer: Layer = first
    if nested is not None:
        layer = Sequential([first]) if nested == "Sequential" else line(InputLayer((5, 3), name="in"), first)
    model = line(InputLayer((5,), dtype="int64", name="x"), embedding, layer, second)
    vectors, mask = embedding(indices), indices != 0
    assert torch.equal(model(indices), second(first(vectors, mask=mask), mask=mask))
    assert not torch.equal(model(indices), second(first(vectors.detach())))
    sequences = line(InputLayer((5,), dtype="int64", name="x"), embedding, layer)
    assert torch.equal(sequences(indices)._keras_mask, mask)
    assert torch.equal(sequences.compute_mask(indices), mask)


def test_a_mask_of_the_call_is_taken_literally() -> None:
    values, lstm = padded(BATCH, TIME, 5), LSTM(2, name="l")
    unmasked = line(InputLayer((TIME, 5), name="x"), Masking(name="m"), lstm, mask=None)
    assert torch.equal(unmasked(values), lstm(values))
    other = InputLayer((TIME,), dtype="bool", name="steps")
    graph = Graph({"l": (on(out("x"), mask=out("steps")),)}, [out("x"), out("steps")], out("l"))
    mask = torch.rand(BATCH, TIME) < 0.5
    assert torch.equal(
        Functional.from_graph([InputLayer((TIME, 5), name="x"), other, lstm], graph)([values, mask]), lstm(values, mask)
    )


def test_keras_2_lists_the_initial_state_behind_the_input() -> None:
    layers = [InputLayer((TIME, 5), name="x"), InputLayer((2,), name="s"), Bidirectional(LSTM(2), name="both")]
    graph = Graph({"both": (on([out("x"), *[out("s")] * 4]),)}, [out("x"), out("s")], [out("both")])
    values, state = torch.randn(BATCH, TIME, 5), torch.randn(BATCH, 2)
    outputs = Functional.from_graph(layers, graph)([values, state])
    assert torch.equal(outputs, layers[2](values, initial_state=[state] * 4))
    assert not torch.equal(outputs, layers[2](values))


def test_the_first_argument_may_be_given_by_keras_name_of_it() -> None:
    lstm, values = LSTM(2, name="l"), torch.randn(BATCH, TIME, 5)
    graph = Graph({"l": (Call((), {"training": False, "sequences": out("x")}),)}, out("x"), out("l"))
    assert torch.equal(Functional.from_graph([InputLayer((TIME, 5), name="x"), lstm], graph)(values), lstm(values))


@pytest.mark.parametrize(("flag", "training", "drops"), [(True, False, True), (False, True, False), (None, True, True)])
def test_a_call_keeps_its_own_training_flag(flag: bool | None, training: bool, drops: bool) -> None:
    own = {} if flag is None else {"training": flag}
    model = line(InputLayer((200,), name="x"), Dropout(0.5, name="d"), **own)
    values = torch.ones(2, 200)
    assert torch.equal(model.train(not training)(values, training=training), values) is not drops
    assert torch.equal(model.train(training)(values), values) is not drops


def test_a_training_flag_of_a_layer_that_knows_none_is_nothing() -> None:
    assert line(InputLayer((3,), name="x"), Dense(2, name="d"), training=True)(torch.ones(1, 3)).shape == (1, 2)


def test_shapes_follow_the_graph_and_free_sizes_stay_free() -> None:
    model = translator()
    assert model.input_shape == [(None, None, 5), (None, None, 4)]
    assert model.output_shape == (None, None, 2)
    assert model.compute_output_shape([(6, 7, 5), (6, 8, 4)]) == (6, 8, 2)
    assert model.layer_output_shapes()["enc"] == [(None, 3), (None, 3), (None, 3)]
    assert siamese().output_shape == {"same": (None, 2), "left": (None, 4)}
    assert siamese().compute_output_shape({"b": (6, 7, 5), "a": (6, 7, 5)}) == {"same": (6, 2), "left": (6, 4)}


def test_it_is_built_when_asked_or_by_the_first_call() -> None:
    for by_a_call in (False, True):
        model = translator()
        assert not model.built
        if by_a_call:
            model(given())
        else:
            model.build()
        assert model.built
        assert model.count_params() == 108 + 96 + 8
    with pytest.raises(ValueError, match=r"^Layer `d` \(LSTM\): Layer `d` takes inputs of shape \(batch"):
        line(InputLayer((3,), name="x"), LSTM(2, name="d")).build()


def test_weights_come_in_the_order_of_the_layers() -> None:
    model = translator()
    model.build()
    shapes = [(5, 12), (3, 12), (12,), (4, 12), (3, 12), (12,), (3, 2), (2,)]
    assert [weight.shape for weight in model.get_weights()] == shapes
    other, inputs = translator(), given()
    other.build()
    other.set_weights(model.get_weights())
    assert torch.equal(other(inputs), model(inputs))


@pytest.mark.parametrize("how", ["copy", "pickle", "config", "state"])
def test_copies_compute_the_same(how: str) -> None:
    model, inputs = siamese(), [torch.randn(BATCH, TIME, 5), torch.randn(BATCH, TIME, 5)]
    expected = model(inputs)
    if how == "copy":
        again = copy.deepcopy(model)
    elif how == "pickle":
        again = pickle.loads(pickle.dumps(model))
    else:
        again = Functional.from_config(model.get_config())
        assert again.get_config() == model.get_config()
        again.load_state_dict(model.state_dict())
    assert torch.equal(again(inputs)["same"], expected["same"])
    assert again.get_layer("embed") is not model.get_layer("embed")
    double = copy.deepcopy(model).double()
    assert double(inputs)["same"].dtype is torch.float64


def test_freezing_and_stateful_layers_reach_the_model() -> None:
    graph = Graph({"d": (on(out("x")),)}, out("x"), out("d"))
    frozen = Functional.from_graph([InputLayer((3,), name="x"), Dense(2, name="d")], graph, trainable=False)
    frozen.build()
    assert not any(parameter.requires_grad for parameter in frozen.parameters())
    model, values = line(InputLayer((TIME, 5), name="x"), LSTM(2, stateful=True, name="l")), torch.randn(BATCH, TIME, 5)
    first = model(values)
    assert not torch.equal(model(values), first)
    model.reset_states()
    assert torch.equal(model(values), first)


def test_it_prints_as_a_table() -> None:
    model = siamese()
    model.build()
    assert repr(model).splitlines() == [
        "Functional(name='siamese')",
        "  layer                  output shape  parameters  takes",
        "  left (InputLayer)      (None, 7, 5)  0",
        "  right (InputLayer)     (None, 7, 5)  0",
        "  embed (LSTM)           (None, 4)     160         left; right",
        "  difference (Subtract)  (None, 4)     0           embed",
        "  head (Dense)           (None, 2)     10          difference",
    ]
    assert "embed (LSTM)           (None, 4)     not built" in repr(siamese())


def test_layers_are_reached_by_name_and_index() -> None:
    model = translator()
    assert model.get_layer("enc") is model.layers[3] is model.get_layer(index=3)
    with pytest.raises(ValueError, match="Model `translator` has no layer 'encoder'; it has source, mask, target, enc"):
        model.get_layer("encoder")


@pytest.mark.parametrize(
    ("calls", "inputs", "message"),
    [
        ({"d": (on(out("y")),)}, out("x"), "A tensor comes from call 0 of layer `y`, which has 0 calls"),
        ({"d": (on(out("e")),), "e": (on(out("d")),)}, out("x"), "Layer `d` takes its own output, through"),
        ({"z": (on(out("x")),)}, out("x"), "The graph needs a layer `z`"),
        ({"d": (on(2.0),)}, out("x"), r"Layer `d` \(Dense\) is called without a tensor"),
        ({"d": (on(out("x")),)}, out("d"), "The graph needs a layer `d`, or needs it as an input, which it is not"),
        ({"d": (on(out("x"), scale=2),)}, out("x"), r"Layer `d` \(Dense\) is called with `scale`, which its"),
    ],
)
def test_graphs_that_do_not_fit_the_layers_are_refused(calls: Any, inputs: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Functional.from_graph(
            [InputLayer((3,), name="x"), Dense(3, name="d"), Dense(3, name="e")], Graph(calls, inputs, out("d"))
        )


def test_an_output_that_a_layer_does_not_have_is_named_when_the_model_is_built() -> None:
    graph = Graph({"d": (on(out("x")),), "e": (on(out("d", output=1)),)}, out("x"), out("e"))
    model = Functional.from_graph([InputLayer((3,), name="x"), Dense(3, name="d"), Dense(3, name="e")], graph)
    with pytest.raises(ValueError, match=r"^Layer `e` \(Dense\): Call 0 of layer `d` has no output 1\.$"):
        model.build()


def test_two_layers_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match=r"The names of a model's layers must differ, got \['x', 'x'\]"):
        Functional.from_graph([InputLayer((3,), name="x"), Dense(3, name="x")], Graph({}, out("x"), out("x")))


def test_the_summary_lists_the_operations_that_give_masks() -> None:
    """As Keras does; they are no layers of the model, and copies have them too."""
    model = translator()
    assert operations_listed(model) == [], "nothing is known of masks before the model is built"
    model.build()
    for one in (model, copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert operations_listed(one) == ["NotEqual", "Any"]
        assert not any(isinstance(layer, OperationLayer) for layer in one.layers)


def operations_listed(model: Functional) -> list[str]:
    text: list[str] = []
    model.summary(print_fn=text.append)
    return [name for name in ("NotEqual", "Any") if f"({name})" in text[0]]


def test_the_summary_tells_operations_of_masks_from_layers_of_their_name() -> None:
    tokens = Input((TIME,), dtype="int32")
    hidden = LSTM(3)(Embedding(9, 4, mask_zero=True, name="table")(tokens))
    (mask,) = hidden.node.masks
    named = Dense(2, name=mask.node.layer.name)(hidden)
    model = Functional(tokens, named)
    connections = model.connections()
    assert connections is not None
    operation = next(layer for layer in model.listed_layers() if isinstance(layer, OperationLayer))
    assert connections[operation.name] == [out(tokens.node.layer.name)]
    assert connections[named.node.layer.name] == [out(hidden.node.layer.name)]
    assert connections[hidden.node.layer.name] == [out("table"), out(operation.name)]


def test_layers_of_ones_own_may_compute_masks_from_numbers() -> None:
    class LongOnes(Layer):
        def forward(self, inputs: Any) -> Tensor:
            return self.prepare(inputs)

        def compute_mask(self, inputs: Any, mask: Any = None) -> Tensor:
            return torch.as_tensor(inputs).sum(-1) > 0

    steps = Input((TIME, 5))
    model = Functional(steps, LSTM(3)(LongOnes()(steps)))
    inputs = padded(BATCH, TIME, 5)
    mask = inputs.sum(-1) > 0
    lstm = model.layers[-1]
    assert torch.equal(model(inputs), lstm(inputs, mask=mask))
    assert operations_listed(model) == []


def test_a_model_that_is_not_built_tells_the_same_of_its_tensors() -> None:
    inputs = Input((3,), batch_size=2)
    model = Model(inputs, [Dense(4)(inputs), inputs])
    twin = deserialize(serialize(model))
    assert not twin.built
    assert twin.get_config() == model.get_config()
    assert not twin.built
