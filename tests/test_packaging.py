"""What the wheel will hold, told from pyproject.toml and the folders."""

import importlib.metadata
import tomllib
from pathlib import Path

import pytest

import torch_keras_lstm

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "torch_keras_lstm"
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
SETUPTOOLS = PYPROJECT["tool"]["setuptools"]


def test_every_folder_is_a_package_of_the_list() -> None:
    folders = {".".join(("torch_keras_lstm", *path.relative_to(PACKAGE).parts[:-1])) for path in PACKAGE.rglob("*.py")}
    folders.add("torch_keras_lstm.conversion")  # behind the link, which rglob does not follow
    folders.remove("torch_keras_lstm.command")
    folders.add("torch_keras_lstm_command")  # installed beside the package, whose import brings torch
    assert set(SETUPTOOLS["packages"]) == folders


def test_the_converter_is_one_tree_under_two_names() -> None:
    link = PACKAGE / "conversion"
    assert link.is_symlink()
    assert link.readlink() == Path("../conversion")
    assert SETUPTOOLS["package-dir"] == {
        "torch_keras_lstm.conversion": "conversion",
        "torch_keras_lstm_command": "torch_keras_lstm/command",
    }
    assert not [path for path in (ROOT / "conversion").iterdir() if path.is_dir() and path.name != "__pycache__"]


def test_every_package_has_an_init() -> None:
    for name in SETUPTOOLS["packages"]:
        folder = SETUPTOOLS["package-dir"].get(name, name.replace(".", "/"))
        assert (ROOT / folder / "__init__.py").is_file(), name


def test_type_checkers_are_told_that_there_are_types() -> None:
    assert (PACKAGE / "py.typed").is_file()
    assert SETUPTOOLS["package-data"] == {"torch_keras_lstm": ["py.typed"]}


def test_there_is_one_version() -> None:
    assert PYPROJECT["project"]["dynamic"] == ["version"]
    assert SETUPTOOLS["dynamic"]["version"] == {"attr": "torch_keras_lstm._version.__version__"}
    assert importlib.metadata.version("torch-keras-lstm") == torch_keras_lstm.__version__


@pytest.mark.parametrize("extra", [None, "benchmarks", "docs", "examples", "test"])
def test_every_dependency_has_a_lower_bound(extra: str | None) -> None:
    project = PYPROJECT["project"]
    requirements = project["dependencies"] if extra is None else project["optional-dependencies"][extra]
    others = [requirement for requirement in requirements if not requirement.startswith(project["name"])]
    assert all(">=" in requirement for requirement in others)


def test_one_wheel_serves_every_python() -> None:
    oldest = PYPROJECT["project"]["requires-python"].removeprefix(">=3.")
    (kernels,) = SETUPTOOLS["ext-modules"]
    assert kernels["py-limited-api"]
    assert kernels["define-macros"] == [["Py_LIMITED_API", f"0x03{int(oldest):02X}0000"]]
    assert PYPROJECT["tool"]["distutils"]["bdist_wheel"] == {"py_limited_api": f"cp3{oldest}"}
    assert PYPROJECT["tool"]["cibuildwheel"]["build"] == f"cp3{oldest}-manylinux_*"


def test_every_file_of_the_kernels_rebuilds_them() -> None:
    (kernels,) = SETUPTOOLS["ext-modules"]
    there = {path.relative_to(ROOT).as_posix() for path in (PACKAGE / "recurrence/backends/csrc").glob("*.[ch]")}
    assert {*kernels["sources"], *kernels["depends"]} == there
