"""The pages of the API reference, written from what the package makes public, so that no name can be missing.

``conf.py`` calls :func:`write` before each build, and compares the names with what Sphinx documented at its end.
"""

import importlib
import inspect
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType

PACKAGE = "torch_keras_lstm"
# A page for each class where there are many of them; else all names of a module on one page.
OF_MANY_CLASSES = ("layers", "losses", "metrics", "optimizers", "optimizers.schedules", "callbacks", "models")
# An object of several names is described at the first of these modules, or of the others; the rest point there.
FIRST = (*OF_MANY_CLASSES, "activations", "initializers", "regularizers", "constraints", "ops", "random", "saving")
# Public besides those that ``__all__`` names.
BESIDES = ("conversion", "ops.image", "recurrence")
# Of a layer: what its users call. The rest, which layers say to each other, stands on the page of `Layer`.
OF_LAYERS = {
    "adapt", "batch_shape", "compute_mask", "compute_output_shape", "finalize_state", "forward", "from_config",
    "from_torch", "get_initial_state", "get_vocabulary", "idf_weights", "output_size", "path_for", "register_states",
    "reset_state", "reset_states", "set_vocabulary", "state_size", "states", "states_of", "to_torch",
    "update_state", "vocabulary_size",
}  # fmt: skip


@cache
def public_modules() -> tuple[str, ...]:
    """Their names without the package's: what some ``__all__`` names, and a few besides; the package itself last."""
    found, pending = [*FIRST, *BESIDES], [""]
    while pending:
        module = pending.pop()
        space = _find(module)
        named = [name for name in getattr(space, "__all__", ()) if inspect.ismodule(getattr(space, name))]
        inside = [".".join(filter(None, (module, name))) for name in sorted(named)]
        pending += inside
        found += [one for one in inside if one not in found]
    return (*found, "")


def public_names() -> Iterator[tuple[str, str, object]]:
    """(module, name, object) of all that is public but modules: what ``__all__`` lists, else what a module defines."""
    for module in public_modules():
        space = _find(module)
        home = space.__name__ if inspect.ismodule(space) else None
        listed = getattr(space, "__all__", None)
        for name in sorted(dir(space) if listed is None else listed):
            value = getattr(space, name)
            is_a_space = inspect.ismodule(value) or repr(value).startswith("<operations of")
            is_its_own = module.startswith("ops") or getattr(value, "__module__", "") == home
            if not name.startswith("_") and not is_a_space and (listed is not None or is_its_own):
                yield module, name, value


def names_to_describe() -> set[str]:
    """The dotted name under which each public object is described."""
    return {described for _, _, described in _with_descriptions()}


def write(folder: Path) -> None:
    """Write the pages into ``folder``, touching no file whose text stays as it is, and remove those of names gone."""
    contents: dict[str, list[tuple[str, str]]] = {module: [] for module in public_modules()}
    for module, name, described in _with_descriptions():
        contents[module].append((name, described))
    pages = {"index.rst": _index()}
    for module, names in contents.items():
        pages |= _pages(module, names)
    folder.mkdir(exist_ok=True)
    for path in folder.glob("*.rst"):
        if path.name not in pages:
            path.unlink()
    for file, text in pages.items():
        path = folder / file
        if not path.exists() or path.read_text("utf-8") != text:
            path.write_text(text, "utf-8")


def _with_descriptions() -> list[tuple[str, str, str]]:
    """(module, name, dotted name under which the object is described): that of its own name, else its first."""
    everything = list(public_names())
    described: dict[int, str] = {}
    for by_its_own_name in (True, False):
        for module, name, value in everything:
            if (getattr(value, "__name__", name) == name) is by_its_own_name:
                described.setdefault(id(value), _dotted(module, name))
    return [
        (module, name, described[id(value)] if callable(value) else _dotted(module, name))
        for module, name, value in everything
    ]


