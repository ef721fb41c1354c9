"""Whole files of every generation, made by hand, against NumPy."""

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch

from tests.conversion.handmade import (
    Array,
    entry,
    keras_1,
    keras_1_arrays,
    keras_1_lstm,
    keras_2_lstm,
    lstm,
    lstm_weights,
    sequential,
    sigmoid,
    write_keras,
    write_legacy,
)
from tests.tolerances import assert_close
from torch_keras_lstm.conversion import convert, inspect, load_model
from torch_keras_lstm.layers import LSTM, Layer
from torch_keras_lstm.models import Functional

B, T, F, U = 3, 7, 5, 4
NAMES = ("kernel", "recurrent_kernel", "bias")


def _predict(model: torch.nn.Module, x: Array) -> Array:
    assert not model.training
    with torch.no_grad():
        return np.asarray(model(torch.from_numpy(x)))


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(7)


@pytest.fixture
def x(random: np.random.Generator) -> Array:
    return random.normal(size=(B, T, F))


@pytest.mark.parametrize("version", ["1.2.2", None])
@pytest.mark.parametrize("suffix", [":0", "", "_1:0"])
def test_keras_1_keeps_each_gate_in_an_array_of_its_own(
    tmp_path: Path, random: np.random.Generator, x: Array, version: str | None, suffix: str
) -> None:
    weights, dense = lstm_weights(random, F, U), [random.normal(size=(U, 2)), random.normal(size=2)]
    config = keras_1(
        keras_1_lstm("lstm_1", U, return_sequences=True, batch_input_shape=[None, T, F], input_dtype="float64"),
        entry("TimeDistributedDense", "td_1", output_dim=2, bias=True, activation="linear", input_length=None),
        entry("Activation", "activation_1", activation="hard_sigmoid", trainable=True),
    )
    layers = {
        "lstm_1": keras_1_arrays("lstm_1", weights, suffix),
        "td_1": {f"td_1_W{suffix}": dense[0], f"td_1_b{suffix}": dense[1]},
        "activation_1": {},
    }
    path = write_legacy(tmp_path / "k1.h5", layers, config=config, keras_version=version)
    expected = np.clip(0.2 * (lstm(x, weights) @ dense[0] + dense[1]) + 0.5, 0, 1)
    assert_close(_predict(load_model(path), x), expected, "float64")


def test_keras_1_on_a_gpu_kept_three_arrays(tmp_path: Path, random: np.random.Generator, x: Array) -> None:
    weights = lstm_weights(random, F, U)
    config = keras_1(
        keras_1_lstm("a", U, consume_less="gpu", batch_input_shape=[None, T, F], input_dtype="float64"),
    )
    layers = {"a": dict(zip(("a_W:0", "a_U:0", "a_b:0"), weights, strict=True))}
    path = write_legacy(tmp_path / "k1.h5", layers, config=config, keras_version="1.1.0")
    assert_close(_predict(load_model(path), x), lstm(x, weights)[:, -1], "float64")


def test_keras_1_maxout_and_highway(tmp_path: Path, random: np.random.Generator, x: Array) -> None:
    weights = lstm_weights(random, F, U)
    kernels, biases = random.normal(size=(3, U, 2)), random.normal(size=(3, 2))
    kernel, carry_kernel, bias, carry_bias = (random.normal(size=size) for size in ((2, 2), (2, 2), 2, 2))
    config = keras_1(
        keras_1_lstm("lstm_1", U, batch_input_shape=[None, T, F], input_dtype="float64"),
        entry("MaxoutDense", "maxout_1", output_dim=2, nb_feature=3, init="glorot_uniform", bias=True, input_dim=U),
        entry("Highway", "highway_1", init="glorot_uniform", activation="tanh", transform_bias=-2, bias=True),
    )
    names = (("W", kernel), ("W_carry", carry_kernel), ("b", bias), ("b_carry", carry_bias))
    layers = {
        "lstm_1": keras_1_arrays("lstm_1", weights, ":0"),
        "maxout_1": {"maxout_1_W:0": kernels, "maxout_1_b:0": biases},
        "highway_1": {f"highway_1_{name}:0": array for name, array in names},
    }
    path = write_legacy(tmp_path / "k1.h5", layers, config=config, keras_version="1.2.2")
    maxout = np.max([lstm(x, weights)[:, -1] @ kernels[i] + biases[i] for i in range(3)], axis=0)
    gate = sigmoid(maxout @ carry_kernel + carry_bias)
    expected = gate * np.tanh(maxout @ kernel + bias) + (1 - gate) * maxout
    assert_close(_predict(load_model(path), x), expected, "float64")


