"""Helpers of ``keras.utils``, ``keras.tree``, ``keras.config`` and ``keras.saving``, against live Keras 3.15."""

import contextlib
import gzip
import io
import json
import pickle
import tarfile
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import torch

import torch_keras_lstm
from torch_keras_lstm import config, datasets, layers, saving, tree, utils
from torch_keras_lstm.callbacks import progress_line

STRUCTURES: list[Any] = [
    3,
    [1, (2, {"b": 3, "a": [4]}), None],
    {"z": 1, "a": (2, 3)},
    OrderedDict([("z", 1), ("a", [2, ()])]),
    [],
]


@pytest.mark.parametrize("structure", STRUCTURES, ids=str)
def test_structures(structure: Any) -> None:
    assert tree.flatten(structure) == keras.tree.flatten(structure)
    assert tree.flatten_with_path(structure) == keras.tree.flatten_with_path(structure)
    assert tree.is_nested(structure) == keras.tree.is_nested(structure)
    assert tree.map_structure(str, structure) == keras.tree.map_structure(str, structure)
    assert tree.lists_to_tuples(structure) == keras.tree.lists_to_tuples(structure)
    numbers = [*range(len(tree.flatten(structure)))]
    assert tree.pack_sequence_as(structure, numbers) == keras.tree.pack_sequence_as(structure, numbers)
    seen: tuple[list[Any], list[Any]] = ([], [])
    for library, noted in zip((tree, keras.tree), seen, strict=True):
        library.traverse(noted.append, structure)
    assert seen[0] == seen[1]
    tree.assert_same_structure(structure, structure)
    with pytest.raises(ValueError, match=r"differ"):
        tree.assert_same_structure(structure, [structure, 1])
    with pytest.raises(ValueError, match="leaves, got"):
        tree.pack_sequence_as(structure, [*numbers, 1])


def test_structures_of_shapes_and_several() -> None:
    shapes = {"a": (2, None), "b": [(3,), (4, 5)]}
    assert tree.map_shape_structure(len, shapes) == keras.tree.map_shape_structure(len, shapes)
    several = [{"b": 1, "a": [2]}, {"b": 3, "a": [4]}]
    assert tree.map_structure(max, *several) == keras.tree.map_structure(max, *several)
    assert tree.map_structure_up_to([1, 2], len, [[3, 4], (5,)]) == keras.tree.map_structure_up_to(
        [1, 2], len, [[3, 4], (5,)]
    )
    doubled = tree.traverse(lambda part: None if tree.is_nested(part) else part * 2, [1, (2, 3)])
    assert doubled == [2, (4, 6)]
    assert tree.traverse(lambda part: tree.MAP_TO_NONE if part == 1 else None, [1, 2]) == [None, 2]
    with pytest.raises(ValueError, match="paths differ"):
        tree.assert_same_paths([1], {"a": 1})
    with pytest.raises(ValueError, match="at least one structure"):
        tree.map_structure(len)


def printed(make: Any, script: Any) -> str:
    captured = io.StringIO()
    with contextlib.redirect_stdout(captured):
        script(make)
    return captured.getvalue()


def some_steps(make: Any) -> None:
    for arguments in (
        {"target": 4, "interval": 0},
        {"target": None, "interval": 0, "unit_name": "sample"},
        {"target": 12, "width": 7, "interval": 0, "stateful_metrics": ["b"]},
        {"target": 3, "interval": 0, "stateless_metrics": ["b"]},
        {"target": 3, "verbose": 2},
        {"target": 3, "verbose": 0},
        {"target": 0},
    ):
        bar = make(**arguments)
        bar.update(1, [("a", 0.5), ("b", 1e-6)])
        bar.add(1, [("a", 1.5), ("b", np.float32(2)), ("c", [1.0, 2.0])])
        bar.update(3, [("a", 9)], finalize=True)


