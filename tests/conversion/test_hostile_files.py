"""What a hostile file would have a reader do, and that it does not happen.

A rule of the reader, what attacked other readers by breaking it, and the test of it here or beside the module:

no Lambda's code (CVE-2024-3660, CVE-2025-9905, CVE-2026-12481):
    `test_the_code_of_a_lambda_is_not_run`
no import of what is named, and no call of it (CVE-2025-1550, CVE-2025-8747, CVE-2025-9906):
    `test_what_a_file_names_is_not_imported`, `test_functions_are_no_layers`
no pickle (CVE-2025-49655):
    `test_a_pickled_torch_module_is_a_layer_that_is_not_known`, test_npz.py, test_pickle_record.py
YAML is data (CVE-2021-37678):
    test_strict_yaml.py, `test_nothing_of_a_tag_is_run`
no other file and no address (CVE-2025-12058, CVE-2026-1462):
    `test_layers_that_would_open_files_open_none`
no link, external storage or virtual array (CVE-2026-1669):
    test_hdf5.py, test_weight_files.py, `test_links_to_members_of_a_folder_are_not_followed`
no unbounded allocation (CVE-2026-0897):
    `test_a_layer_of_any_claimed_size_costs_nothing`, test_hdf5.py, test_archive.py, test_npz.py, test_tensor_bundle.py
no extraction to disk (CVE-2024-55459, CVE-2025-12060, CVE-2025-12638):
    `test_nothing_of_an_archive_is_written`
no path from a name (CVE-2026-12479):
    `test_names_are_no_paths`, test_weight_files.py
bounded depth and counts (bombs that have no number):
    test_strict_json.py, test_strict_yaml.py, test_archive.py, test_pickle_record.py, test_hdf5.py, test_protobuf.py
damage is noticed or harmless:
    test_fuzz.py
"""

import base64
import io
import marshal
import os
import pickle
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.conversion.handmade import entry, sequential, write_keras, write_legacy
from torch_keras_lstm.conversion import convert, inspect, load_model

F, U = 3, 2
DENSE = {"d": {"d/kernel:0": np.ones((F, U)), "d/bias:0": np.zeros(U)}}
ARRAYS = {"layers/dense/vars/0": np.ones((F, U)), "layers/dense/vars/1": np.zeros(U)}

_seen: list[tuple[str, str]] = []
_watching = False


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if _watching and event in (
        "open",
        "import",
        "os.system",
        "subprocess.Popen",
        "socket.connect",
        "pickle.find_class",
    ):
        _seen.append((event, str(arguments[0])))


sys.addaudithook(_hook)  # for as long as Python runs: it cannot be taken away, only told not to look


@contextmanager
def watched() -> Iterator[list[tuple[str, str]]]:
    """What is opened, imported and run inside."""
    global _watching
    _seen.clear()
    _watching = True
    try:
        yield _seen
    finally:
        _watching = False


def start(**config: Any) -> dict[str, Any]:
    return entry("InputLayer", "i", batch_shape=[None, F], dtype="float64", **config)


def dense(**config: Any) -> dict[str, Any]:
    return entry("Dense", "d", **{"units": U, "dtype": "float64", **config})


def written(folder: Path, kind: str, *layers: dict[str, Any]) -> Path:
    """A file of these layers, in one of the two containers."""
    config = sequential(start(), *layers)
    if kind == "keras":
        return write_keras(folder / "m.keras", config, ARRAYS)
    return write_legacy(folder / "m.h5", DENSE, config=config, keras_version="3.15.1")


def code_that_writes(path: Path) -> str:
    """The code of a function, as Keras writes that of a Lambda."""
    function = eval(f"lambda x: open({str(path)!r}, 'w')")
    return base64.b64encode(marshal.dumps(function.__code__)).decode()


