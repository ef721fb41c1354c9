from contextlib import suppress
from random import Random
from typing import Any

import pytest

from tests.conversion.handmade import entry, keras_1, keras_1_lstm, keras_2_lstm, sequential
from torch_keras_lstm.conversion.saved_config import describe


def test_a_list_and_a_table_of_layers_are_one_description() -> None:
    layers = [keras_2_lstm("a", 4, batch_input_shape=[None, 7, 3]), entry("Dense", "b", units=2)]
    old, new = describe(keras_1(*layers), "2.1.3"), describe(sequential(*layers), "2.1.3")
    assert old.layers == new.layers
    assert (old.name, new.name) == ("sequential", "stack")
    assert [(layer.class_name, layer.name) for layer in old.layers] == [("LSTM", "a"), ("Dense", "b")]
    assert old.input_shape == (None, 7, 3)
    assert old.input_dtype == "float32"


def test_a_keras_1_model_reads_as_if_keras_3_had_named_it() -> None:
    model = describe(keras_1(keras_1_lstm("a", 4, batch_input_shape=[None, 7, 3], input_dtype="float64")), "1.2.2")
    (layer,) = model.layers
    assert layer.arguments["units"] == 4
    assert layer.arguments["recurrent_activation"] == "hard_sigmoid_keras2"
    assert layer.arguments["dtype"] == "float64"
    assert model.input_dtype == "float64"


def test_the_function_of_hard_sigmoid_is_chosen_in_wrapped_layers_too() -> None:
    wrapped = entry("TimeDistributed", "t", layer=entry("Dense", "d", units=2, activation="hard_sigmoid"))
    both = entry("Bidirectional", "b", layer=keras_2_lstm("l", 4), merge_mode="sum")
    for version, name in (("2.2.4", "hard_sigmoid_keras2"), ("3.15.1", "hard_sigmoid")):
        model = describe(sequential(both, wrapped), version)
        assert model.layers[0].children["layer"].arguments["recurrent_activation"] == name
        assert model.layers[1].children["layer"].arguments["activation"] == name
        assert model.layers[0].arguments.get("zero_output_for_mask") is (False if version == "2.2.4" else None)


def test_the_description_reads_back_what_it_writes() -> None:
    both = entry(
        "Bidirectional", "b", layer=keras_2_lstm("l", 4), backward_layer=keras_2_lstm("m", 4, go_backwards=True)
    )
    model = describe(
        sequential(entry("InputLayer", "i", batch_input_shape=[5, None, 3], dtype="float32"), both), "2.2.4"
    )
    again = describe(model.to_config(), "3.15")
    assert again.layers == model.layers
    assert again.input_shape == model.input_shape == (5, None, 3)


def test_functional_chains_keep_their_graph_and_are_named_by_their_entry() -> None:
    config = {
        "name": "graph",
        "layers": [
            {**entry("Dense", "inner", units=2), "name": "out", "inbound_nodes": [[["a", 0, 0, {}]]]},
            {**entry("InputLayer", "in", batch_input_shape=[None, 7, 3]), "name": "in", "inbound_nodes": []},
            {**keras_2_lstm("a", 4), "name": "a", "inbound_nodes": [[["in", 0, 0, {}]]]},
        ],
        "input_layers": [["in", 0, 0]],
        "output_layers": [["out", 0, 0]],
    }
    model = describe({"class_name": "Model", "config": config}, "2.0.8")
    assert model.graph is not None
    assert model.graph.chain() == ["in", "a", "out"]
    config["output_layers"] = [["a", 0, 0]]
    model = describe({"class_name": "Functional", "config": config}, "2.8.0")
    assert model.graph is not None
    assert [layer.name for layer in model.layers] == ["out", "in", "a"]
    assert (model.input_shape, model.inputs) == (None, (((None, 7, 3), "float32"),))


@pytest.mark.parametrize(
    ("dtype", "version", "read"),
    [
        ("float64", "2.8.0", "float64"),
        ({"class_name": "DTypePolicy", "config": {"name": "float16"}}, "3.15.1", "float16"),
        ("int32", "2.8.0", "float32"),
        ("double", "2.8.0", "float64"),
        (None, "3.15.1", "float32"),
        ("mixed_bfloat16", "3.15.1", "mixed_bfloat16"),
        ({"class_name": "Policy", "config": {"name": "mixed_float16"}}, "2.8.0", "mixed_float16"),
    ],
)
def test_types_and_policies(dtype: Any, version: str, read: str) -> None:
    inner = keras_2_lstm("l", 4, dtype=None)
    model = describe(sequential(entry("Bidirectional", "b", layer=inner, dtype=dtype)), version)
    assert model.layers[0].arguments["dtype"] == read
    assert model.layers[0].children["layer"].arguments["dtype"] == read
    assert not model.notes


@pytest.mark.parametrize(("dtype", "read"), [("float", "float32"), ("double", "float64"), ("half", "float16")])
def test_types_of_inputs_by_other_names(dtype: str, read: str) -> None:
    layers = entry("InputLayer", "i", batch_input_shape=[None, 7, 3], dtype=dtype), keras_2_lstm("l", 4)
    assert describe(sequential(*layers), "2.1.3").input_dtype == read