def test_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: 1000.0)
    assert printed(utils.Progbar, some_steps) == printed(keras.utils.Progbar, some_steps)
    with pytest.raises(ValueError, match="Only one of"):
        utils.Progbar(1, stateful_metrics=[], stateless_metrics=[])
    assert progress_line.remaining(7000) == "1:56:40"


def test_messages_go_to_a_log(caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]) -> None:
    assert utils.is_interactive_logging_enabled()
    utils.disable_interactive_logging()
    try:
        assert not config.is_interactive_logging_enabled()
        with caplog.at_level("INFO"):
            utils.Progbar(1).update(1)
        assert not capsys.readouterr().out
        assert "1/1" in caplog.text
    finally:
        utils.enable_interactive_logging()


def test_parts_of_a_batch() -> None:
    for arguments in ((1,), (1, 2), (1, 2, 3), ((1, 2),)):
        packed = utils.pack_x_y_sample_weight(*arguments)
        assert packed == keras.utils.pack_x_y_sample_weight(*arguments)
        assert utils.unpack_x_y_sample_weight(packed) == keras.utils.unpack_x_y_sample_weight(packed)
    with pytest.raises(ValueError, match="got 4 entries"):
        utils.unpack_x_y_sample_weight((1, 2, 3, 4))


def test_symbolic_tensors() -> None:
    names = []
    for library, its_utils in ((layers, utils), (keras.layers, keras.utils)):
        a, b = library.Input((2,), name="a"), library.Input((3,), name="b")
        end = library.Dense(4)(library.Concatenate()([library.Dense(2)(b), a, a]))
        names.append([tensor.name for tensor in its_utils.get_source_inputs(end)])
        assert its_utils.is_keras_tensor(end)
        assert not its_utils.is_keras_tensor(np.zeros(2))
    assert names[0] == names[1]


@pytest.mark.parametrize("dtype", [None, "float16", "int", "bool", float, int, bool, np.float32, np.dtype("int8"), str])
def test_names_of_types(dtype: Any) -> None:
    assert utils.standardize_dtype(dtype) == keras.utils.standardize_dtype(dtype)
    assert utils.standardize_dtype(torch.bfloat16) == "bfloat16"
    with pytest.raises(ValueError, match="Invalid dtype"):
        utils.standardize_dtype("float33")


def test_config() -> None:
    for library in (utils, keras.utils):
        values = library.Config(a=1)
        values.b = 2
        values["c"] = 3
        values.update({"d": 4})
        assert values.pop("d") == 4
        assert (values["a"], values.b, values.get("x", 7), len(values)) == (1, 2, 7, 3)
        assert "b" in values
        assert [*values] == ["a", "b", "c"]
        assert json.loads(values.to_json()) == values.as_dict() == {"a": 1, "b": 2, "c": 3}
        values.pop("c")
        values.freeze()
        assert values.frozen
        with pytest.raises(ValueError, match="frozen"):
            values.a = 3
        with pytest.raises(AttributeError, match="bb"):
            _ = values.bb
        values.unfreeze()
        values.a = 3


def own_function(x: Any) -> Any:
    return x


CLASSES: list[tuple[str, str, dict[str, Any]]] = [
    (
        "layers",
        "Dense",
        {"units": 3, "activation": "relu", "kernel_regularizer": "l2", "name": "a", "dtype": "float16"},
    ),
    ("layers", "LSTM", {"units": 3, "dropout": 0.1, "name": "b", "seed": 3}),
    ("layers", "Embedding", {"input_dim": 3, "output_dim": 2, "mask_zero": True, "name": "c"}),
    ("initializers", "RandomNormal", {"mean": 0.0, "stddev": 0.3, "seed": 4}),
    ("initializers", "Orthogonal", {"gain": 2.0, "seed": 1}),
    ("regularizers", "L1L2", {"l1": 0.1, "l2": 0.2}),
    ("constraints", "MaxNorm", {"max_value": 3}),
    ("optimizers", "Adam", {"learning_rate": 0.01}),
]


