"""What the reader does not do, whatever a file says.

The files of these tests harm nobody, in no reader: what they name does not exist, or is a function made here that
counts its calls; what stands for code is no code; a size is declared and not stored. A rule, and where it is tested:

no code of a Lambda is run:
    `test_what_stands_for_a_lambdas_code_is_not_touched`
nothing that is named is looked for, imported or called:
    `test_what_a_file_names_is_not_imported`, `test_functions_are_no_layers`
no pickle is loaded:
    `test_a_torch_module_in_a_file_is_a_layer_that_is_not_known`, test_npz.py, test_pickle_record.py
YAML is data:
    test_strict_yaml.py
no other file is opened, and no address:
    `test_layers_that_would_open_files_open_none`
no link, external storage or virtual array is followed:
    test_hdf5.py, test_weight_files.py, `test_links_to_members_of_a_folder_are_not_followed`
memory is bounded by what a file has, not by what it declares:
    `test_a_layer_of_any_claimed_size_costs_nothing`, test_hdf5.py, test_archive.py, test_npz.py, test_tensor_bundle.py
no archive is extracted:
    `test_nothing_of_an_archive_is_written`
no name is a path:
    `test_names_are_no_paths`, test_weight_files.py
depth and counts are bounded:
    test_strict_json.py, test_strict_yaml.py, test_archive.py, test_pickle_record.py, test_hdf5.py, test_protobuf.py
damage is noticed or harmless:
    test_fuzz.py
"""

import base64
import marshal
import pickle
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from tests.conversion.handmade import entry, sequential, write_keras, write_legacy
from torch_keras_lstm.conversion import convert, inspect, load_model

F, U = 3, 2
DENSE = {"d": {"d/kernel:0": np.ones((F, U)), "d/bias:0": np.zeros(U)}}
ARRAYS = {"layers/dense/vars/0": np.ones((F, U)), "layers/dense/vars/1": np.zeros(U)}
WATCHED = (
    "open", "exec", "marshal.loads", "pickle.find_class", "os.system", "subprocess.Popen", "socket.connect",
    "socket.getaddrinfo", "urllib.Request",
)  # fmt: skip

_seen: list[tuple[str, str]] = []
_watching = False


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if _watching and event in WATCHED:
        _seen.append((event, str(arguments[0])))


class _Finder(MetaPathFinder):
    """Finds nothing, and sees what modules are looked for, be there such or not."""

    def find_spec(self, name: str, path: Any, target: Any = None) -> None:
        if _watching:
            _seen.append(("import", name))


sys.addaudithook(_hook)  # for as long as Python runs: it cannot be taken away, only told not to look