@pytest.mark.parametrize("backward_first", [False, True])
def test_keras_1_bidirectional_repeats_outputs_at_masked_steps(
    tmp_path: Path, random: np.random.Generator, x: Array, backward_first: bool
) -> None:
    forward, backward = lstm_weights(random, F, U), lstm_weights(random, F, U)
    x[1, 4:] = x[2, 2:] = -1.0
    mask = (x != -1.0).any(-1)
    config = keras_1(
        entry("Masking", "masking_1", mask_value=-1.0, batch_input_shape=[None, T, F], input_dtype="float64"),
        entry("Bidirectional", "bi", layer=keras_1_lstm("lstm_1", U, return_sequences=True), merge_mode="concat"),
    )
    halves = [keras_1_arrays("forward_lstm_1", forward), keras_1_arrays("backward_lstm_1", backward)]
    first, second = halves[::-1] if backward_first else halves
    layers: dict[str, dict[str, Array]] = {"masking_1": {}, "bi": {**first, **second}}
    path = write_legacy(tmp_path / "k1.h5", layers, config=config, keras_version="1.2.2")
    x_masked = x * mask[..., None]
    expected = np.concatenate(
        [lstm(x_masked, forward, mask=mask), lstm(x_masked, backward, mask=mask, backwards=True)[:, ::-1]], axis=-1
    )
    assert_close(_predict(load_model(path), x), expected, "float64")


@pytest.mark.parametrize(("version", "zeroes"), [("2.2.4", False), ("2.3.1", False), ("2.8.0", True)])
def test_bidirectional_of_tf_keras_zeroes_masked_steps_and_keras_2_does_not(
    tmp_path: Path, random: np.random.Generator, x: Array, version: str, zeroes: bool
) -> None:
    forward, backward = lstm_weights(random, F, U), lstm_weights(random, F, U)
    x[1, 4:] = 0.0
    mask = (x != 0.0).any(-1)
    inner = keras_2_lstm("inner", U, return_sequences=True, dtype="float64", time_major=False)
    config = sequential(
        entry("Masking", "m", mask_value=0.0, batch_input_shape=[None, None, F], dtype="float64"),
        entry("Bidirectional", "bi", layer=inner, merge_mode="sum", dtype="float64"),
    )
    # backward before forward, as Keras lists them when the forward half is frozen
    halves = {"backward_inner": backward, "forward_inner": forward}
    arrays = {
        f"bi/{scope}/lstm_cell_3/{name}:0": array
        for scope, weights in halves.items()
        for name, array in zip(NAMES, weights, strict=True)
    }
    path = write_legacy(tmp_path / "k2.h5", {"m": {}, "bi": arrays}, config=config, keras_version=version)
    expected = lstm(x, forward, mask=mask) + lstm(x, backward, mask=mask, backwards=True)[:, ::-1]
    if zeroes:
        expected = expected * mask[..., None]
    assert_close(_predict(load_model(path), x), expected, "float64")


@pytest.mark.parametrize("text", [False, True])
@pytest.mark.parametrize("bare_list", [False, True])
def test_keras_2_with_embedding_and_mask(
    tmp_path: Path, random: np.random.Generator, text: bool, bare_list: bool
) -> None:
    table, weights = random.normal(size=(9, F)), lstm_weights(random, F, U)
    layers = (
        entry("Embedding", "e", input_dim=9, output_dim=F, mask_zero=True, input_length=T, batch_input_shape=[None, T]),
        keras_2_lstm("l", U, recurrent_activation="sigmoid"),
    )
    arrays = {"e": {"e/embeddings:0": table}, "l": dict(zip([f"l/{name}:0" for name in NAMES], weights, strict=True))}
    path = write_legacy(
        tmp_path / "k2.h5",
        arrays,
        config=keras_1(*layers) if bare_list else sequential(*layers),
        keras_version="2.2.2",
        text=text,
    )
    indices = random.integers(1, 9, (B, T))
    indices[0, 5:] = indices[2, 1:] = 0
    expected = lstm(table[indices], weights, sigmoid, indices != 0)[:, -1]
    assert_close(_predict(load_model(path), indices), expected, "float32 model")