@pytest.mark.parametrize(("kind", "name", "arguments"), CLASSES, ids=lambda value: str(value)[:20])
def test_objects_as_dictionaries(kind: str, name: str, arguments: dict[str, Any]) -> None:
    ours, theirs = (getattr(getattr(one, kind), name)(**arguments) for one in (torch_keras_lstm, keras))
    got, expected = saving.serialize_keras_object(ours), keras.saving.serialize_keras_object(theirs)
    assert {key: got[key] for key in ("module", "class_name", "registered_name")} == {
        key: expected[key] for key in ("module", "class_name", "registered_name")
    }
    shared = got["config"].keys() & expected["config"].keys() - {"quantization_config"}
    assert shared >= arguments.keys()
    for key in shared - {"loss_scale_factor", "name"}:  # names are numbered
        mine, wanted = (_without_module(one["config"][key]) for one in (got, expected))
        assert mine == pytest.approx(wanted) if isinstance(wanted, float) else mine == wanted, key
    for dictionary in (got, expected):
        again = saving.deserialize_keras_object(json.loads(json.dumps(dictionary)))
        assert type(again) is type(ours)
        if dictionary is got:  # Keras rounds learning rates to float32
            assert saving.serialize_keras_object(again)["config"] == got["config"]
    assert type(keras.saving.deserialize_keras_object(got)) is type(theirs)


def _without_module(value: Any) -> Any:
    """A serialized object without what differs between the packages: ids, and the dictionaries of defaults."""
    if isinstance(value, dict):
        return {key: _without_module(item) for key, item in value.items() if key not in ("shared_object_id",)}
    return list(value) if isinstance(value, tuple) else value


@pytest.mark.parametrize(
    "value",
    [
        "a",
        3,
        2.5,
        None,
        True,
        b"bytes",
        [1, (2, "b")],
        {"a": {"b": 1}},
        slice(None, 20, 1),
        np.float32(1.5),
        np.arange(3),
        ...,
    ],
    ids=str,
)
def test_values_as_dictionaries(value: Any) -> None:
    got = saving.serialize_keras_object(value)
    assert got == keras.saving.serialize_keras_object(value)
    again, expected = (one.saving.deserialize_keras_object(got) for one in (torch_keras_lstm, keras))
    assert np.array_equal(again, expected) if isinstance(value, np.ndarray) else again == expected


def test_functions_and_classes_of_ones_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch_keras_lstm.registry.REGISTERED", saving.get_custom_objects())
    assert saving.serialize_keras_object(own_function) == keras.saving.serialize_keras_object(own_function)
    for library in (saving, keras.saving):
        registered = library.register_keras_serializable("mine", "other")(own_function)
        assert library.get_registered_name(registered) == "mine>other"
        assert library.get_registered_object("mine>other") is own_function
        assert library.get_registered_object("nothing") is None
        assert library.get_registered_object("x", {"x": 3}) == 3
    got = saving.serialize_keras_object({"f": own_function})
    assert got == keras.saving.serialize_keras_object({"f": own_function})
    assert saving.deserialize_keras_object(got) == {"f": own_function}
    for library in (saving, keras.saving):
        library.get_custom_objects().clear()
    with pytest.raises(ValueError, match="There is no function 'mine>other'"):
        saving.deserialize_keras_object(got["f"])
    with saving.custom_object_scope({"own_function": own_function}):
        plain = saving.serialize_keras_object(own_function)
        assert saving.deserialize_keras_object(plain) is own_function
    for broken, error, problem in (
        ({"class_name": "Dense", "config": [1]}, TypeError, "Expected 'config' to be a dict"),
        ({"class_name": "function", "config": [1]}, TypeError, "non-null str"),
        ({"class_name": "__lambda__", "config": {"value": "x"}}, ValueError, "arbitrary code execution"),
        ({"class_name": "Nothing", "config": {}}, ValueError, "Unknown class 'Nothing'"),
        ({"class_name": "Dense", "config": {"units": 1}, "registered_name": "os.x"}, ValueError, "Keras built-in"),
        ({"class_name": "function", "config": "relu", "registered_name": "x"}, ValueError, "Keras built-in"),
        ({"class_name": "system", "module": "os", "config": {}}, ValueError, "Unknown class 'system'"),
    ):
        with pytest.raises(error, match=problem):
            saving.deserialize_keras_object(broken)
    with pytest.raises(ValueError, match="define a function with `def`"):
        saving.serialize_keras_object(lambda x: x)
    with pytest.raises(TypeError, match="no `get_config"):
        saving.serialize_keras_object(object())


