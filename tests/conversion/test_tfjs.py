"""TF.js' layers models, written here byte by byte; tests/parity/test_tfjs_files.py asks TF.js itself."""

import json
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch_keras_lstm_command import main

from tests.conversion.handmade import Array, entry, hard_sigmoid_keras2, lstm, lstm_weights, sequential, sigmoid
from tests.conversion.tfjs_files import Named, converted, quantized, write_tfjs
from tests.tolerances import assert_close
from torch_keras_lstm.conversion import inspect, load_model, load_weights
from torch_keras_lstm.conversion.model_folder import convert_all, models_in
from torch_keras_lstm.conversion.tfjs_manifest import manifest_arrays
from torch_keras_lstm.conversion.verify import run_original

GOLDEN = Path(__file__).parents[1] / "golden" / "keras_2.2.4"
F, U, OUT, T = 3, 4, 2, 5
RANDOM = np.random.default_rng(5)
LSTM = [array.astype(np.float32) for array in lstm_weights(RANDOM, F, U)]
DENSE = [RANDOM.normal(size=shape).astype(np.float32) for shape in ((U, OUT), (OUT,))]
X = RANDOM.normal(size=(2, T, F)).astype(np.float32)
NAMES = ("kernel", "recurrent_kernel", "bias")


def _topology(version: str = "2.4.0", **arguments: Any) -> dict[str, Any]:
    first = {"units": U, "recurrent_activation": "sigmoid", "batch_input_shape": [None, T, F], **arguments}
    layers = [entry("LSTM", name="l", **first), entry("Dense", name="d", units=OUT, activation="linear")]
    return {"model_config": sequential(*layers), "keras_version": version, "backend": "tensorflow"}


def _named(first: str = "l", second: str = "d") -> Named:
    arrays = [(f"{first}/{name}", array) for name, array in zip(NAMES, LSTM, strict=True)]
    return arrays + [(f"{second}/{name}", array) for name, array in zip(("kernel", "bias"), DENSE, strict=True)]


def _answer(path: Path) -> Array:
    with torch.no_grad():
        return np.asarray(load_model(path)(torch.from_numpy(X)))


def _expected(recurrent_activation: Any = sigmoid) -> Array:
    return np.asarray(lstm(X, LSTM, recurrent_activation)[:, -1] @ DENSE[0] + DENSE[1])


def _manifest(folder: Path) -> Any:
    return json.loads((folder / "model.json").read_text())


def _rewrite(folder: Path, change: Any) -> Path:
    table = _manifest(folder)
    change(table)
    (folder / "model.json").write_text(json.dumps(table))
    return folder / "model.json"


@pytest.mark.parametrize("shard", [7, 64, 10_000])
def test_weights_may_begin_in_one_shard_and_end_in_another(tmp_path: Path, shard: int) -> None:
    path = write_tfjs(tmp_path, _topology(), [_named()[:2], _named()[2:]], shard=shard)
    assert_close(_answer(path), _expected(), "float32 model")


@pytest.mark.parametrize(
    "names",
    [
        ("l", "d"),  # Keras 2
        ("l/lstm_cell_3", "d"),  # tf.keras since 2.2
        ("sequential_2/l/lstm_cell", "sequential_2/d"),  # Keras 3, which names the model as well
        ("l_1", "d_1"),  # Keras 2 on TensorFlow 1, where the names stood in the graph already
    ],
)
def test_names_of_weights(tmp_path: Path, names: tuple[str, str]) -> None:
    """The converter sorts layers by their names: here `d` comes first, which is the model's second layer."""
    group = _named(*names)
    path = write_tfjs(tmp_path, _topology(), [[*group[3:], *group[:3]]])
    assert_close(_answer(path), _expected(), "float32 model")


def test_names_of_keras_3(tmp_path: Path) -> None:
    topology = _topology("3.5.0")
    topology["model_config"]["config"]["layers"][0]["config"].pop("batch_input_shape")
    shape = entry("InputLayer", name="i", batch_shape=[None, T, F], dtype="float32")
    topology["model_config"]["config"]["layers"].insert(0, shape)
    group = [(f"layers/dense/vars/{index}", array) for index, array in enumerate(DENSE)]
    group += [(f"layers/lstm/cell/vars/{index}", array) for index, array in enumerate(LSTM)]
    path = write_tfjs(tmp_path, topology, [[*group, ("optimizer/vars/0", np.zeros((), np.int64))]])
    assert_close(_answer(path), _expected(), "float32 model")
    assert inspect(path).left == {"optimizer": 1}


