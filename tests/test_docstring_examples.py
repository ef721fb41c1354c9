"""Every public layer, loss, metric, optimizer and callback has an example in its docstring, which runs as it stands."""

import doctest
import importlib
import inspect
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

import torch_keras_lstm

PACKAGES = ("layers",)
# What an example needs no import for: these two, the package's own modules, and all names of the module it stands in.
READY = {"torch": torch, "np": np, **{name: getattr(torch_keras_lstm, name) for name in torch_keras_lstm.__all__}}


def public(package: str) -> Iterator[tuple[ModuleType, str, Any]]:
    """(module, name, object): each once, whatever its other names."""
    module = importlib.import_module(f"torch_keras_lstm.{package}")
    found: dict[int, tuple[ModuleType, str, Any]] = {}
    for name in module.__all__:
        value = getattr(module, name)
        if inspect.isclass(value) or inspect.isfunction(value):
            found.setdefault(id(value), (module, name, value))
    yield from found.values()


EVERYTHING = [pytest.param(*one, id=f"{package}.{one[1]}") for package in PACKAGES for one in public(package)]


@pytest.mark.parametrize(("module", "name", "value"), EVERYTHING)
def test_there_is_an_example_and_it_runs(
    module: ModuleType, name: str, value: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = {**READY, **{one: getattr(module, one) for one in module.__all__}, "__name__": "example"}
    examples = doctest.DocTestParser().get_doctest(value.__doc__ or "", names, name, None, None)
    assert examples.examples, f"`{name}` has no example in its docstring"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "example", ModuleType("example"))  # where classes of an example are defined
    said: list[str] = []
    with torch.random.fork_rng():
        torch.manual_seed(0)
        result = doctest.DocTestRunner().run(examples, out=said.append)
    assert not result.failed, "".join(said)