def test_models_by_the_namespace(tmp_path: Path) -> None:
    model = torch_keras_lstm.Sequential([layers.Input((3,)), layers.Dense(2)])
    saving.save_model(model, tmp_path / "model.keras")
    again = saving.load_model(tmp_path / "model.keras")
    saving.save_weights(model, tmp_path / "model.weights.h5")
    again.set_weights([weight * 0 for weight in again.get_weights()])
    saving.load_weights(again, tmp_path / "model.weights.h5")
    assert np.array_equal(again.get_weights()[0], model.get_weights()[0])


def test_settings() -> None:
    for name in ("backend", "floatx", "epsilon", "image_data_format", "is_interactive_logging_enabled"):
        if name != "backend":
            assert getattr(config, name)() == getattr(keras.config, name)(), name
    assert config.dtype_policy().name == keras.config.dtype_policy().name
    config.set_dtype_policy("float64")
    try:
        assert (config.floatx(), config.dtype_policy().compute_dtype) == ("float64", "float64")
    finally:
        config.set_dtype_policy("float32")
    refused: Any = (
        (lambda: config.set_backend("jax"), "no backend 'jax'"),
        (lambda: config.set_epsilon(1e-3), "cannot be 0.001"),
        (lambda: config.set_image_data_format("channels_first"), "to each of them"),
        (lambda: config.enable_unsafe_deserialization(), "never runs code that a file holds"),
    )
    for call, problem in refused:
        with pytest.raises(ValueError, match=problem):
            call()
    config.set_backend("torch")
    config.set_epsilon(1e-7)
    config.set_image_data_format("channels_last")


NAMES = ("config", "datasets", "saving", "tree")


@pytest.mark.parametrize("module", [*NAMES, "utils", "preprocessing", ""])
def test_every_name_of_keras_is_there_or_says_what_to_use(module: str) -> None:
    ours, theirs = (getattr(one, module) if module else one for one in (torch_keras_lstm, keras))
    later = {"Variable", "random", "mixed_precision", "dtype_policies", "InputSpec", "src", "_tf_keras"}
    later |= {"FloatDTypePolicy", "KerasFileEditor"}
    unsaid = []
    for name in dir(theirs):
        if name.startswith("__") or hasattr(ours, name) or name in later:
            continue
        try:
            getattr(ours, name)
        except AttributeError as error:
            if "which Keras has" not in str(error):
                unsaid.append(name)
    assert not unsaid


def test_names_that_are_nowhere() -> None:
    with pytest.raises(AttributeError, match=r"no 'applications', which Keras has: `torchvision.models`"):
        _ = torch_keras_lstm.applications
    with pytest.raises(AttributeError, match=r"no 'Layr'\. Did you mean 'Layer'"):
        _ = torch_keras_lstm.Layr
    assert torch_keras_lstm.version() == torch_keras_lstm.__version__
    assert torch_keras_lstm.device("gpu:1") == torch.device("cuda:1")
    with torch_keras_lstm.device("meta"):
        assert torch.zeros(1).is_meta