def test_a_model_of_tfjs_own(tmp_path: Path) -> None:
    """The bare model; what is null or missing is what TF.js takes then, and what it does not know means nothing."""
    arguments: dict[str, Any] = {
        "unit_forget_bias": None,
        "implementation": None,
        "recurrent_activation": None,
        "seed": None,
    }
    topology = _topology(**arguments, of_somebody="else")["model_config"]
    topology |= {"keras_version": "tfjs-layers 4.22.0", "backend": "tensor_flow.js"}
    del topology["config"]["layers"][0]["config"]["recurrent_activation"]
    path = write_tfjs(tmp_path, topology, [_named()])
    assert_close(_answer(path), _expected(hard_sigmoid_keras2), "float32 model")
    report = inspect(path)
    assert (report.container, report.written_by, report.problem) == ("TF.js layers model", "TF.js (4.22.0)", None)


def test_an_unknown_argument_of_keras_is_still_refused_where_tfjs_does_not_run_the_file(tmp_path: Path) -> None:
    path = write_tfjs(tmp_path, _topology("3.5.0", of_somebody="else"), [_named()])
    with pytest.raises(ValueError, match="unknown argument `of_somebody`"):
        load_model(path)


@pytest.mark.parametrize("as_text", ["modelTopology", "model_config"])
def test_topologies_as_text(tmp_path: Path, as_text: str) -> None:
    topology: dict[str, Any] = _topology()
    topology["model_config"] = json.dumps(topology["model_config"])
    path = write_tfjs(tmp_path, topology, [_named()])
    if as_text == "modelTopology":
        _rewrite(tmp_path, lambda table: table.update(modelTopology=json.dumps(table["modelTopology"])))
    assert_close(_answer(path), _expected(), "float32 model")


def test_an_architecture_of_tfjs_with_weights_beside_it(tmp_path: Path) -> None:
    """What `model.toJSON()` gives, and weights alone, which the converter writes of a file without an architecture."""
    weights = write_tfjs(tmp_path / "weights", None, [_named()])
    architecture = tmp_path / "model.json"
    architecture.write_text(json.dumps(_topology()["model_config"] | {"keras_version": "tfjs-layers 4.22.0"}))
    model = load_model(architecture, weights)
    with torch.no_grad():
        assert_close(model(torch.from_numpy(X)), _expected(), "float32 model")
    fresh = load_model(architecture, weights=False)
    load_weights(fresh, weights)
    assert_close(fresh.get_weights()[3], DENSE[0], "float32 elementwise")
    with pytest.raises(ValueError, match=r"lists weights without an architecture\. Load them with the model's JSON"):
        load_model(weights)
    with pytest.raises(ValueError, match="This is an architecture without weights"):
        load_model(architecture)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float16"])
def test_quantized_weights(tmp_path: Path, dtype: str) -> None:
    """`q * scale + min` in double precision, rounded once: in single precision another number comes out."""
    wide = (RANDOM.normal(size=(30, 20)) * 3 + 100).astype(np.float32)
    write_tfjs(tmp_path, None, [[("w", wide)]], quantization=dtype)
    stored, told = quantized(wide, dtype)
    expected = stored.astype(np.float64) * told.get("scale", 1.0) + told.get("min", 0.0)
    (read,) = manifest_arrays(_manifest(tmp_path)["weightsManifest"], tmp_path)
    values = read.array.read((30, 20))
    assert values.dtype == np.float32
    np.testing.assert_array_equal(values, expected.astype(np.float32))
    if dtype != "float16":
        single = stored.astype(np.float32) * np.float32(told["scale"]) + np.float32(told["min"])
        assert not np.array_equal(values, single)


def test_integers_and_booleans(tmp_path: Path) -> None:
    """Halves are rounded up, as JavaScript does, below zero too."""
    path = write_tfjs(
        tmp_path, None, [[("i", np.array([[-7, 2**31 - 1]], np.int32)), ("b", np.array([True, False, True]))]]
    )
    entries = _manifest(tmp_path)["weightsManifest"][0]["weights"]
    quantization = {"dtype": "uint8", "scale": 0.5, "min": -1.5}
    entries.append({"name": "q", "shape": [4], "dtype": "int32", "quantization": quantization})
    with (tmp_path / "group1-shard1of1.bin").open("ab") as file:
        file.write(bytes([0, 1, 2, 4]))
    manifest = [{"paths": ["group1-shard1of1.bin"], "weights": entries}]
    found = {one.name: one.array.read(one.array.shape) for one in manifest_arrays(manifest, path.parent)}
    np.testing.assert_array_equal(found["i"], np.array([[-7, 2**31 - 1]], np.int32), strict=True)
    np.testing.assert_array_equal(found["b"], np.array([True, False, True]), strict=True)
    np.testing.assert_array_equal(found["q"], np.array([-1, -1, 0, 1], np.int32), strict=True)