def test_an_architecture_and_its_weights_in_two_files(tmp_path: Path, random: np.random.Generator, x: Array) -> None:
    weights = lstm_weights(random, F, U)
    arrays = {"l": dict(zip([f"l/{name}:0" for name in NAMES], weights, strict=True))}
    layer = keras_2_lstm("l", U, batch_input_shape=[None, T, F], dtype="float64")
    (tmp_path / "a.json").write_text(json.dumps({**sequential(layer), "keras_version": "2.2.4", "backend": "theano"}))
    for whole in (False, True):
        config = sequential(layer) if whole else None
        path = write_legacy(tmp_path / f"{whole}.h5", arrays, config=config, keras_version="2.2.4")
        model = load_model(str(tmp_path / "a.json"), weights=str(path))
        assert_close(_predict(model, x), lstm(x, weights)[:, -1], "float64")


def test_weights_in_place_of_a_whole_models_own(tmp_path: Path, random: np.random.Generator, x: Array) -> None:
    old, new = lstm_weights(random, F, U), lstm_weights(random, F, U)
    config = sequential(keras_2_lstm("l", U, batch_input_shape=[None, T, F], dtype="float64"))
    paths = []
    for name, weights in (("old", old), ("new", new)):
        arrays = {"l": dict(zip([f"l/{name}:0" for name in NAMES], weights, strict=True))}
        paths.append(write_legacy(tmp_path / f"{name}.h5", arrays, config=config, keras_version="2.2.4"))
    assert_close(_predict(load_model(paths[0], paths[1]), x), lstm(x, new)[:, -1], "float64")


@pytest.mark.parametrize(
    ("version", "root", "second"),
    [
        ("3.15.1", "layers", "lstm_1"),
        ("2.15.0", "layers", "lstm_1"),
        ("2.14.0", "_layer_checkpoint_dependencies", "lstm_1"),
        ("2.13.1", "_layer_checkpoint_dependencies", "lstm_2"),
        ("2.12.0", "_layer_checkpoint_dependencies", "lstm_2"),
    ],
)
def test_keras_archives_of_every_release(
    tmp_path: Path, random: np.random.Generator, x: Array, version: str, root: str, second: str
) -> None:
    first_weights, second_weights = lstm_weights(random, F, U), lstm_weights(random, U, U)
    dtype = {"module": "keras", "class_name": "DTypePolicy", "config": {"name": "float64"}, "registered_name": None}
    config = sequential(
        entry("InputLayer", "i", batch_shape=[None, T, F], dtype="float64", sparse=False),
        {**keras_2_lstm("b", U, dtype=dtype, return_sequences=True), "module": "keras.layers"},
        entry("Dropout", "d", rate=0.5, dtype=dtype, seed=None, noise_shape=None),
        {**keras_2_lstm("a", U, dtype=dtype), "module": "keras.layers"},
    )
    arrays = {f"{root}/lstm/cell/vars/{index}": array for index, array in enumerate(first_weights)}
    arrays |= {f"{root}/{second}/cell/vars/{index}": array for index, array in enumerate(second_weights)}
    arrays |= {"optimizer/vars/0": np.array(3), f"{root}/dropout/seed_generator/vars/0": np.zeros(2, "u4")}
    path = write_keras(tmp_path / "m.keras", config, arrays, keras_version=version)

    def gate(values: Array) -> Array:
        return np.clip(values / 6 + 0.5, 0, 1) if version[0] == "3" else np.clip(0.2 * values + 0.5, 0, 1)

    expected = lstm(lstm(x, first_weights, gate), second_weights, gate)[:, -1]
    assert_close(_predict(load_model(path), x), expected, "float64")
    assert inspect(path).left == {"optimizer": 1, "random state": 1}


def test_siblings_are_found_by_number_and_not_by_alphabet(
    tmp_path: Path, random: np.random.Generator, x: Array
) -> None:
    many = [lstm_weights(random, F, F) for _ in range(12)]
    policy = {"class_name": "DTypePolicy", "config": {"name": "float64"}}
    layers = [keras_2_lstm(f"l{index}", F, dtype=policy, return_sequences=True) for index in range(12)]
    arrays = {
        f"layers/lstm{f'_{number}' if number else ''}/cell/vars/{index}": array
        for number, weights in enumerate(many)
        for index, array in enumerate(weights)
    }
    config = sequential(entry("InputLayer", "i", batch_shape=[None, T, F], dtype="float64"), *layers)
    expected = x
    for weights in many:
        expected = lstm(expected, weights)
    path = write_keras(tmp_path / "m.keras", config, arrays, keras_version="2.15.0")
    assert_close(_predict(load_model(path), x), expected, "float64")