def test_get_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "theirs").mkdir()
    source = tmp_path / "words.txt"
    source.write_text("a b")
    digest = "3c6e0b8a9c15224a8228b9a98ca1531d"
    arguments: dict[str, Any] = {"origin": source.as_uri(), "cache_subdir": "sub"}
    ours = utils.get_file(cache_dir=tmp_path / "ours", **arguments)
    theirs = keras.utils.get_file(cache_dir=str(tmp_path / "theirs"), **arguments)
    assert Path(ours).relative_to(tmp_path / "ours") == Path(theirs).relative_to(tmp_path / "theirs")
    assert Path(ours).read_text() == "a b"
    source.write_text("changed")
    assert Path(utils.get_file(cache_dir=tmp_path / "ours", **arguments)).read_text() == "a b"
    again = utils.get_file(cache_dir=tmp_path / "ours", force_download=True, **arguments)
    assert Path(again).read_text() == "changed"
    with pytest.raises(ValueError, match=f"its hash is not {digest}"):
        utils.get_file(cache_dir=tmp_path / "ours", file_hash=digest, **arguments)
    assert Path(again).read_text() == "changed"  # what was there stays
    with pytest.raises(OSError, match="cannot be downloaded"):
        utils.get_file(cache_dir=tmp_path / "ours", origin=(tmp_path / "nothing").as_uri())
    with pytest.raises(ValueError, match="a name, not a path"):
        utils.get_file("../up.txt", cache_dir=tmp_path / "ours", **arguments)
    with pytest.raises(ValueError, match="`origin` must be given"):
        utils.get_file("x")


@pytest.mark.parametrize("kind", ["tar", "zip"])
@pytest.mark.parametrize("fname", [None, "data.tar.gz", "data"])
def test_archives_are_extracted(tmp_path: Path, kind: str, fname: str | None) -> None:
    (tmp_path / "theirs").mkdir()
    archive = tmp_path / "data.archive"
    _archive(archive, kind, "inner/a.txt")
    got = utils.get_file(fname, archive.as_uri(), extract=True, cache_dir=tmp_path / "ours")
    expected = keras.utils.get_file(fname, archive.as_uri(), extract=True, cache_dir=str(tmp_path / "theirs"))
    assert Path(got).relative_to(tmp_path / "ours") == Path(expected).relative_to(tmp_path / "theirs")
    assert (Path(got) / "inner" / "a.txt").read_text() == "content"
    _archive(archive, kind, "../outside.txt")
    with pytest.raises(ValueError, match="is not extracted"):
        utils.get_file("outside.tar", archive.as_uri(), extract=True, cache_dir=tmp_path / "ours")
    assert not [*tmp_path.rglob("outside.txt")]


def _archive(path: Path, kind: str, name: str) -> None:
    if kind == "zip":
        with zipfile.ZipFile(path, "w") as zipped:
            zipped.writestr(name, "content")
        return
    with tarfile.open(path, "w:gz") as archive:
        member = tarfile.TarInfo(name)
        member.size = 7
        archive.addfile(member, io.BytesIO(b"content"))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of Keras' with small files in the place of its data sets."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    # the hash of a file that Keras finds is not that of its own: it is told to take any
    monkeypatch.setattr("keras.src.utils.file_utils.validate_file", lambda *args, **kwargs: True)
    monkeypatch.setattr("keras.src.backend.config.keras_home", lambda: str(tmp_path))
    (tmp_path / "datasets").mkdir()
    return tmp_path / "datasets"


def _texts(count: int, seed: int) -> Any:
    generator = np.random.default_rng(seed)
    texts = np.empty(count, object)
    texts[:] = [generator.integers(1, 30, size).tolist() for size in generator.integers(2, 9, count)]
    return texts


TEXT_ARGUMENTS: list[dict[str, Any]] = [
    {},
    {"num_words": 12, "skip_top": 3},
    {"maxlen": 7, "oov_char": None, "num_words": 20},
    {"start_char": None, "seed": 5},
    {"start_char": None, "index_from": 0},
]