@pytest.mark.parametrize("quantization", [None, "float16"])
@pytest.mark.parametrize("name", ["encoder_decoder", "nested", "stacked_cells"])
def test_converted_files_of_keras_2(tmp_path: Path, name: str, quantization: str | None) -> None:
    path = converted(GOLDEN / f"{name}.h5", tmp_path, quantization=quantization, shard=333)
    with np.load(GOLDEN / f"{name}.npz") as record, torch.no_grad():
        inputs = [torch.from_numpy(record[key]) for key in sorted(record) if key.startswith("x")]
        output = load_model(path)(inputs if len(inputs) > 1 else inputs[0])
        tolerance = "float32 model" if quantization is None else "float16 recurrence"
        assert_close(output, record["y0"], tolerance)


def test_a_folder_of_models(tmp_path: Path) -> None:
    """Its `model.json` is a model, whatever lies beside it, and is not taken for an architecture that lacks weights."""
    source = tmp_path / "source"
    write_tfjs(source / "tfjs_model", _topology(), [_named()])
    write_tfjs(source / "graph", {"node": []}, [], more={"format": "graph-model"})
    shutil.copy(GOLDEN / "nested.h5", source / "tfjs_model" / "model_weights.h5")
    found = models_in(source)
    assert [str(file.path.relative_to(source)) for file in found] == [
        "graph/model.json",
        "tfjs_model/model.json",
        "tfjs_model/model_weights.h5",
    ]
    graph, layers, _ = convert_all(source, found, tmp_path / "out")
    assert graph.problem is not None
    assert graph.problem.startswith("This is a graph model of TF.js, which holds operations of TensorFlow and no layer")
    assert layers.problem is None
    assert_close(_answer(tmp_path / "out" / "tfjs_model" / "model"), _expected(), "float32 model")