def test_bfloat16_weights_are_read(tmp_path: Path, random: np.random.Generator, x: Array) -> None:
    exact = [(weights.astype("f4").view("u4") >> 16 << 16).view("f4") for weights in lstm_weights(random, F, U)]
    config = sequential(
        entry("InputLayer", "i", batch_shape=[None, T, F], dtype="float32"),
        keras_2_lstm("l", U, dtype="mixed_bfloat16", recurrent_activation="sigmoid"),
    )
    (tmp_path / "a.json").write_text(json.dumps({"module": "keras", **config}))
    with h5py.File(tmp_path / "w.weights.h5", "w") as file:
        for index, array in enumerate(exact):
            upper = (array.view("u4") >> 16).astype("u2").view("V2")
            file.create_dataset(f"layers/lstm/cell/vars/{index}", data=upper).attrs["dtype"] = "bfloat16"
    model = load_model(tmp_path / "a.json", tmp_path / "w.weights.h5")
    expected = lstm(x, [weights.astype("f8") for weights in exact], sigmoid)[:, -1]
    assert_close(_predict(model, x.astype("f4")), expected, "float32 model")


def test_a_functional_chain_stays_functional(tmp_path: Path, random: np.random.Generator, x: Array) -> None:
    weights, kernel = lstm_weights(random, F, U), random.normal(size=(U, 2))
    dense = entry("Dense", "other", units=2, use_bias=False, dtype="float64")
    config = {
        "layers": [
            {**entry("InputLayer", "in", batch_input_shape=[None, T, F], dtype="float64"), "inbound_nodes": []},
            {**keras_2_lstm("l", U, dtype="float64"), "inbound_nodes": [[["in", 0, 0, {}]]]},
            {**dense, "name": "out", "inbound_nodes": [[["l", 0, 0, {}]]]},
        ],
        "input_layers": [["in", 0, 0]],
        "output_layers": [["out", 0, 0]],
    }
    arrays = {
        "in": {},
        "l": dict(zip([f"l/{name}:0" for name in NAMES], weights, strict=True)),
        "out": {"out/kernel:0": kernel},
    }
    path = write_legacy(
        tmp_path / "f.h5", arrays, config={"class_name": "Model", "config": config}, keras_version="2.0.8"
    )
    model = load_model(path)
    assert type(model) is Functional
    assert [layer.name for layer in model.layers] == ["in", "l", "out"]
    assert_close(_predict(model, x), lstm(x, weights)[:, -1] @ kernel, "float64")


class Reversed(LSTM):
    """An LSTM of somebody's own, whose outputs come last step first."""

    def forward(self, inputs: Any, *arguments: Any, **keywords: Any) -> Any:
        return super().forward(inputs, *arguments, **keywords).flip(1)


def test_layers_of_ones_own_come_through_custom_objects(tmp_path: Path, random: np.random.Generator, x: Array) -> None:
    weights = lstm_weights(random, F, U)
    own = entry("Reversed", "r", units=U, return_sequences=True, dtype="float64")
    config = sequential(entry("InputLayer", "i", batch_input_shape=[None, T, F]), own)
    arrays = {"r": dict(zip([f"r/{name}:0" for name in NAMES], weights, strict=True))}
    path = write_legacy(tmp_path / "c.h5", arrays, config=config, keras_version="2.2.4")
    with pytest.raises(
        ValueError, match=r"Layers that are not supported: Reversed \(layer `r`\)\. Classes of your own"
    ):
        load_model(path)
    custom: dict[str, type[Layer]] = {"Reversed": Reversed}
    model = load_model(path, custom_objects=custom)
    assert_close(_predict(model, x), lstm(x, weights, sigmoid)[:, ::-1], "float64")
    convert(path, tmp_path / "out", custom_objects=custom)
    assert np.array_equal(_predict(load_model(tmp_path / "out", custom_objects=custom), x), _predict(model, x))


def test_a_model_of_claimed_terabytes_is_refused_without_its_memory(tmp_path: Path) -> None:
    size = 2**22
    config = sequential(
        entry("Embedding", "e", input_dim=size, output_dim=size, batch_input_shape=[None, T]), keras_2_lstm("l", size)
    )
    path = write_legacy(tmp_path / "m.h5", {"e": {"e/embeddings:0": np.zeros((3, 2))}, "l": {}}, config=config)
    with pytest.raises(ValueError, match=r"weight `embeddings` of layer `e` needs shape \(4194304, 4194304\), but"):
        load_model(path)


