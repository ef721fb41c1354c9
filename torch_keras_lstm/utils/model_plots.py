"""``keras.utils.plot_model`` and ``model_to_dot``: a model as a picture, drawn by Graphviz."""

import json
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from html import escape
from itertools import pairwise
from pathlib import Path
from typing import Any

from torch_keras_lstm.layers import Layer
from torch_keras_lstm.models import Functional, Model, Sequential
from torch_keras_lstm.models.model import as_layer

_MISSING = (
    "Drawing a model takes Graphviz, whose program `dot` is not on the path: install it (`apt install graphviz`, "
    "`brew install graphviz`, https://graphviz.org/download), or draw the text that `model_to_dot` gives elsewhere."
)


class Dot:
    """A graph in Graphviz' language: ``str()`` or ``to_string()`` gives the text, :meth:`write` a picture."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = list(lines)

    def to_string(self) -> str:
        """The text."""
        return "\n".join(self._lines) + "\n"

    __str__ = to_string

    def create(self, prog: str = "dot", format: str = "png") -> bytes:
        """A picture, drawn by Graphviz.

        Raises:
            ImportError: when Graphviz is not there.
            ValueError: when it refuses the graph or the kind of picture.
        """
        program = shutil.which(prog)
        if program is None:
            raise ImportError(_MISSING)
        run = subprocess.run(
            [program, f"-T{format}"], input=self.to_string().encode(), capture_output=True, check=False
        )
        if run.returncode:
            raise ValueError(f"Graphviz refused to draw the model: {run.stderr.decode(errors='replace').strip()}")
        return run.stdout

    def write(self, path: str | Path, prog: str = "dot", format: str | None = None) -> None:
        """Draw a picture into a file, of the kind that its suffix names; the text itself into ``.dot``."""
        path = Path(path)
        kind = format or path.suffix.removeprefix(".") or "png"
        path.write_bytes(self.to_string().encode() if kind in ("dot", "raw") else self.create(prog, kind))


def model_to_dot(
    model: Model,
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = True,
    rankdir: str = "TB",
    expand_nested: bool = False,
    dpi: int = 200,
    subgraph: bool = False,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
    splines: str = "ortho",
    **kwargs: Any,
) -> Dot:
    """A model as a graph in Graphviz' language.

    Args:
        model: a built ``Sequential`` or functional model; of another one the layers stand without what joins them.
        show_shapes: the shape of what each layer gives.
        show_dtype: its type.
        show_layer_names: the layers' names.
        rankdir: "TB" from top to bottom, "LR" from left to right.
        expand_nested: draw the layers of models inside, each in a frame.
        dpi: dots per inch.
        subgraph: give the layers alone, for a graph around them.
        show_layer_activations: the layers' activation functions.
        show_trainable: whether layers are trained.
        splines: how lines are drawn, such as "ortho" or "curved".

    Raises:
        ValueError: for a model that is not built, or an unknown argument.
    """
    if kwargs:
        raise ValueError(f"`model_to_dot` has no argument {next(iter(kwargs))!r}.")
    if not model.built:
        raise ValueError(f"Model `{model.name}` is not built: call it, or `build(input_shape)`, before it is drawn.")
    shown = _Shown(show_shapes, show_dtype, show_layer_names, show_layer_activations, show_trainable, expand_nested)
    lines = [*shown.model(model, "")]
    if subgraph:
        return Dot([f"subgraph {_quoted(f'cluster_{model.name}')} {{", *lines, "}"])
    graph = f"graph [rankdir={rankdir}, dpi={dpi}, splines={splines}, concentrate=true];"
    return Dot(["digraph model {", graph, 'node [shape=plaintext, fontname="Helvetica"];', *lines, "}"])


def plot_model(
    model: Model,
    to_file: str | Path = "model.png",
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = False,
    rankdir: str = "TB",
    expand_nested: bool = False,
    dpi: int = 200,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
    splines: str = "ortho",
    **kwargs: Any,
) -> Any:
    """Draw a model into a file.

    Args:
        model: a built ``Sequential`` or functional model; of another one the layers stand without what joins them.
        to_file: the file; its suffix says what kind of picture. ``.dot`` is the text, for which nothing is needed.

    Returns:
        In a notebook with IPython the picture, else ``None``.

    Raises:
        ImportError: when Graphviz is not there.
        ValueError: for a model that is not built, or another kind of picture.
    """
    dot = model_to_dot(
        model,
        show_shapes,
        show_dtype,
        show_layer_names,
        rankdir,
        expand_nested,
        dpi,
        False,
        show_layer_activations,
        show_trainable,
        splines,
        **kwargs,
    )
    dot.write(to_file)
    return None


class _Shown:
    """What is written into the box of a layer, and the boxes of a model."""

    def __init__(
        self, shapes: bool, dtype: bool, names: bool, activations: bool, trainable: bool, nested: bool
    ) -> None:
        self.shapes, self.dtype, self.names = shapes, dtype, names
        self.activations, self.trainable, self.nested = activations, trainable, nested

    def model(self, model: Model, prefix: str) -> Iterator[str]:
        """The boxes of a model's layers, and the arrows between them."""
        layers = [*map(as_layer, model.layers)]
        shapes = model.layer_output_shapes()
        for layer in layers:
            if self.nested and isinstance(layer, Functional | Sequential):
                yield f"subgraph {_quoted(f'cluster_{prefix}{layer.name}')} {{ label={_quoted(layer.name)};"
                yield from self.model(layer, f"{prefix}{layer.name}/")
                yield "}"
            else:
                yield f"{_quoted(prefix + layer.name)} [label=<{self._table(layer, shapes.get(layer.name))}>];"
        for before, after in _arrows(model, layers):
            first, second = self._end(before, prefix, last=True), self._end(after, prefix, last=False)
            yield f"{_quoted(first)} -> {_quoted(second)};"

    def _end(self, layer: Layer, prefix: str, last: bool) -> str:
        """The box that an arrow meets, which is inside of a model that is drawn with its layers."""
        name = f"{prefix}{layer.name}"
        if not self.nested or not isinstance(layer, Functional | Sequential):
            return name
        layers = [*map(as_layer, layer.layers)]
        return self._end(layers[-1 if last else 0], f"{name}/", last)

    def _table(self, layer: Layer, shape: Any) -> str:
        head = type(layer).__name__
        if self.names:
            head = f"{layer.name} ({head})"
        rows = [f'<tr><td bgcolor="black"><font color="white"><b>{escape(head)}</b></font></td></tr>']
        activation = getattr(layer, "activation", None)
        if self.activations and activation is not None:
            rows.append(_row(f"Activation: {getattr(activation, '__name__', type(activation).__name__)}"))
        if self.shapes:
            rows.append(_row(f"Output shape: {'?' if shape is None else shape}"))
        if self.dtype:
            rows.append(_row(f"Output dtype: {layer.dtype}"))
        if self.trainable:
            rows.append(_row("Trainable" if layer.trainable else "Non-trainable"))
        return f'<table border="0" cellborder="1" cellspacing="0" cellpadding="6">{"".join(rows)}</table>'


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _row(text: str) -> str:
    return f"<tr><td>{escape(text)}</td></tr>"


def _arrows(model: Model, layers: list[Layer]) -> Iterator[tuple[Layer, Layer]]:
    connections = model.connections()
    if connections is None and (isinstance(model, Sequential) or len(layers) > 1):
        yield from pairwise(layers)
    by_name = {layer.name: layer for layer in layers}
    for name, sources in (connections or {}).items():
        for before in dict.fromkeys(source.layer for source in sources):
            if before in by_name and name in by_name:
                yield by_name[before], by_name[name]