@contextmanager
def watched() -> Iterator[list[tuple[str, str]]]:
    """What is opened, looked for, unpickled and run inside."""
    global _watching
    finder = _Finder()
    sys.meta_path.insert(0, finder)
    _seen.clear()
    _watching = True
    try:
        yield _seen
    finally:
        _watching = False
        sys.meta_path.remove(finder)


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The calls of ``function`` and ``Dense`` of ``named_by_a_file``, a module that this process alone has."""
    calls: list[Any] = []
    module: Any = ModuleType("named_by_a_file")
    module.function = module.Dense = lambda *args, **kwargs: calls.append((args, kwargs))
    monkeypatch.setitem(sys.modules, "named_by_a_file", module)
    return calls


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


def test_the_watch_sees(tmp_path: Path) -> None:
    """What the tests below say did not happen is seen when it does."""
    (tmp_path / "a.txt").touch()
    with watched() as seen:
        (tmp_path / "a.txt").read_text()
        eval("1 + 1")
        pickle.loads(pickle.dumps(Path))
        marshal.loads(marshal.dumps(1))
        with pytest.raises(ModuleNotFoundError):
            __import__("nowhere_at_all")
    assert {event for event, _ in seen} == {"open", "exec", "pickle.find_class", "marshal.loads", "import"}


@pytest.mark.parametrize("kind", ["keras", "h5"])
@pytest.mark.parametrize("wrapped", [False, True])
def test_what_stands_for_a_lambdas_code_is_not_touched(tmp_path: Path, kind: str, wrapped: bool) -> None:
    load_model(written(tmp_path, kind, dense()))  # what loading imports once, is imported
    code = base64.b64encode(b"no code").decode()
    function = {"class_name": "__lambda__", "config": {"code": code, "defaults": None, "closure": None}}
    layer = entry("Lambda", "own", function=function, output_shape=None, arguments={})
    if wrapped:
        layer = entry("TimeDistributed", "t", layer=layer)
    path = written(tmp_path, kind, dense(), layer)
    for read in (load_model, inspect):
        with watched() as seen:
            if read is inspect:
                assert "Lambda" in str(inspect(path).problem)
            else:
                with pytest.raises(ValueError, match=r"Lambda \(layer `own`.* is never run: give the function"):
                    read(path)
        assert {event for event, _ in seen} <= {"open"}


@pytest.mark.parametrize("is_there", [False, True])
def test_what_a_file_names_is_not_imported(tmp_path: Path, called: list[Any], is_there: bool) -> None:
    """A module, named wherever Keras would look for one; the model loads, for classes are ours by name."""
    module = "named_by_a_file" if is_there else "nowhere_at_all"
    named = {"module": module, "registered_name": f"{module}>Dense"}
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
    assert not called


@pytest.mark.parametrize("kind", ["keras", "h5"])
@pytest.mark.parametrize(
    ("module", "class_name"),
    [
        ("named_by_a_file", "function"),
        ("nowhere_at_all", "function"),
        ("math", "sqrt"),
        ("builtins", "len"),
        ("keras.ops", "shape"),
        ("torch_keras_lstm.models", "load_model"),
        ("torch_keras_lstm.conversion", "convert"),
    ],
)
def test_functions_are_no_layers(tmp_path: Path, called: list[Any], kind: str, module: str, class_name: str) -> None:
    """Nor are they anything else that a configuration may name."""
    named = {"module": module, "class_name": class_name, "registered_name": None}
    layer = {**entry(class_name, "named", path="nowhere"), **named}
    refused = {
        rf"Layers that are not supported: {class_name} \(layer `named`\)": [dense(), layer],
        rf"`activation`: expected the name of a Keras activation, got '{class_name}'": [
            dense(activation={"module": module, "class_name": "function", "config": class_name})
        ],
    }
    for message, layers in refused.items():
        with pytest.raises(ValueError, match=message):
            load_model(written(tmp_path, kind, *layers))
    path = written(tmp_path, kind, dense(kernel_initializer={**named, "config": {"path": "nowhere"}}))
    load_model(path)  # an initializer that is not known is not needed, and replaced
    with pytest.raises(ValueError, match=f"The initializer `{class_name}`, which the model's file names .* not known"):
        load_model(path, weights=False)
    assert not called


def test_a_torch_module_in_a_file_is_a_layer_that_is_not_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*args: Any, **kwargs: Any) -> None:
        raise AssertionError("something was unpickled")

    load_model(written(tmp_path, "keras", dense()))
    module = base64.b64encode(pickle.dumps({"no": "module"})).decode()
    path = written(tmp_path, "keras", dense(), entry("TorchModuleWrapper", "own", module=module))
    for place in ("pickle.load", "pickle.loads", "pickle.Unpickler", "torch.load"):
        monkeypatch.setattr(place, never)
    with watched() as seen, pytest.raises(ValueError, match=r"not supported: TorchModuleWrapper \(layer `own`\)"):
        load_model(path)
    assert {event for event, _ in seen} == {"open"}


@pytest.mark.parametrize("kind", ["keras", "h5"])
@pytest.mark.parametrize(
    ("class_name", "argument", "problem"),
    [
        ("StringLookup", "vocabulary", "no file is opened because a configuration names it"),
        ("IntegerLookup", "vocabulary", "no file is opened because a configuration names it"),
        ("TextVectorization", "vocabulary", "no file is opened because a configuration names it"),
        ("TFSMLayer", "filepath", r"not supported: TFSMLayer \(layer `named`\)"),
    ],
)
@pytest.mark.parametrize("target", ["nowhere.txt", "http://nowhere.invalid/words"])
def test_layers_that_would_open_files_open_none(
    tmp_path: Path, kind: str, class_name: str, argument: str, problem: str, target: str
) -> None:
    target = target if target.startswith("http") else str(tmp_path / target)
    load_model(written(tmp_path, kind, dense()))
    path = written(tmp_path, kind, entry(class_name, "named", **{argument: target}), dense())
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
    path = written(tmp_path, "keras", dense())
    with zipfile.ZipFile(path, "a") as archive:
        for name in ("note.txt", "assets/note.txt", "assets/layers/note.txt", "assets/note.tar.gz"):
            archive.writestr(name, "a note")
        link = zipfile.ZipInfo("assets/link")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "nowhere")
    monkeypatch.chdir(tmp_path)
    before = {*tmp_path.rglob("*")}
    load_model(path)
    with watched() as seen:
        load_model(path)
    assert {*seen} == {("open", str(path))}
    assert {*tmp_path.rglob("*")} == before


@pytest.mark.parametrize("name", ["../note", "..", "a/../b", "a\\..\\b", "note\n", "con.x"])
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
    (tmp_path / "folder" / "model.weights.h5").rename(tmp_path / "elsewhere.h5")
    (tmp_path / "folder" / "model.weights.h5").symlink_to(tmp_path / "elsewhere.h5")
    with pytest.raises(ValueError, match=r"no file 'model\.weights\.h5', or a link in its place"):
        load_model(tmp_path / "folder")