def test_errors_begin_with_the_file_that_they_are_about(tmp_path: Path) -> None:
    model = {**sequential(keras_2_lstm("l", U, batch_input_shape=[None, T, F])), "keras_version": "2.2.4"}
    (tmp_path / "a.json").write_text(json.dumps(model))
    weights = write_legacy(tmp_path / "w.h5", {"l": {}})
    with pytest.raises(
        ValueError, match=r"^\S+a\.json: This is an architecture without weights\. Give its weights file"
    ):
        load_model(tmp_path / "a.json")
    with pytest.raises(
        ValueError, match=r"^\S+w\.h5: The weights do not fit the model: weight `kernel` of layer `l` is"
    ):
        load_model(tmp_path / "a.json", weights)
    with pytest.raises(FileNotFoundError, match=r"^\S+none\.h5: there is no such file or folder\.$"):
        load_model(tmp_path / "none.h5")
    with pytest.raises(FileNotFoundError, match=r"^\S+none\.h5: there is no such file or folder\.$"):
        load_model(tmp_path / "a.json", tmp_path / "none.h5")


def test_convert_refuses_to_overwrite(tmp_path: Path, random: np.random.Generator, x: Array) -> None:
    config = sequential(keras_2_lstm("l", U, batch_input_shape=[None, T, F], dtype="float64"))
    arrays = dict(zip([f"l/{name}:0" for name in NAMES], lstm_weights(random, F, U), strict=True))
    path = write_legacy(tmp_path / "m.h5", {"l": arrays}, config=config, keras_version="2.2.4")
    out = tmp_path / "out"
    out.mkdir()
    report = convert(path, out)  # an empty folder holds nothing that could be lost
    assert report.parameters == 4 * U * (F + U + 1)
    before = (out / "model.safetensors").read_bytes()
    with pytest.raises(
        FileExistsError, match=r"out: holds a model already\. Pass `--force` \(`force=True`\) to replace"
    ):
        convert(path, out)
    (out / "config.json").write_text("{}")
    with pytest.raises(
        FileExistsError, match="out: holds something else than a converted model, so it is not overwritt"
    ):
        convert(path, out, force=True)
    assert (out / "model.safetensors").read_bytes() == before
    convert(path, tmp_path / "new")
    convert(path, tmp_path / "new", force=True)
    (tmp_path / "new" / "notes.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="holds something else"):
        convert(path, tmp_path / "new", force=True)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["m.h5", "new", "out"]


def test_inspect_tells_what_cannot_be_converted(tmp_path: Path, random: np.random.Generator) -> None:
    kernel = random.normal(size=(3, F, 2))
    config = sequential(
        entry("SReLU", "c", filters=2, kernel_size=[3], batch_input_shape=[None, T, F]),
        entry("TimeDistributed", "t", layer=entry("SReLU", "u", filters=2)),
        keras_2_lstm("l", U),
    )
    arrays: dict[str, dict[str, Array]] = {"c": {"c/kernel:0": kernel}, "t": {}, "l": {}}
    path = write_legacy(
        tmp_path / "m.h5", arrays, config=config, keras_version="2.2.4", optimizer={"a": np.zeros(2), "b/c": np.ones(3)}
    )
    report = inspect(path)
    assert [(layer.kind, layer.supported, layer.parameters, layer.output_shape) for layer in report.layers] == [
        ("SReLU", False, 30, None),
        ("TimeDistributed(SReLU)", False, 0, None),
        ("LSTM", True, 0, None),
    ]
    assert report.left == {"optimizer": 2}
    assert report.problem is not None
    assert "SReLU (layer `c`), SReLU (layer `u` (`layer` of `t`))" in report.problem


def test_inspect_of_an_architecture_and_of_a_converted_folder(tmp_path: Path, random: np.random.Generator) -> None:
    layer = keras_2_lstm("l", U, batch_input_shape=[None, T, F], dtype="float64")
    (tmp_path / "a.json").write_text(json.dumps({**sequential(layer), "keras_version": "2.2.4"}))
    alone = inspect(tmp_path / "a.json")
    assert (alone.container, alone.layers[0].output_shape) == ("architecture (JSON)", (None, U))
    assert alone.problem is not None
    assert alone.problem.startswith("This is an architecture without weights")
    arrays = dict(zip([f"l/{name}:0" for name in NAMES], lstm_weights(random, F, U), strict=True))
    path = write_legacy(tmp_path / "m.h5", {"l": arrays}, config=sequential(layer), keras_version="2.2.4")
    convert(path, tmp_path / "out")
    for source in (path, tmp_path / "out"):
        report = inspect(source)
        assert report.problem is None
        assert report.parameters == 4 * U * (F + U + 1)
        assert (report.input_shape, report.layers[0].output_shape) == ((None, T, F), (None, U))