@pytest.mark.parametrize("kind", ["keras", "h5"])
@pytest.mark.parametrize("wrapped", [False, True])
def test_the_code_of_a_lambda_is_not_run(tmp_path: Path, kind: str, wrapped: bool) -> None:
    load_model(written(tmp_path, kind, dense()))  # what loading imports once, is imported
    code = code_that_writes(tmp_path / "proof")
    function = {"class_name": "__lambda__", "config": {"code": code, "defaults": None, "closure": None}}
    layer = entry("Lambda", "evil", function=function, output_shape=None, arguments={})
    if wrapped:
        layer = entry("TimeDistributed", "t", layer=layer)
    path = written(tmp_path, kind, dense(), layer)
    for read in (load_model, inspect):
        with watched() as seen:
            if read is inspect:
                assert "Lambda" in str(inspect(path).problem)
            else:
                with pytest.raises(ValueError, match=r"Lambda \(layer `evil`.* is never run: give the function"):
                    read(path)
        assert {event for event, _ in seen} <= {"open"}
    assert not (tmp_path / "proof").exists()


def test_what_a_file_names_is_not_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module of the path, named wherever Keras would look for one; the model loads, for classes are ours by name."""
    (tmp_path / "evil_module.py").write_text(f"open({str(tmp_path / 'proof')!r}, 'w')\n")
    monkeypatch.syspath_prepend(tmp_path)
    named = {"module": "evil_module", "registered_name": "evil_module>Dense"}
    zeros = {**named, "class_name": "Zeros", "config": {}}
    policy = {**named, "class_name": "DTypePolicy", "config": {"name": "float64"}}
    layer = dense(
        kernel_initializer=zeros, dtype=policy, activation={**named, "class_name": "function", "config": "tanh"}
    )
    layer |= {**named, "build_config": named, "compile_config": named}
    config = {**sequential(start(), layer), **named, "compile_config": {"optimizer": named, "loss": named}}
    path = write_keras(tmp_path / "m.keras", config, ARRAYS)
    load_model(path)  # what loading imports once, is imported
    with watched() as seen:
        load_model(path)
    assert {*seen} == {("open", str(path))}
    assert "evil_module" not in sys.modules
    assert not (tmp_path / "proof").exists()


@pytest.mark.parametrize("kind", ["keras", "h5"])
@pytest.mark.parametrize(
    ("module", "class_name"),
    [
        ("os", "system"),
        ("builtins", "exec"),
        ("keras.utils", "get_file"),
        ("keras.config", "enable_unsafe_deserialization"),
        ("keras.src.saving.serialization_lib", "deserialize_keras_object"),
        ("torch_keras_lstm.models", "load_model"),
        ("torch_keras_lstm.conversion", "convert"),
    ],
)
def test_functions_are_no_layers(tmp_path: Path, kind: str, module: str, class_name: str) -> None:
    """Nor are they anything else that a configuration may name."""
    evil = {"module": module, "class_name": class_name, "registered_name": None}
    layer = {**entry(class_name, "evil", path="x", command=f"touch {tmp_path / 'proof'}"), **evil}
    attacks = {
        rf"Layers that are not supported: {class_name} \(layer `evil`\)": [dense(), layer],
        rf"`activation`: expected the name of a Keras activation, got '{class_name}'": [
            dense(activation={"module": module, "class_name": "function", "config": class_name})
        ],
    }
    for message, layers in attacks.items():
        with pytest.raises(ValueError, match=message):
            load_model(written(tmp_path, kind, *layers))
    path = written(tmp_path, kind, dense(kernel_initializer={**evil, "config": {"command": "true"}}))
    load_model(path)  # an initializer that is not known is not needed, and replaced
    with pytest.raises(ValueError, match=f"The initializer `{class_name}`, which the model's file names .* not known"):
        load_model(path, weights=False)
    assert not (tmp_path / "proof").exists()


class _Command:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.path),)


def test_a_pickled_torch_module_is_a_layer_that_is_not_known(tmp_path: Path) -> None:
    stream = io.BytesIO(pickle.dumps(_Command(tmp_path / "proof")))
    module = base64.b64encode(stream.getvalue()).decode()
    load_model(written(tmp_path, "keras", dense()))
    path = written(tmp_path, "keras", dense(), entry("TorchModuleWrapper", "evil", module=module))
    with watched() as seen, pytest.raises(ValueError, match=r"not supported: TorchModuleWrapper \(layer `evil`\)"):
        load_model(path)
    assert {event for event, _ in seen} == {"open"}
    assert not (tmp_path / "proof").exists()


@pytest.mark.parametrize("kind", ["keras", "h5"])
@pytest.mark.parametrize(
    ("class_name", "argument", "problem"),
    [
        ("StringLookup", "vocabulary", "no file is opened because a configuration names it"),
        ("IntegerLookup", "vocabulary", "no file is opened because a configuration names it"),
        ("TextVectorization", "vocabulary", "no file is opened because a configuration names it"),
        ("TFSMLayer", "filepath", r"not supported: TFSMLayer \(layer `evil`\)"),
    ],
)
@pytest.mark.parametrize("target", ["secret.txt", "http://127.0.0.1:9/secret"])
def test_layers_that_would_open_files_open_none(
    tmp_path: Path, kind: str, class_name: str, argument: str, problem: str, target: str
) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    target = target if target.startswith("http") else str(tmp_path / target)
    load_model(written(tmp_path, kind, dense()))
    path = written(tmp_path, kind, entry(class_name, "evil", **{argument: target}), dense())
    with watched() as seen, pytest.raises(ValueError, match=problem):
        load_model(path)
    assert {name for event, name in seen if event == "open"} <= {str(path)}
    assert {event for event, _ in seen} <= {"open"}


@pytest.mark.parametrize(
    "argument",
    [
        {"units": 10**15},
        {"units": 2**62},
        {"units": 10**30},
        {"kernel_initializer": {"class_name": "Identity", "config": {}}},
    ],
)
def test_a_layer_of_any_claimed_size_costs_nothing(tmp_path: Path, argument: dict[str, Any]) -> None:
    """Shapes are compared before there is memory for any; a kernel that claims 3e15 numbers is none of the file's."""
    path = written(tmp_path, "keras", dense(**argument))
    if "units" in argument:
        with pytest.raises(ValueError, match=r"Layer `d`|needs shape \(3, 10+\)"):
            load_model(path)
    else:
        load_model(path)


