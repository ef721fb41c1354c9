import json
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
import yaml

from tests.conversion.handmade import entry, sequential, write_keras, write_legacy
from torch_keras_lstm.conversion import inspect, load_model
from torch_keras_lstm.conversion.arrays import ArraysByLayer, ArraysByPath
from torch_keras_lstm.conversion.containers import open_saved_model
from torch_keras_lstm.conversion.sources import WithoutArchitecture

MODEL = sequential(entry("Dense", "d", units=2, batch_input_shape=[None, 3]))
WEIGHTS = {"d": {"d/kernel:0": np.arange(6.0).reshape(3, 2), "d/bias:0": np.ones(2)}}


def test_a_whole_model_of_legacy_hdf5(tmp_path: Path) -> None:
    path = write_legacy(tmp_path / "anything.bin", WEIGHTS, config=MODEL, keras_version="2.2.4")
    with open_saved_model(path) as saved:
        assert saved.container == "whole model (.h5)"
        assert str(saved.description.producer) == "Keras 2 (2.2.4)"
        assert saved.weights is not None
        arrays = saved.weights.arrays
        assert isinstance(arrays, ArraysByLayer)
        assert {name: [*variables] for name, variables in arrays.layers.items()} == {"d": ["d/kernel:0", "d/bias:0"]}
        assert arrays.unnamed == ()


def test_a_keras_archive(tmp_path: Path) -> None:
    paths = {"layers/dense/vars/0": np.ones((3, 2)), "optimizer/vars/0": np.ones(1), "metrics/mean/vars/0": np.ones(1)}
    for compression in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        path = write_keras(tmp_path / "m", MODEL, paths, compression=compression)
        with open_saved_model(path) as saved:
            assert saved.container == ".keras archive"
            assert saved.weights is not None
            assert isinstance(saved.weights.arrays, ArraysByPath)
            assert saved.weights.arrays.root == "layers"
            assert [*saved.weights.arrays.paths] == ["layers/dense/vars/0"]
            assert saved.weights.left == {"optimizer": 1, "metrics": 1}


def test_an_architecture_with_and_without_weights(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b"\xef\xbb\xbf \n" + json.dumps(MODEL).encode())
    with open_saved_model(path) as saved:
        assert (saved.container, saved.weights) == ("architecture (JSON)", None)
    with open_saved_model(path, write_legacy(tmp_path / "w.h5", WEIGHTS)) as saved:
        assert saved.container == "architecture (JSON) + weights (legacy .h5)"
    archive = write_keras(tmp_path / "w.keras", MODEL, {"layers/dense/vars/0": np.ones((3, 2))})
    with open_saved_model(path, archive) as saved:
        assert saved.container == "architecture (JSON) + weights (.weights.h5)"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "The file is empty"),
        (b"\x80\x04\x95 a pickle", "This is not a Keras model: it is neither HDF5"),
        (b'{"class_name": "Sequential", ', "The file is not valid JSON"),
        (b'{"class_name": "Sequential", "config": [], "keras_version": 2}', "`keras_version` must be a string, got 2"),
        (b'{"a": "\xff"}', "The file is not UTF-8 text"),
        (b"PK\x03\x04 and nothing more", "The zip archive is damaged or truncated"),
    ],
)
def test_other_files_are_named_with_the_reason(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "f"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f"^{path}: {message}"), open_saved_model(path):
        pass


def _hdf5(path: Path, *, groups: tuple[str, ...] = (), **attributes: object) -> Path:
    with h5py.File(path, "w") as file:
        for group in groups:
            file.create_group(group)
        for name, value in attributes.items():
            file.attrs[name] = value
    return path


@pytest.mark.parametrize(
    ("groups", "attributes", "message"),
    [
        ((), {}, "This HDF5 file was not written by Keras' `model.save`: it has no attribute `model_config`"),
        (
            ("model_weights",),
            {},
            r"holds weights without an architecture\. Load them with the model's JSON: `load_model",
        ),
        (("layers",), {}, "holds weights without an architecture"),
        ((), {"layer_names": np.array([b"d"])}, "holds weights without an architecture"),
        ((), {"model_config": json.dumps(MODEL)}, "an architecture, but no group `model_weights`"),
        (("model_weights",), {"model_config": "{"}, "Attribute `model_config` is not valid JSON"),
        (("model_weights",), {"model_config": 3}, "Attribute `model_config` of `/` must be text"),
        (
            ("model_weights",),
            {"model_config": json.dumps(MODEL)},
            "Group `/model_weights` has neither an attribute `layer_names` nor `nb_layers`",
        ),
    ],
)
def test_hdf5_files_that_hold_no_whole_model(
    tmp_path: Path, groups: tuple[str, ...], attributes: dict[str, object], message: str
) -> None:
    path = _hdf5(tmp_path / "f.h5", groups=groups, **attributes)
    with pytest.raises(ValueError, match=message), open_saved_model(path):
        pass


