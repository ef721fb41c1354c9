"""Docstrings of public layers, models, losses, metrics, optimizers, callbacks: all arguments, an example that runs."""

import doctest
import importlib
import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

import torch_keras_lstm

PACKAGES = ("layers", "losses", "metrics", "optimizers", "optimizers.schedules", "callbacks", "models")
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


_REST = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
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
        result = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(examples, out=said.append)
    assert not result.failed, "".join(said)


@pytest.mark.parametrize(("module", "name", "value"), EVERYTHING)
def test_every_argument_is_told_of(module: ModuleType, name: str, value: Any) -> None:
    constructor = vars(value).get("__init__") if inspect.isclass(value) else value
    if constructor is not None:  # else that of a base
        named = [one for one in inspect.signature(constructor).parameters.values() if one.kind not in _REST]
        text = (inspect.getdoc(value) or "").partition("Example:")[0]
        assert not [one.name for one in named if one.name != "self" and not re.search(rf"\b{one.name}\b", text)]