def test_flags_that_were_given_as_numbers() -> None:
    model = describe(sequential(keras_2_lstm("l", 4, stateful=1, return_sequences=0)), "2.2.4")
    arguments = model.layers[0].arguments
    assert (arguments["stateful"], arguments["return_sequences"]) == (True, False)
    with pytest.raises(ValueError, match="`stateful` must be true or false, got 2"):
        describe(sequential(keras_2_lstm("l", 4, stateful=2)), "2.2.4")


def test_an_activation_that_is_a_layer_is_a_child() -> None:
    leaky = entry("LeakyReLU", "leaky", alpha=0.1)
    model = describe(sequential(entry("Dense", "d", units=2, activation=leaky)), "2.2.4")
    child = model.layers[0].children["activation"]
    assert (child.class_name, child.place) == ("LeakyReLU", "Layer `leaky` (`activation` of `d`)")
    assert [layer.class_name for layer in model.layers[0].walk()] == ["Dense", "LeakyReLU"]


def test_an_unknown_class_keeps_its_configuration() -> None:
    model = describe(sequential(entry("SReLU", "c", filters=3, anything={"x": 1})), "2.2.4")
    assert model.layers[0].arguments == {"name": "c", "filters": 3, "anything": {"x": 1}}


@pytest.mark.parametrize("source", ["input layer", "first layer", "build_input_shape"])
def test_where_the_input_shape_may_stand(source: str) -> None:
    root = sequential(keras_2_lstm("a", 4))
    if source == "input layer":
        root["config"]["layers"].insert(0, entry("InputLayer", "i", batch_shape=[None, 7, 3]))
    elif source == "first layer":
        root["config"]["layers"][0]["config"]["batch_input_shape"] = [None, 7, 3]
    else:
        root["config"]["build_input_shape"] = [None, 7, 3]
    assert describe(root, "2.8.0").input_shape == (None, 7, 3)


def test_indices_are_the_input_of_an_embedding() -> None:
    layers = entry("Embedding", "e", input_dim=9, output_dim=4, batch_input_shape=[None, 7], dtype="float32")
    model = describe(sequential(layers), "2.2.4")
    assert (model.input_dtype, model.layers[0].arguments["dtype"]) == ("int32", "float32")


@pytest.mark.parametrize(
    ("root", "message"),
    [
        (
            {"class_name": "MyModel", "config": {}},
            "The model's `class_name` is 'MyModel'; expected one of 'Sequential'",
        ),
        ({"score": 1, "trial_id": 7}, r"not the configuration of a Keras model, .*: it has `score`, `trial_id`\."),
        ({"class_name": "Sequential", "config": {}}, "must hold `layers`, a list of objects"),
        ({"class_name": "Sequential", "config": [3]}, "must hold `layers`, a list of objects"),
        ({"class_name": "Model", "config": []}, "must hold `layers`, a list of objects"),
        (
            sequential({"class_name": "LSTM", "config": {}}),
            r"The LSTM that is a layer of the model must have a `config`",
        ),
        (
            sequential(entry("TimeDistributed", "t", layer={"class_name": "Dense", "config": {"units": 2}})),
            "The Dense that is `layer` of `t` must have a `config` with a `name`",
        ),
        (sequential(entry("Flatten", "a"), entry("Flatten", "a")), "Two layers are named 'a'"),
        (sequential(entry("Flatten", "a", batch_input_shape=[None, -3])), "input shape must be a list of positive"),
        (
            sequential(entry("Flatten", "a", dtype="float8")),
            "Layer `a`: `dtype` must be one of float16, .* got 'float8'",
        ),
        (
            sequential(entry("TimeDistributed", "t", layer=entry("Dense", "d", units="2"))),
            r"Layer `d` \(`layer` of `t`\) \(Dense\): `units` must be a positive integer, got '2'",
        ),
        (
            {"class_name": "Sequential", "config": {"name": 3, "layers": []}},
            "The model's `name` must be a string, got 3",
        ),
    ],
)
def test_a_broken_configuration_names_the_place(root: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        describe(root, "2.8.0")


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every value inside ``value``."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, child in items for place in [(*path, key), *_places(child, (*path, key))]]


@pytest.mark.parametrize("seed", range(300))
def test_a_damaged_configuration_is_a_description_or_a_value_error(seed: int) -> None:
    random = Random(seed)
    inner = keras_2_lstm("l", 4, return_sequences=True)
    root: Any = {
        "class_name": "Functional",
        "config": {
            "name": "graph",
            "layers": [
                {**entry("InputLayer", "in", batch_shape=[None, 7, 3]), "name": "in", "inbound_nodes": []},
                {**entry("Bidirectional", "b", layer=inner), "name": "b", "inbound_nodes": [[["in", 0, 0, {}]]]},
                {**entry("Dense", "d", units=2), "name": "d", "inbound_nodes": [{"args": [], "kwargs": {}}]},
            ],
            "input_layers": [["in", 0, 0]],
            "output_layers": {"out": ["d", 0, 0]},
        },
    }
    junk = [None, True, 0, -1, 2**70, 1.5, "", "x", [], {}, [None], ["a", 0, 0], {"class_name": "LSTM", "config": {}}]
    for _ in range(2):
        *parents, last = random.choice(_places(root))
        target = root
        for key in parents:
            target = target[key]
        target[last] = random.choice(junk)
    with suppress(ValueError):
        describe(root, random.choice(["1.2.2", "2.2.4", "2.8.0", "3.15.1", None]))
