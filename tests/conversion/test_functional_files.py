"""Functional models in files of old releases, made by hand, against NumPy."""

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.conversion.handmade import (
    Array,
    entry,
    keras_1_arrays,
    keras_1_lstm,
    keras_2_lstm,
    lstm,
    lstm_weights,
    sigmoid,
    write_legacy,
)
from tests.tolerances import assert_close
from torch_keras_lstm import ops
from torch_keras_lstm.conversion import convert, inspect, load_model
from torch_keras_lstm.layers import Input
from torch_keras_lstm.models import Functional, Model

B, T, F, U = 3, 7, 5, 4
NAMES = ("kernel", "recurrent_kernel", "bias")


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(11)


def graph(inputs: Any, outputs: Any, *layers: tuple[dict[str, Any], list[Any]]) -> dict[str, Any]:
    """A functional model of Keras 2: each layer with its calls."""
    joined = [
        {**layer, "name": layer["name"] if "name" in layer else layer["config"]["name"], "inbound_nodes": calls}
        for layer, calls in layers
    ]
    config = {"name": "graph", "layers": joined, "input_layers": inputs, "output_layers": outputs}
    return {"class_name": "Model", "config": config}


def an_input(name: str, *shape: int | None) -> tuple[dict[str, Any], list[Any]]:
    return entry("InputLayer", name, batch_input_shape=[None, *shape], dtype="float64"), []


def to(*sources: str) -> list[list[Any]]:
    """A call of these layers' outputs; "enc:2" is the third."""
    pairs = [source.partition(":") for source in sources]
    return [[name, 0, int(number or 0), {}] for name, _, number in pairs]


def arrays(scope: str, weights: list[Array]) -> dict[str, Array]:
    return {f"{scope}/{name}:0": array for name, array in zip(NAMES, weights, strict=True)}


def answer(model: Any, *inputs: Array) -> Any:
    with torch.no_grad():
        return model([torch.from_numpy(values) for values in inputs])


@pytest.mark.parametrize(("version", "held"), [("2.0.8", True), ("2.2.4", True), ("2.3.1", False), ("2.8.0", False)])
def test_masked_steps_in_front_give_the_initial_state_up_to_keras_2_2(
    tmp_path: Path, random: np.random.Generator, version: str, held: bool
) -> None:
    weights, x = lstm_weights(random, F, U), random.normal(size=(B, T, F))
    x[0, :3] = x[1] = 0.0
    hidden = random.normal(size=(B, U))
    layer = keras_2_lstm("l", U, return_sequences=True, recurrent_activation="sigmoid", dtype="float64")
    config = graph(
        [["x", 0, 0], ["h", 0, 0], ["c", 0, 0]],
        [["l", 0, 0]],
        an_input("x", T, F),
        an_input("h", U),
        an_input("c", U),
        (entry("Masking", "m", mask_value=0.0, dtype="float64"), [to("x")]),
        (layer, [to("m", "h", "c")]),
    )
    path = write_legacy(tmp_path / "m.h5", {"l": arrays("l", weights)}, config=config, keras_version=version)
    zeros = np.zeros((B, U))
    output = np.asarray(answer(load_model(path), x, hidden, zeros))
    assert_close(output[0, :3], np.broadcast_to(hidden[0] * held, (3, U)), "float64")
    assert_close(output[1], np.broadcast_to(hidden[1] * held, (T, U)), "float64")
    assert_close(output[2], np.asarray(answer(load_model(path), x[2:], hidden[2:], zeros[2:]))[0], "float64")
    convert(path, tmp_path / "out")
    assert np.array_equal(np.asarray(answer(load_model(tmp_path / "out"), x, hidden, zeros)), output)


@pytest.mark.parametrize("bare", [True, False])
def test_nested_and_shared_models_of_keras_2_count_their_calls_from_one(
    tmp_path: Path, random: np.random.Generator, bare: bool
) -> None:
    """Weights stand flat in the nested model's group, here the frozen first layer last, as Keras lists them."""
    first, second = lstm_weights(random, F, U), lstm_weights(random, U, U)
    kernel = random.normal(size=(U, U))
    layers = [
        keras_2_lstm("one", U, return_sequences=True, recurrent_activation="sigmoid", dtype="float64", trainable=False),
        keras_2_lstm("two", U, recurrent_activation="sigmoid", dtype="float64"),
    ]
    layers[0]["config"]["batch_input_shape"] = [None, T, F]
    nested = {"class_name": "Sequential", "config": layers if bare else {"name": "stack", "layers": layers}}
    shared = entry("Dense", "head", units=U, use_bias=False, dtype="float64")
    config = graph(
        [["a", 0, 0], ["b", 0, 0]],
        [["head", 1, 0], ["stack", 1, 0]],
        an_input("a", T, F),
        an_input("b", T, F),
        ({**nested, "name": "stack"}, [to("a"), to("b")]),
        (shared, [[["stack", 1, 0, {}]], [["stack", 2, 0, {}]]]),
    )
    groups = {"stack": {**arrays("two", second), **arrays("one", first)}, "head": {"head/kernel:0": kernel}}
    path = write_legacy(tmp_path / "m.h5", groups, config=config, keras_version="2.2.0" if bare else "2.2.4")
    model = load_model(path)
    a, b = random.normal(size=(B, T, F)), random.normal(size=(B, T, F))

    def stack(x: Array) -> Array:
        return lstm(lstm(x, first, sigmoid), second, sigmoid)[:, -1]

    of_b, of_a = answer(model, a, b)
    assert_close(of_b, stack(b) @ kernel, "float64")
    assert_close(of_a, stack(a), "float64")
    report = inspect(path)
    assert [(layer.name, layer.kind, layer.output_shape, layer.arrays) for layer in report.layers] == [
        ("a", "InputLayer", (None, T, F), 0),
        ("b", "InputLayer", (None, T, F), 0),
        ("stack", "Sequential", (None, U), 6),
        ("head", "Dense", (None, U), 1),
    ]


