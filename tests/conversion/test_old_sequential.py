"""Keras 1's Sequential models: the `Merge` of branches at their beginning, and those inside of others without a name.

No Keras that reads such files runs today: they are made by hand and compared with NumPy.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.conversion.handmade import (
    Array,
    entry,
    hard_sigmoid_keras2,
    keras_1,
    keras_1_arrays,
    keras_1_lstm,
    lstm,
    lstm_weights,
    write_legacy,
)
from tests.tolerances import assert_close
from torch_keras_lstm.conversion import convert, inspect, load_model

B, T, F, U, WORDS = 3, 6, 5, 4, 11


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(8)


def merge(mode: str, *branches: dict[str, Any], **config: Any) -> dict[str, Any]:
    """A Merge with every argument that Keras 1.2 wrote."""
    nothing = {"output_shape": None, "output_shape_type": "raw", "output_mask": None, "output_mask_type": "raw"}
    return entry(
        "Merge", "merge_1", mode=mode, mode_type="raw", arguments={}, layers=[*branches],
        **{"concat_axis": -1, "dot_axes": -1, **nothing, **config},
    )  # fmt: skip


def dense(name: str, units: int, **config: Any) -> dict[str, Any]:
    return entry("Dense", name, output_dim=units, init="uniform", activation="linear", bias=True, **config)


def branch(number: int, features: int, units: int = U) -> dict[str, Any]:
    shape = [None, T, features]
    return keras_1(
        keras_1_lstm(f"lstm_{number}", units, batch_input_shape=shape, input_dim=features, input_dtype="float64"),
        entry("Dropout", f"dropout_{number}", p=0.25),
    )


def arrays(name: str, kernel: Array, bias: Array) -> dict[str, Array]:
    return {f"{name}_W": kernel, f"{name}_b": bias}


def last(x: Array, weights: list[Array]) -> Array:
    return lstm(x, weights, hard_sigmoid_keras2)[:, -1]


def cosines(a: Array, b: Array) -> Array:
    products = (a * b).sum(1) / np.sqrt((a * a).sum(1) * (b * b).sum(1))
    return np.asarray(products[:, None, None])


MODES: dict[str, Callable[[Array, Array], Array]] = {
    "sum": np.add,
    "mul": np.multiply,
    "ave": lambda a, b: (a + b) / 2,
    "max": np.maximum,
    "concat": lambda a, b: np.concatenate([a, b], 1),
    "dot": lambda a, b: (a * b).sum(1, keepdims=True),
    "cos": cosines,
}


@pytest.mark.parametrize("version", ["1.2.2", "2.0.8"])
@pytest.mark.parametrize("mode", MODES)
def test_a_merge_of_branches_comes_first(tmp_path: Path, random: np.random.Generator, mode: str, version: str) -> None:
    left, right = lstm_weights(random, F, U), lstm_weights(random, 2, U)
    a, b = random.normal(size=(B, T, F)), random.normal(size=(B, T, 2))
    merged = MODES[mode](last(a, left), last(b, right))
    kernel, bias = random.normal(size=(merged.shape[-1], 2)), random.normal(size=2)
    branches = [branch(1, F), branch(2, 2)]
    head = dense("dense_1", 2)
    groups = {
        "lstm_1": keras_1_arrays("lstm_1", left),
        "dropout_1": {},
        "lstm_2": keras_1_arrays("lstm_2", right),
        "dropout_2": {},
        "dense_1": arrays("dense_1", kernel, bias),
    }
    if version == "2.0.8":  # Keras 2 wrote its own arguments and arrays, and `Merge` as before
        branches, head, groups = _keras_2(left, right, kernel, bias)
    path = write_legacy(tmp_path / "m.h5", groups, config=keras_1(merge(mode, *branches), head), keras_version=version)
    assert inspect(path).problem is None
    convert(path, tmp_path / "out")
    for source in (path, tmp_path / "out"):
        model = load_model(source)
        with torch.no_grad():
            output = model([torch.from_numpy(a), torch.from_numpy(b)])
        assert_close(output, merged @ kernel + bias, "float64")


def _keras_2(left: list[Array], right: list[Array], kernel: Array, bias: Array) -> Any:
    names = ("kernel:0", "recurrent_kernel:0", "bias:0")
    arguments = {"units": U, "recurrent_activation": "hard_sigmoid", "implementation": 0, "dtype": "float64"}
    branches = [
        keras_1(entry("LSTM", f"lstm_{n}", batch_input_shape=[None, T, features], **arguments))
        for n, features in ((1, F), (2, 2))
    ]
    groups = {
        **{
            f"lstm_{n}": {f"lstm_{n}/{name}": array for name, array in zip(names, weights, strict=True)}
            for n, weights in ((1, left), (2, right))
        },
        "dense_1": {"dense_1/kernel:0": kernel, "dense_1/bias:0": bias},
    }
    return branches, entry("Dense", "dense_1", units=2), groups


def test_branches_of_branches_layers_and_models(tmp_path: Path, random: np.random.Generator) -> None:
    """The inputs come in the branches' order, an embedding's as integers."""
    left, right = lstm_weights(random, F, U), lstm_weights(random, 2, U)
    table, kernel, bias = random.normal(size=(WORDS, U)), random.normal(size=(F, U)), random.normal(size=U)
    inner = {"class_name": "Sequential", "config": [merge("sum", branch(1, F), branch(2, 2))]}
    inner["config"][0]["config"]["name"] = "merge_2"
    words = keras_1(
        entry("Embedding", "words", input_dim=WORDS, output_dim=U, input_dtype="int32", batch_input_shape=[None, 1]),
        entry("Flatten", "flat"),
    )
    start = entry("InputLayer", "x", batch_input_shape=[None, F], input_dtype="float64", sparse=False)
    layers = [
        {**start, "name": "x", "inbound_nodes": []},
        {**dense("d", U), "name": "d", "inbound_nodes": [[["x", 0, 0]]]},
    ]
    ends = {"input_layers": [["x", 0, 0]], "output_layers": [["d", 0, 0]]}
    functional = {"class_name": "Model", "config": {"name": "f", "layers": layers, **ends}}
    single = entry("Activation", "act", activation="tanh", batch_input_shape=[None, U], input_dtype="float64")
    config = keras_1(merge("concat", inner, words, functional, single))
    groups = {
        "lstm_1": keras_1_arrays("lstm_1", left),
        "lstm_2": keras_1_arrays("lstm_2", right),
        "words": {"words_W": table},
        "d": arrays("d", kernel, bias),
    }
    model = load_model(write_legacy(tmp_path / "m.h5", groups, config=config, keras_version="1.0.8"))
    a, b = random.normal(size=(B, T, F)), random.normal(size=(B, T, 2))
    c, d, e = random.integers(0, WORDS, (B, 1)), random.normal(size=(B, F)), random.normal(size=(B, U))
    with torch.no_grad():
        output = model([torch.from_numpy(values) for values in (a, b, c, d, e)])
    expected = [last(a, left) + last(b, right), table[c[:, 0]], d @ kernel + bias, np.tanh(e)]
    assert_close(output, np.concatenate(expected, 1), "float64")


@pytest.mark.parametrize(
    ("branches", "message"),
    [
        (
            [{"class_name": "Sequential", "config": []}],
            "A branch of a `Merge` must be a layer or a model",
        ),
        ([{"class_name": "Model", "config": {"layers": 5}}], "A branch of a `Merge` must be"),
        ([{"class_name": "Sequential", "config": {"layers": ["x"]}}], "A branch of a `Merge` must be"),
        (["x"], "unknown argument `layers`"),
        ([branch(1, F), branch(1, F)], "must have names, each its own; got 'lstm_1_input'"),
        ([branch(1, F), keras_1(keras_1_lstm("lstm_2", U))], "the input's shape must be a list .* got None"),
    ],
)
def test_broken_branches(tmp_path: Path, branches: list[Any], message: str) -> None:
    config = keras_1(entry("Merge", "merge_1", mode="sum", layers=branches))
    path = write_legacy(tmp_path / "m.h5", {}, config=config, keras_version="1.2.2")
    with pytest.raises(ValueError, match=message):
        load_model(path)


@pytest.mark.parametrize("version", ["1.2.2", "2.1.3"])
def test_models_without_names_inside_of_another(tmp_path: Path, random: np.random.Generator, version: str) -> None:
    """Keras numbered them as it made them; here the second one has the smaller number."""
    keras_2 = version.startswith("2")
    weights = [lstm_weights(random, *sizes) for sizes in ((F, U), (U, 3), (3, 2))]
    kernel, bias = random.normal(size=(2, 3)), random.normal(size=3)

    def layer(number: int, units: int, **config: Any) -> dict[str, Any]:
        if not keras_2:
            return keras_1_lstm(f"lstm_{number}", units, return_sequences=True, **config)
        config = {**config, "recurrent_activation": "hard_sigmoid"}
        return entry("LSTM", f"lstm_{number}", units=units, return_sequences=True, **config)

    def of_layer(number: int) -> dict[str, Array]:
        if not keras_2:
            return keras_1_arrays(f"lstm_{number}", weights[number - 1])
        names = (f"lstm_{number}/{name}:0" for name in ("kernel", "recurrent_kernel", "bias"))
        return dict(zip(names, weights[number - 1], strict=True))

    shape = {"batch_input_shape": [None, T, F], ("dtype" if keras_2 else "input_dtype"): "float64"}
    wrapped = keras_1(dense("d", 3)) if not keras_2 else keras_1(entry("Dense", "d", units=3))
    config = keras_1(
        keras_1(layer(1, U, **shape), keras_1(layer(2, 3))),
        keras_1(layer(3, 2)),
        entry("TimeDistributed", "timedistributed_1", layer=wrapped),
    )
    names = ("d/kernel:0", "d/bias:0") if keras_2 else ("d_W", "d_b")
    groups = {
        "sequential_7": of_layer(1) | of_layer(2),
        "sequential_3": of_layer(3),
        "timedistributed_1": dict(zip(names, (kernel, bias), strict=True)),
    }
    path = write_legacy(tmp_path / "m.h5", groups, config=config, keras_version=version)
    x = random.normal(size=(B, T, F))
    expected = x
    for own in weights:
        expected = lstm(expected, own, hard_sigmoid_keras2)
    convert(path, tmp_path / "out")
    for source in (path, tmp_path / "out"):
        model = load_model(source)
        with torch.no_grad():
            assert_close(model(torch.from_numpy(x)), expected @ kernel + bias, "float64")
    assert [layer.name for layer in model.layers] == [
        "sequential_of_lstm_1",
        "sequential_of_lstm_3",
        "timedistributed_1",
    ]