def same(got: Any, expected: Any) -> None:
    for mine, theirs in zip(got, expected, strict=True):
        for one, other in zip(mine, theirs, strict=True):
            assert np.shape(one) == np.shape(other)
            assert np.asarray(one).dtype == np.asarray(other).dtype
            assert [*map(np.ndarray.tolist, map(np.asarray, one))] == [*map(np.ndarray.tolist, map(np.asarray, other))]


@pytest.mark.parametrize("arguments", TEXT_ARGUMENTS, ids=str)
def test_data_sets_of_texts(home: Path, arguments: dict[str, Any]) -> None:
    labels = np.arange(19) % 2
    parts = {"x_train": _texts(19, 1), "y_train": labels, "x_test": _texts(19, 2), "y_test": labels}
    np.savez(home / "imdb.npz", **parts)
    same(datasets.imdb.load_data(**arguments), keras.datasets.imdb.load_data(**arguments))
    same(datasets.imdb.load_data(home / "imdb.npz"), keras.datasets.imdb.load_data())
    np.savez(home / "reuters.npz", x=_texts(19, 3), y=np.arange(19))
    same(datasets.reuters.load_data(**arguments), keras.datasets.reuters.load_data(**arguments))
    (home / "imdb_word_index.json").write_text(json.dumps({"the": 1}))
    assert datasets.imdb.get_word_index() == {"the": 1}
    assert datasets.reuters.get_label_names() == keras.datasets.reuters.get_label_names()
    with pytest.raises(ValueError, match="No text is shorter than `maxlen`"):
        datasets.imdb.load_data(maxlen=1)