def _broken_legacy(path: Path, case: str) -> Path:
    write_legacy(path, WEIGHTS, config=MODEL)
    with h5py.File(path, "a") as file:
        group = file["model_weights"]
        if case == "layer twice":
            group.attrs["layer_names"] = np.array([b"d", b"d"])
        elif case == "no group":
            group.attrs["layer_names"] = np.array([b"d", b"e"])
        elif case == "no weight names":
            del group["d"].attrs["weight_names"]
        elif case == "no array":
            del group["d/d/bias:0"]
        elif case == "array twice":
            group["d"].attrs["weight_names"] = np.array([b"d/bias:0", b"d/bias:0"])
    return path


@pytest.mark.parametrize(
    ("case", "message"),
    [
        ("layer twice", "`layer_names` of `/model_weights` names a layer twice"),
        ("no group", "The HDF5 file has no group `/model_weights/e`"),
        ("no weight names", "Group `d` of `/model_weights` has no attribute `weight_names`"),
        ("no array", "Layer `d` names a weight `d/bias:0` that the file does not hold"),
        ("array twice", "Layer `d` names a weight `d/bias:0` that the file does not hold, or twice"),
    ],
)
def test_broken_lists_of_names(tmp_path: Path, case: str, message: str) -> None:
    with pytest.raises(ValueError, match=message), open_saved_model(_broken_legacy(tmp_path / "f.h5", case)):
        pass


def test_archives_that_are_no_model_that_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "f.keras"
    for members, message in (
        ({"a.txt": "x"}, "This zip archive is not a Keras model: it has no member `config.json`"),
        ({"config.json": "{}"}, r"The model holds no weights: it has no member `model\.weights\.h5`"),
        ({"config.json": "{}", "model.weights.npz": ""}, "The zip archive is damaged or truncated"),
        ({"config.json": "[]", "model.weights.h5": ""}, r"Member `config\.json` must hold a JSON object"),
        ({"config.json": "{}", "model.weights.h5": ""}, "Cannot open the file: it is not HDF5"),
    ):
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in members.items():
                archive.writestr(name, content)
        with pytest.raises((ValueError, OSError), match=message), open_saved_model(path):
            pass


def _refused(message: str, path: Path, weights: Path | None = None) -> None:
    with pytest.raises(ValueError, match=message), open_saved_model(path, weights):
        pass


def test_a_folder_of_something_else(tmp_path: Path) -> None:
    _refused("The folder is not a model: one that `torch-keras-lstm convert` wrote has a `config.json`", tmp_path)


def test_weights_files_that_hold_none(tmp_path: Path) -> None:
    model, empty = tmp_path / "a.json", _hdf5(tmp_path / "e.h5")
    model.write_text(json.dumps(MODEL))
    _refused(rf"^{model}: The JSON lists no weights: `weight_map` is missing", model, model)
    _refused(f"^{empty}: The file holds no weights that Keras wrote", model, empty)


def test_a_truncated_model_is_an_os_error_at_every_eighth(tmp_path: Path) -> None:
    whole = write_legacy(tmp_path / "m.h5", WEIGHTS, config=MODEL).read_bytes()
    archive = write_keras(tmp_path / "m.keras", MODEL, {"layers/dense/vars/0": np.ones((3, 2))}).read_bytes()
    for good in (whole, archive):
        for eighth in range(8):
            (tmp_path / "cut").write_bytes(good[: len(good) * eighth // 8])
            message = r"not a Keras model|truncated"
            with pytest.raises((OSError, ValueError), match=message), open_saved_model(tmp_path / "cut"):
                pass


def test_an_architecture_in_yaml(tmp_path: Path) -> None:
    path = tmp_path / "a.yml"
    first = {"batch_input_shape": (None, 3), "name": "d", "output_dim": 2, "init": "uniform", "bias": True}
    written = {
        "class_name": "Sequential",
        "config": [{"class_name": "Dense", "config": first}],
        "keras_version": "1.2.0",
    }
    for text in (yaml.dump(written), yaml.dump(yaml.dump(written))):
        path.write_text(text)
        with open_saved_model(path, write_legacy(tmp_path / "w.h5", WEIGHTS)) as saved:
            assert saved.container == "architecture (YAML) + weights (legacy .h5)"
            assert saved.description.producer.version == "1.2.0"
            assert saved.description.input_shape == (None, 3)


def test_an_architecture_that_was_dumped_twice(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps(json.dumps(MODEL)))
    with open_saved_model(path) as saved:
        assert [layer.name for layer in saved.description.layers] == ["d"]


def test_a_list_of_shards_is_no_architecture(tmp_path: Path) -> None:
    path = tmp_path / "m.weights.json"
    path.write_text('{"metadata": {}, "weight_map": {}}')
    with pytest.raises(WithoutArchitecture, match="lists the shards of weights without an"), open_saved_model(path):
        pass


def test_of_a_model_class_of_ones_own_the_weights_are_shown(tmp_path: Path) -> None:
    arrays = {"d/kernel:0": np.ones((5, 4), "float32"), "d/bias:0": np.ones(4, "float32")}
    config = {"class_name": "MyModel", "config": {}}
    path = write_legacy(tmp_path / "m.h5", {"d": arrays}, config=config, keras_version="2.9.0")
    report = inspect(path)
    assert report.problem is not None
    assert "The model's `class_name` is 'MyModel'" in report.problem
    assert [(layer.name, layer.parameters) for layer in report.layers] == [("d", 24)]
    with pytest.raises(ValueError, match="'MyModel'; expected one of"):
        load_model(path)