def test_nested_layers_of_keras_1_are_told_by_the_front_of_their_arrays_names(
    tmp_path: Path, random: np.random.Generator
) -> None:
    first, second, x = lstm_weights(random, F, U), lstm_weights(random, U, U), random.normal(size=(B, T, F))
    one = keras_1_lstm("one", U, return_sequences=True, inner_activation="sigmoid")
    two = keras_1_lstm("two", U, inner_activation="sigmoid")
    one["config"]["batch_input_shape"] = [None, T, F]
    nested = {"class_name": "Sequential", "config": [one, two], "name": "stack"}
    config = graph(
        [["x", 0, 0]],
        [["stack", 1, 0]],
        (entry("InputLayer", "x", batch_input_shape=[None, T, F], input_dtype="float64"), []),
        (nested, [to("x")]),
    )
    groups = {"stack": {**keras_1_arrays("two", second), **keras_1_arrays("one", first)}}
    path = write_legacy(tmp_path / "m.h5", groups, config=config, keras_version="1.2.2")
    with torch.no_grad():
        output = load_model(path)(torch.from_numpy(x))
    assert_close(output, lstm(lstm(x, first, sigmoid), second, sigmoid)[:, -1], "float64")


def test_weights_that_a_nested_model_lacks_are_named_with_it(tmp_path: Path, random: np.random.Generator) -> None:
    layer = keras_2_lstm("one", U, batch_input_shape=[None, T, F])
    nested = {"class_name": "Sequential", "config": {"name": "stack", "layers": [layer]}, "name": "stack"}
    config = graph([["x", 0, 0]], [["stack", 1, 0]], an_input("x", T, F), (nested, [to("x")]))
    kernel = {"one/kernel:0": random.normal(size=(F, 4 * U))}
    path = write_legacy(tmp_path / "m.h5", {"stack": kernel}, config=config, keras_version="2.2.4")
    with pytest.raises(ValueError, match=r"weight `bias` of layer `one` \(`layers\.0` of `stack`\) is missing"):
        load_model(path)


def test_a_call_keeps_its_arguments(tmp_path: Path, random: np.random.Generator) -> None:
    call = [[["x", 0, 0, {"training": True}]]]
    config = graph([["x", 0, 0]], [["l", 0, 0]], an_input("x", T, F), (keras_2_lstm("l", U, dropout=0.5), call))
    groups = {"l": arrays("l", lstm_weights(random, F, U))}
    path = write_legacy(tmp_path / "m.h5", groups, config=config, keras_version="2.5.0")
    convert(path, tmp_path / "out")
    for model in (load_model(path), load_model(tmp_path / "out")):
        assert isinstance(model, Functional)
        x = torch.randn(B, T, F)
        assert not torch.equal(model(x), model(x))


def test_a_chain_with_an_operation_has_the_operation_s_shapes(tmp_path: Path, random: np.random.Generator) -> None:
    transpose = {"node_def": {"name": "transpose", "op": "Transpose"}, "constants": {"1": [0, 2, 1]}}
    config = graph(
        [["x", 0, 0]],
        [["l", 0, 0]],
        an_input("x", F, T),
        ({**entry("TensorFlowOpLayer", "transpose", **transpose), "name": "turned"}, [to("x")]),
        (keras_2_lstm("l", U), [to("turned")]),
    )
    groups = {"l": arrays("l", lstm_weights(random, F, U))}
    path = write_legacy(tmp_path / "m.h5", groups, config=config, keras_version="2.2.4-tf")
    assert answer(load_model(path), random.normal(size=(B, F, T))).shape == (B, U)