def test_data_sets_of_numbers_and_images(home: Path) -> None:
    generator = np.random.default_rng(0)
    for name in ("boston_housing", "california_housing"):
        np.savez(home / f"{name}.npz", x=generator.normal(size=(21, 3)), y=np.asfortranarray(generator.normal(size=21)))
        ours, theirs = getattr(datasets, name), getattr(keras.datasets, name)
        same(ours.load_data(), theirs.load_data())
        same(ours.load_data(test_split=0.4, seed=3), theirs.load_data(test_split=0.4, seed=3))
        with pytest.raises(ValueError, match="at least 0 and less than 1"):
            ours.load_data(test_split=1)
    images: dict[str, Any] = {
        part: generator.integers(0, 255, (4, 28, 28), dtype=np.uint8) for part in ("x_train", "x_test")
    }
    np.savez_compressed(home / "mnist.npz", **images, y_train=np.arange(4), y_test=np.arange(4))
    same(datasets.mnist.load_data(), keras.datasets.mnist.load_data())
    (home / "fashion-mnist").mkdir()
    for part in ("train", "t10k"):
        (home / "fashion-mnist" / f"{part}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(bytes(8) + bytes([3, 4])))
        pixels = generator.integers(0, 255, 2 * 28 * 28, dtype=np.uint8).tobytes()
        (home / "fashion-mnist" / f"{part}-images-idx3-ubyte.gz").write_bytes(gzip.compress(bytes(16) + pixels))
    same(datasets.fashion_mnist.load_data(), keras.datasets.fashion_mnist.load_data())


def test_data_sets_of_pickles(home: Path) -> None:
    folder = home / "cifar-100-python-target" / "cifar-100-python"
    folder.mkdir(parents=True)
    generator = np.random.default_rng(0)
    for part in ("train", "test"):
        content = {
            b"data": generator.integers(0, 255, (5, 3072), dtype=np.uint8),
            b"fine_labels": [5, 4, 3, 2, 1],
            b"coarse_labels": [1, 1, 0, 0, 1],
        }
        (folder / part).write_bytes(pickle.dumps(content, protocol=4))
    with tarfile.open(home / "cifar-100-python-target_archive", "w:gz") as archive:
        archive.add(folder, "cifar-100-python")
    for mode in ("fine", "coarse"):
        same(datasets.cifar100.load_data(mode), keras.datasets.cifar100.load_data(mode))
    folder = home / "cifar-10-batches-py"
    folder.mkdir()
    for name in (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"):
        content = {b"data": generator.integers(0, 255, (2, 3072), dtype=np.uint8), b"labels": [7, 2]}
        (folder / name).write_bytes(pickle.dumps(content, protocol=4))
    (x, y), (test_x, test_y) = datasets.cifar10.load_data()
    assert (x.shape, y.shape, test_x.shape, test_y.dtype) == ((10, 32, 32, 3), (10, 1), (2, 32, 32, 3), np.uint8)
    (folder / "test_batch").write_bytes(pickle.dumps({b"data": Path("x")}))
    with pytest.raises(ValueError, match=r"test_batch: .*it names pathlib"):
        datasets.cifar10.load_data()


def test_a_data_set_that_is_missing_says_where_to_put_it(home: Path) -> None:
    for load, name in (
        (datasets.imdb.load_data, "imdb.npz"),
        (datasets.mnist.load_data, "mnist.npz"),
        (datasets.cifar10.load_data, "cifar-10-batches-py"),
        (datasets.fashion_mnist.load_data, "train-labels-idx1-ubyte.gz"),
    ):
        with pytest.raises(FileNotFoundError, match=rf"{home}.*{name} is missing: .* put it there"):
            load()
    (home / "mnist.npz").write_bytes(b"nothing")
    with pytest.raises(ValueError, match="is no file of arrays"):
        datasets.mnist.load_data()
    np.savez(home / "imdb.npz", x_train=np.array([Path("a")], object), y_train=[1])
    with pytest.raises(ValueError, match="it names pathlib"):
        datasets.imdb.load_data()


def test_plots(tmp_path: Path) -> None:
    a = layers.Input((4, 2), name="a")
    inner = torch_keras_lstm.Sequential([layers.Input((4, 2)), layers.LSTM(3, name="rnn")], name="inner")
    end = layers.Concatenate(name="join")([inner(a), layers.Flatten(name="flat")(a)])
    model = torch_keras_lstm.Model(a, layers.Dense(1, activation="relu", name='<"end">')(end))
    text = utils.model_to_dot(
        model, show_shapes=True, show_dtype=True, show_layer_activations=True, show_trainable=True, rankdir="LR"
    ).to_string()
    for part in (
        '"a" -> "inner"',
        '"inner" -> "join"',
        '"flat" -> "join"',
        "(None, 11)",
        "relu",
        "Trainable",
        "rankdir=LR",
    ):
        assert part in text
    assert "&lt;" in text
    nested = str(utils.model_to_dot(model, expand_nested=True))
    assert '"a" -> "inner/rnn"' in nested
    assert '"inner/rnn" -> "join"' in nested
    utils.plot_model(model, tmp_path / "model.dot", show_layer_names=True)
    assert (tmp_path / "model.dot").read_text().startswith("digraph")
    with pytest.raises(ValueError, match="is not built"):
        utils.model_to_dot(torch_keras_lstm.Sequential([layers.Dense(1)]))


def test_a_picture_takes_graphviz(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = torch_keras_lstm.Sequential([layers.Input((2,)), layers.Dense(1)])
    program = tmp_path / "dot"
    program.write_text("#!/bin/sh\necho drawn $1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    utils.plot_model(model, tmp_path / "model.svg")
    assert (tmp_path / "model.svg").read_text() == "drawn -Tsvg\n"
    program.write_text("#!/bin/sh\necho no such kind >&2; exit 1\n")
    with pytest.raises(ValueError, match="refused to draw the model: no such kind"):
        utils.plot_model(model, tmp_path / "model.xyz")
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ImportError, match="takes Graphviz, whose program `dot` is not on the path"):
        utils.plot_model(model, tmp_path / "model.png")