def test_on_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    path = write_tfjs(tmp_path / "web", _topology(), [_named()])
    np.savez(tmp_path / "record.npz", x0=X, y0=_expected())
    monkeypatch.setenv("TERM", "dumb")
    for arguments, shown in (
        (["inspect", path], "TF.js layers model, written by tf.keras (2.4.0)"),
        (["verify", path, "--record", tmp_path / "record.npz"], "ok"),
        (["convert", path, "-o", tmp_path / "out"], "138 parameters from 5 arrays"),
    ):
        monkeypatch.setattr(sys, "argv", ["torch-keras-lstm", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        assert not ended.value.code
        assert shown in capfd.readouterr().out
    assert_close(_answer(tmp_path / "out"), _expected(), "float32 model")
    with pytest.raises(ValueError, match=r"Keras runs no files of TF\.js. Record the answers where TF\.js runs"):
        run_original(path, None)


def test_how_a_converted_model_was_compiled(tmp_path: Path) -> None:
    training = {"loss": "mse", "metrics": ["mae"], "optimizer_config": {"class_name": "Adam", "config": {"lr": 0.25}}}
    path = write_tfjs(tmp_path, _topology() | {"training_config": training}, [_named()])
    model = load_model(path, compile=True)
    assert (model.loss, type(model.optimizer).__name__) == ("mse", "Adam")


def test_notes_where_tfjs_departs_from_keras(tmp_path: Path) -> None:
    layers = [
        entry("Masking", name="m", batch_input_shape=[None, T, F]),
        entry("Bidirectional", name="b", layer=entry("LSTM", name="l", units=U, return_sequences=True)),
        entry("LSTM", name="k", units=U),
        entry("RepeatVector", name="r", n=3),
    ]
    weights = [*lstm_weights(RANDOM, F, U), *lstm_weights(RANDOM, F, U), *lstm_weights(RANDOM, 2 * U, U)]
    names = [f"{place}/{name}" for place in ("b/forward_l", "b/backward_l", "k") for name in NAMES]
    topology = {"model_config": sequential(*layers), "keras_version": "2.15.0"}
    path = write_tfjs(tmp_path, topology, [list(zip(names, weights, strict=True))])
    held, handed_on = inspect(path).notes
    assert held.startswith("As in TF.js, `Bidirectional` gives the values that were held at masked steps, where Keras")
    assert handed_on.startswith("TF.js hands a mask on to every later layer")


BROKEN: Mapping[str, tuple[Any, str]] = {
    "missing shard": (
        lambda table: table["weightsManifest"][0].update(paths=["group1-shard2of2.bin"]),
        "The shard 'group1-shard2of2.bin' of the weights is missing: the model's folder has no such file",
    ),
    "too few bytes": (
        lambda table: table["weightsManifest"][0]["weights"][0].update(shape=[F, 5 * U]),
        r"The weights of group 0 of `weightsManifest` take \d+ bytes, but its shards \(group1-shard1of1.bin\) hold",
    ),
    "a huge shape": (
        lambda table: table["weightsManifest"][0]["weights"][0].update(shape=[10**18, 10**18]),
        r"take 4\d{36} bytes, but its shards",
    ),
    "a path outside": (
        lambda table: table["weightsManifest"][0].update(paths=["../nowhere.bin"]),
        "A shard of the weights is a file beside the `model.json`; '../nowhere.bin' is not opened",
    ),
    "an absolute path": (
        lambda table: table["weightsManifest"][0].update(paths=["/nowhere/shard.bin"]),
        "'/nowhere/shard.bin' is not opened",
    ),
    "an address": (
        lambda table: table["weightsManifest"][0].update(paths=["https://example.com/w.bin"]),
        "'https://example.com/w.bin' is not opened",
    ),
    "no path": (lambda table: table["weightsManifest"][0].update(paths=[3]), "3 is not opened"),
    "no shape": (
        lambda table: table["weightsManifest"][0]["weights"][0].update(shape=[-1]),
        r"Weight 'l/kernel' in `weightsManifest`: `shape` must be a list of sizes, got \[-1\]",
    ),
    "a type": (
        lambda table: table["weightsManifest"][0]["weights"][0].update(dtype="string"),
        "`dtype` must be one of float32, int32, bool, got 'string'",
    ),
    "a quantization": (
        lambda table: table["weightsManifest"][0]["weights"][0].update(quantization={"dtype": "uint4"}),
        "{'dtype': 'uint4'} is no quantization of float32 that TF.js knows",
    ),
    "a scale": (
        lambda table: table["weightsManifest"][0]["weights"][0].update(quantization={"dtype": "uint8", "scale": "1"}),
        "`scale` of its `quantization` must be a number, got '1'",
    ),
    "a name twice": (
        lambda table: table["weightsManifest"][0]["weights"].append(table["weightsManifest"][0]["weights"][0]),
        "lists the weight `l/kernel` twice",
    ),
    "a group": (
        lambda table: table["weightsManifest"].append(7),
        "`weightsManifest` must be a list of groups, each with `paths` and `weights`",
    ),
    "a weight": (lambda table: table["weightsManifest"][0]["weights"].append([]), r"with a `name`, got \[\]"),
    "lists": (lambda table: table["weightsManifest"][0].pop("paths"), "must have lists `paths` and `weights`"),
    "a topology": (lambda table: table.update(modelTopology=[]), "`modelTopology` must be an object, got list"),
    "what compile was told": (lambda table: table.update(trainingConfig=[1]), "`trainingConfig` must be an object"),
    "a graph model": (
        lambda table: table.update(modelTopology={"node": []}),
        "This is a graph model of TF.js, which holds operations of TensorFlow and no layers",
    ),
    "no weights": (lambda table: table.pop("weightsManifest"), "This is an architecture without weights"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_broken_files(tmp_path: Path, kind: str) -> None:
    change, message = BROKEN[kind]
    write_tfjs(tmp_path, _topology(), [_named()])
    path = _rewrite(tmp_path, change)
    with pytest.raises(ValueError, match=message) as raised:
        load_model(path)
    text = str(raised.value)
    assert text.startswith(f"{path}: ")
    assert "\n" not in text


def test_links_are_not_followed(tmp_path: Path) -> None:
    path = write_tfjs(tmp_path / "m", _topology(), [_named()])
    shard = tmp_path / "m" / "group1-shard1of1.bin"
    shard.rename(tmp_path / "elsewhere.bin")
    shard.symlink_to(tmp_path / "elsewhere.bin")
    with pytest.raises(ValueError, match=r"'group1-shard1of1\.bin' of the weights is a link, and links"):
        load_model(path)


@pytest.mark.parametrize("kind", ["CenterCrop", "Resizing"])
def test_layers_that_tfjs_computes_otherwise_are_refused(tmp_path: Path, kind: str) -> None:
    layer = entry(kind, name="r", height=5, width=6, batch_input_shape=[None, 3, 4, 1])
    path = write_tfjs(tmp_path, {"model_config": sequential(layer), "keras_version": "2.8.0"}, [])
    with pytest.raises(ValueError, match=r"puts the points between pixels elsewhere in TF\.js than in Keras"):
        load_model(path)