def test_a_chain_whose_layer_gives_its_states_too_goes_on_with_the_output(
    tmp_path: Path, random: np.random.Generator
) -> None:
    lstm_layer = keras_2_lstm("l", U, return_sequences=True, return_state=True)
    halves = entry("Bidirectional", "b", layer={**keras_2_lstm("h", U, return_state=True)}, merge_mode="sum")
    config = graph([["x", 0, 0]], [["b", 0, 0]], an_input("x", T, F), (lstm_layer, [to("x")]), (halves, [to("l")]))
    weights = [lstm_weights(random, features, U) for features in (F, U, U)]
    groups = {
        "l": arrays("l", weights[0]),
        "b": arrays("b/forward_h", weights[1]) | arrays("b/backward_h", weights[2]),
    }
    path = write_legacy(tmp_path / "m.h5", groups, config=config, keras_version="2.2.4")
    x = random.normal(size=(B, T, F))
    steps = lstm(x, weights[0])
    expected = lstm(steps, weights[1])[:, -1] + lstm(steps[:, ::-1], weights[2])[:, -1]
    assert_close(answer(load_model(path), x), expected, "float64")


def test_training_false_in_the_graph_outlives_conversion(tmp_path: Path, random: np.random.Generator) -> None:
    """tf.keras writes what the call was given; what was given in Keras 3 cannot be told, it writes false by itself."""
    drop = entry("Dropout", "drop", rate=0.5, dtype="float64")
    free = entry("Dropout", "free", rate=0.5, dtype="float64")
    config = graph(
        [["x", 0, 0]],
        [["drop", 0, 0], ["free", 0, 0]],
        an_input("x", 50),
        (drop, [[["x", 0, 0, {"training": False}]]]),
        (free, [[["x", 0, 0, {}]]]),
    )
    path = write_legacy(tmp_path / "m.h5", {}, config=config, keras_version="2.8.0")
    convert(path, tmp_path / "out")
    x = random.normal(size=(B, 50))
    for source in (path, tmp_path / "out"):
        model = load_model(source).train()
        assert isinstance(model, Functional)
        kept, dropped = answer(model, x)
        assert np.array_equal(np.asarray(kept), x)
        assert not np.array_equal(np.asarray(dropped), x)
        assert model.graph.calls["drop"][0].kwargs == {"training": False}


def test_constants_in_a_call_are_named(tmp_path: Path, random: np.random.Generator) -> None:
    config = graph(
        [["x", 0, 0], ["c", 0, 0]],
        [["l", 0, 0]],
        an_input("x", T, F),
        an_input("c", U),
        (keras_2_lstm("l", U), [[["x", 0, 0, {"initial_state": None, "constants": [["c", 0, 0]]}]]]),
    )
    path = write_legacy(tmp_path / "m.h5", {"l": arrays("l", lstm_weights(random, F, U))}, config=config)
    with pytest.raises(
        ValueError, match=r"Layer `l` \(LSTM\) is called with `constants`, which its call does not take"
    ):
        load_model(path)


def test_an_activation_that_is_a_layer(tmp_path: Path, random: np.random.Generator) -> None:
    config = {"name": "leaky", "trainable": True, "dtype": "float64", "alpha": 0.125}
    leaky = {"module": "keras.layers", "class_name": "LeakyReLU", "config": config, "registered_name": None}
    dense = entry("Dense", "d", units=U, activation=leaky, dtype="float64")
    kernel = random.normal(size=(F, U))
    config = graph([["x", 0, 0]], [["d", 0, 0]], an_input("x", F), (dense, [to("x")]))
    groups = {"d": {"d/kernel:0": kernel, "d/bias:0": np.zeros(U)}}
    path = write_legacy(tmp_path / "m.h5", groups, config=config, keras_version="2.9.0")
    convert(path, tmp_path / "out")
    x = random.normal(size=(B, F))
    expected = np.where(x @ kernel > 0, x @ kernel, 0.125 * (x @ kernel))
    for model in (load_model(path), load_model(tmp_path / "out")):
        assert_close(model(torch.from_numpy(x)).detach(), expected, "float64")


def test_the_method_of_a_quantile_is_one_that_the_saving_keras_forgot(tmp_path: Path) -> None:
    x = Input((4,))
    model = Model(x, ops.quantile(x, 0.4, axis=1, method="lower"))
    with pytest.raises(ValueError, match="`method='lower'` of Quantile, which Keras' graphs forget"):
        model.save(tmp_path / "model.keras")
    linear = Model(x, ops.quantile(x, 0.4, axis=1))
    linear.save(tmp_path / "model.keras")
    with zipfile.ZipFile(tmp_path / "model.keras") as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(parts["config.json"])
    config["config"]["layers"][1]["config"]["method"] = "lower"
    parts["config.json"] = json.dumps(config).encode()
    with zipfile.ZipFile(tmp_path / "keras.keras", "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    values = torch.randn(3, 4)
    assert torch.equal(load_model(tmp_path / "keras.keras")(values), linear(values))
    assert any("forget the `method` of Quantile" in note for note in inspect(tmp_path / "keras.keras").notes)
