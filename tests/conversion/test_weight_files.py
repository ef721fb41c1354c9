import json
from contextlib import ExitStack
from pathlib import Path

import h5py
import numpy as np
import pytest

from tests.conversion.handmade import Array, write_legacy
from tests.conversion.handmade_bundle import write_bundle
from torch_keras_lstm.conversion.arrays import ArraysByLayer, ArraysByPath, Weights
from torch_keras_lstm.conversion.file_kind import file_kind
from torch_keras_lstm.conversion.weight_files import open_weights


def _open(path: Path) -> Weights:
    with ExitStack() as opened:
        return open_weights(path, opened)


def _shards(folder: Path, weight_map: object, **shards: dict[str, Array]) -> Path:
    for name, arrays in shards.items():
        with h5py.File(folder / f"{name}.weights.h5", "w") as file:
            file.create_group("layers")
            for place, array in arrays.items():
                file[place] = array
    path = folder / "m.weights.json"
    path.write_text(json.dumps({"metadata": {"total_size": 1.0}, "weight_map": weight_map}))
    return path


KERNEL, BIAS = {"layers/dense/vars/0": np.ones((2, 3))}, {"layers/dense/vars/1": np.ones(3)}


def test_shards_are_one_file(tmp_path: Path) -> None:
    path = _shards(tmp_path, {"/layers/dense/vars": ["a.weights.h5", "b.weights.h5"]}, a=KERNEL, b=BIAS)
    weights = _open(path)
    assert isinstance(weights.arrays, ArraysByPath)
    assert weights.arrays.paths.keys() == KERNEL.keys() | BIAS.keys()
    assert weights.container == "weights (.weights.h5), 2 shards"


@pytest.mark.parametrize(
    ("weight_map", "message"),
    [
        ({"/layers/dense/vars": "c.weights.h5"}, r"The shard 'c\.weights\.h5' is missing from the folder"),
        ({"/layers/dense/vars": "../nowhere.weights.h5"}, r"'\.\./nowhere\.weights\.h5' is not opened"),
        ({"/layers/dense/vars": "/nowhere/a.weights.h5"}, "is not opened"),
        ({"/layers/dense/vars": "x\\a.weights.h5"}, "is not opened"),
        ({"/layers/dense/vars": "m.weights.json"}, r"a file `\*\.weights\.h5` beside its list; 'm\.weights\.json'"),
        ({"/layers/dense/vars": ["a.weights.h5", 3]}, "`weight_map` must name up to 1000 files, each by a string"),
        ({f"/{n}": f"{n}.weights.h5" for n in range(1001)}, "`weight_map` must name up to 1000 files"),
        ([], "The JSON lists no weights: `weight_map` is missing"),
        ({"/layers/dense/vars": ["a.weights.h5", "b.weights.h5"]}, "`layers/dense/vars/0` stands in more than one"),
        ({}, "The file holds no weights that Keras wrote"),
    ],
)
def test_lists_of_shards_that_are_refused(tmp_path: Path, weight_map: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        _open(_shards(tmp_path, weight_map, a=KERNEL, b=KERNEL))


def test_a_shard_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    path = _shards(tmp_path, {"/layers/dense/vars": "c.weights.h5"}, a=KERNEL)
    (tmp_path / "c.weights.h5").symlink_to(tmp_path / "a.weights.h5")
    with pytest.raises(ValueError, match=r"The shard 'c\.weights\.h5' is a link, and links are not followed"):
        _open(path)


def _numbered(path: Path, *layers: dict[str, object]) -> Path:
    with h5py.File(path, "w") as file:
        file.attrs["nb_layers"] = 2
        for number, layer in enumerate(layers):
            group = file.create_group(f"layer_{number}")
            for name, value in layer.items():
                if name == "nb_params":
                    group.attrs[name] = value
                else:
                    group[name] = value
    return path


def test_the_layout_before_keras_1(tmp_path: Path) -> None:
    full: dict[str, object] = {"nb_params": np.int64(2), "param_0": np.ones((2, 3)), "param_1": np.ones(3)}
    weights = _open(_numbered(tmp_path / "w.h5", full, {"nb_params": 0}))
    assert isinstance(weights.arrays, ArraysByLayer)
    assert {layer: [*arrays] for layer, arrays in weights.arrays.layers.items()} == {
        "layer_0": ["param_0", "param_1"],
        "layer_1": [],
    }
    assert weights.arrays.unnamed == ()


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([{"nb_params": 0}], "`nb_layers` of `/` is 2, but the file has no group `layer_1`"),
        ([{"nb_params": 2, "param_0": np.ones(2)}, {}], "Group `layer_0` counts an array `param_1`"),
        ([{"nb_params": -1}, {}], r"Attribute `nb_params` of `/layer_0` must count up to 100000, got np\.int64\(-1\)"),
        ([{"nb_params": "two"}, {}], "must count up to 100000, got b'two'"),
        ([{"nb_params": 10**9}, {}], "must count up to 100000"),
    ],
)
def test_broken_counts(tmp_path: Path, layers: list[dict[str, object]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        _open(_numbered(tmp_path / "w.h5", *layers))


def test_kinds_of_paths(tmp_path: Path) -> None:
    write_legacy(tmp_path / "w.bin", {"d": {"d/k:0": np.ones(2)}})
    (tmp_path / "one").mkdir()
    prefix = write_bundle(tmp_path / "one" / "ck-1", {"d/k": np.ones(2)})
    (tmp_path / "s.json").write_text(json.dumps(json.dumps({"class_name": "Sequential"})))
    (tmp_path / "a.yaml").write_text("class_name: Sequential")
    (tmp_path / "saved").mkdir()
    (tmp_path / "saved" / "saved_model.pb").write_bytes(b"")
    kinds = {
        tmp_path / "w.bin": "hdf5",
        tmp_path / "s.json": "json",
        tmp_path / "a.yaml": "yaml",
        tmp_path / "saved": "savedmodel",
        prefix: "checkpoint",
        tmp_path / "one": "checkpoint",
        tmp_path / "one" / "ck-1.index": "checkpoint",
    }
    assert {path: file_kind(path) for path in kinds} == kinds
    for path in (prefix, tmp_path / "one", tmp_path / "one" / "ck-1.index"):
        assert _open(path).container == "TensorFlow checkpoint"
    write_bundle(tmp_path / "one" / "ck-2", {"d/k": np.ones(2)})
    with pytest.raises(
        ValueError, match=r"The folder holds 2 checkpoints\. Give the prefix of one: '\S+ck-1', '\S+ck-2'"
    ):
        _open(tmp_path / "one")
    with pytest.raises(ValueError, match="This is an architecture"):
        _open(tmp_path / "a.yaml")


@pytest.mark.parametrize("root", ["layers", "_layer_checkpoint_dependencies"])
def test_paths_that_windows_joined(tmp_path: Path, root: str) -> None:
    path = tmp_path / "m.weights.h5"
    with h5py.File(path, "w") as file:
        file[f"{root}\\lstm\\cell/vars/0"] = np.ones((2, 12))
        file["metrics\\mean/vars/0"] = np.ones(())
        file["optimizer/vars/0"] = np.ones(())
    weights = _open(path)
    assert isinstance(weights.arrays, ArraysByPath)
    assert weights.arrays.root == root
    assert [*weights.arrays.paths] == [f"{root}/lstm/cell/vars/0"]
    assert weights.left == {"metrics": 1, "optimizer": 1}
