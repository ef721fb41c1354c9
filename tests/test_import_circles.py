"""No module imports itself through others, not for annotations nor inside of calls, but where Keras' API asks it."""

import ast
from collections.abc import Iterator
from pathlib import Path

import torch_keras_lstm

ROOT = Path(torch_keras_lstm.__file__).parent

# From which module to which, and why; each stands inside of a call.
ALLOWED = {
    ("layers.keras_tensor", "layers.operation_layer"): "`tensor * 2` of a symbolic tensor is a call of a layer",
    ("models.model", "models.functional"): "`Model(inputs, outputs)` makes a functional model",
    ("models.model", "models.saving"): "`model.save`, `model.load_weights`, `model.to_json`",
    ("models.saving", "conversion"): "`models.load_model`, `models.save_model`: the converter makes models",
}


def modules() -> dict[str, Path]:
    """The modules of the package and of the converter by their names without the package's."""
    found = {}
    for path in ROOT.rglob("*.py"):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    for path in (ROOT / "conversion").glob("*.py"):  # a link, which `rglob` does not follow everywhere
        found[("conversion." + path.stem).removesuffix(".__init__")] = path
    return found


def imports(path: Path, known: dict[str, Path]) -> Iterator[str]:
    """What a file imports of the package, at its top, for annotations and inside of functions."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == ROOT.name:
            module = (node.module or "").partition(".")[2]
            for name in node.names:
                inner = f"{module}.{name.name}".removeprefix(".")
                yield inner if inner in known else module
        elif isinstance(node, ast.Import):
            yield from (name.name.partition(".")[2] for name in node.names if name.name.split(".")[0] == ROOT.name)


def graph() -> dict[str, set[str]]:
    """What each module imports, but for the package itself, which has all public names."""
    known = modules()
    return {name: {*imports(path, known)} & known.keys() - {"", name} for name, path in known.items() if name}


def circles(edges: dict[str, set[str]]) -> list[list[str]]:
    """The sets of modules that reach each other (Tarjan 1972)."""
    order: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(name: str) -> None:
        order[name] = lowest[name] = len(order)
        stack.append(name)
        for other in sorted(edges[name]):
            if other not in order:
                visit(other)
                lowest[name] = min(lowest[name], lowest[other])
            elif other in stack:
                lowest[name] = min(lowest[name], order[other])
        if lowest[name] == order[name]:
            place = stack.index(name)
            if len(stack) > place + 1:
                found.append(sorted(stack[place:]))
            del stack[place:]

    for name in sorted(edges):
        if name not in order:
            visit(name)
    return found


def test_no_circles_but_those_of_keras() -> None:
    edges = graph()
    assert "conversion.loading" in edges, "the converter is looked at too"
    for module, imported in ALLOWED:
        edges[module].remove(imported)
    assert circles(edges) == []
    for (module, imported), why in ALLOWED.items():
        edges[module].add(imported)
        assert circles(edges), f"{module} may import {imported} as all others do: {why}"
        edges[module].remove(imported)