def test_nothing_of_an_archive_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "work").mkdir()
    path = written(tmp_path / "work", "keras", dense())
    with zipfile.ZipFile(path, "a") as archive:
        for name in ("../evil.txt", "/evil-of-an-archive.txt", "assets/layers/evil.txt", "assets/evil.tar.gz"):
            archive.writestr(name, "evil")
        link = zipfile.ZipInfo("assets/link")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    monkeypatch.chdir(tmp_path / "work")
    before = {*tmp_path.rglob("*")}
    load_model(path)
    with watched() as seen:
        load_model(path)
    assert {*seen} == {("open", str(path))}
    assert {*tmp_path.rglob("*")} == before


@pytest.mark.parametrize("name", ["../../evil", "/evil", "..", "a/../../b", "a\\..\\b", "evil\n", "con.x"])
def test_names_are_no_paths(tmp_path: Path, name: str) -> None:
    """Neither a layer's nor the model's; what torch cannot have as a module's name is no module's name here."""
    layer = dense()
    layer["config"]["name"] = name
    config = sequential(start(), layer)
    config["config"]["name"] = name
    (tmp_path / "work").mkdir()
    path = write_keras(tmp_path / "work" / "m.keras", config, ARRAYS)
    convert(path, tmp_path / "work" / "out")
    assert load_model(tmp_path / "work" / "out").get_layer(name).name == name
    files = sorted(str(file.relative_to(tmp_path)) for file in tmp_path.rglob("*") if file.is_file())
    assert files == ["work/m.keras", "work/out/config.json", "work/out/model.safetensors"]


def test_links_to_members_of_a_folder_are_not_followed(tmp_path: Path) -> None:
    path = written(tmp_path, "keras", dense())
    with zipfile.ZipFile(path) as archive:
        archive.extractall(tmp_path / "folder")
    (tmp_path / "folder" / "model.weights.h5").rename(tmp_path / "secret.h5")
    (tmp_path / "folder" / "model.weights.h5").symlink_to(tmp_path / "secret.h5")
    with pytest.raises(ValueError, match=r"no file 'model\.weights\.h5', or a link in its place"):
        load_model(tmp_path / "folder")