def _pages(module: str, names: list[tuple[str, str]]) -> dict[str, str]:
    pages: dict[str, str] = {}
    own, other, inline = [], [], []
    for name, described in names:
        dotted = _dotted(module, name)
        if described != dotted:
            other.append(f"* ``{name}``: :py:obj:`{described}`")
        elif module in OF_MANY_CLASSES and inspect.isclass(getattr(_find(module), name)):
            pages[f"{dotted}.rst"] = f"{_heading(name)}{_directive(module, name)}"
            own.append(name)
        else:
            inline.append(_directive(module, name))
    text = _heading(_dotted(module))
    if inspect.ismodule(_find(module)):
        text += f".. automodule:: {_dotted(module)}\n   :no-members:\n\n"
    if own:
        summarized = "".join(f"   {name}\n" for name in own)
        text += f".. autosummary::\n   :nosignatures:\n\n{summarized}\n"
        pages_of_classes = "".join(f"   {name} <{_dotted(module, name)}>\n" for name in own)
        text += f".. toctree::\n   :hidden:\n\n{pages_of_classes}\n"
    if inline and own:
        text += _heading("Functions", "-")
    text += "\n".join(inline) + "\n"
    if other:
        text += _heading("Other names", "-") + "\n".join(other) + "\n"
    return pages | {f"{_dotted(module)}.rst": text}


def _index() -> str:
    modules = sorted(public_modules())
    summarized = "".join(f"   {_dotted(module)}\n" for module in modules if inspect.ismodule(_find(module)))
    pages = "".join(f"   {_dotted(module)}\n" for module in modules)
    return (
        _heading("API reference")
        + "Every public name, by the module of Keras that has it. :ref:`All names in one list <genindex>`.\n\n"
        + "Examples need ``import torch``, ``import numpy as np``, ``from torch_keras_lstm import *``, and all names\n"
        + "of the module that they stand in: ``from torch_keras_lstm.layers import *`` for a layer.\n\n"
        + f".. autosummary::\n   :nosignatures:\n\n{summarized}\n.. toctree::\n   :hidden:\n\n{pages}"
    )


def _directive(module: str, name: str) -> str:
    dotted, value = _dotted(module, name), getattr(_find(module), name)
    if inspect.isclass(value):
        members = _members(value)
        listed = f"   :members: {', '.join(members)}\n" if members else ""
        return f".. autoclass:: {dotted}\n   :show-inheritance:\n{listed}"
    kind = "function" if callable(value) else "data"
    return f".. auto{kind}:: {dotted}\n"


def _members(cls: type) -> list[str]:
    """What a class has of its own or from ancestors without a page, but for what repeats a page."""
    names: list[str] = []
    for ancestor in inspect.getmro(cls):
        if ancestor is not cls and (ancestor.__module__.split(".")[0] != PACKAGE or _is_public(ancestor)):
            break
        for name, value in vars(ancestor).items():
            text = inspect.getdoc(value) if inspect.isroutine(value) or isinstance(value, property) else None
            if text and not name.startswith("_") and not text.startswith("As :meth:"):
                names.append(name)
    if any(_is_public(one) and one.__name__ == "Layer" for one in inspect.getmro(cls)[1:]) and not hasattr(cls, "fit"):
        return sorted(OF_LAYERS.intersection(names))
    return sorted(set(names) - ({"call"} if "forward" in names else set()))  # Keras' name of the same


@cache
def _described() -> frozenset[int]:
    return frozenset(id(value) for _, _, value in public_names())


def _is_public(cls: type) -> bool:
    return id(cls) in _described()


def _heading(text: str, underline: str = "=") -> str:
    return f"{text}\n{underline * len(text)}\n\n"


def _dotted(module: str, name: str = "") -> str:
    return ".".join(filter(None, (PACKAGE, module, name)))


def _find(module: str) -> ModuleType:
    found = importlib.import_module(PACKAGE)
    for part in filter(None, module.split(".")):
        found = getattr(found, part) if hasattr(found, part) else importlib.import_module(f"{found.__name__}.{part}")
    return found
