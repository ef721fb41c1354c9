"""``model.summary()``: a table of the layers in Keras' layout, drawn by rich."""

import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from torch_keras_lstm.layers.layer import Layer
from torch_keras_lstm.training.model_size import Size, sizes

_CHAIN = (88, ["Layer (type)", "Output Shape", "Param #"], [0.45, 0.80, 1.0])
_GRAPH = (108, ["Layer (type)", "Output Shape", "Param #", "Connected to"], [0.3, 0.56, 0.74, 1.0])
_JUSTIFY: dict[str, Any] = {"Param #": "right", "Trainable": "center"}


def print_summary(
    model: Any,
    line_length: int | None = None,
    positions: Sequence[float] | None = None,
    print_fn: Callable[[str], object] | None = None,
    expand_nested: bool = False,
    show_trainable: bool = False,
    layer_range: tuple[str, str] | None = None,
) -> None:
    """Print the layers of ``model``, their shapes and numbers of weights.

    Args:
        model: a model.
        line_length: the width; by default Keras', if the terminal has it.
        positions: where the columns end, as shares of the width.
        print_fn: called with the text; without, it goes to the terminal, in colours.
        expand_nested: list the layers inside layers too.
        show_trainable: add a column that says which layers are trained.
        layer_range: regular expressions for the names of the first and the last layer to list.

    Raises:
        ValueError: when the width is too small, or no layer is named like ``layer_range``.
    """
    from rich.console import Console  # rich draws, which is not what a model needs to run
    from rich.table import Table

    connections = model.connections()
    width, titles, ends = _CHAIN if connections is None else _GRAPH
    ends = list(positions or ends)
    if show_trainable:
        width, titles, ends = width + 12, [*titles, "Trainable"], [*(end * 0.90 for end in ends), 1.0]
    width = line_length or min(width, shutil.get_terminal_size().columns - 4)
    table = Table(width=width, show_lines=True)
    for title, column in zip(titles, _widths(ends, width), strict=True):
        table.add_column(title, justify=_JUSTIFY.get(title, "left"), width=column)
    for cells in _rows(_between(model.listed_layers(), layer_range), model, connections, expand_nested):
        table.add_row(*(cells[title] for title in titles))
    console = Console(highlight=False) if print_fn is None else Console(highlight=False, color_system=None)
    with console.capture() as captured:
        console.print(f'[bold]Model: "{_escaped(model.name)}"[/]')
        console.print(table)
        for title, size in sizes(model).items():
            console.print(f"[bold] {title} params: [/]{_number(f'{size.entries:,}')} ({_readable(size)})")
    (print_fn or _write)(captured.get())


def _widths(ends: Iterable[float], width: int) -> list[int]:
    widths: list[int] = []
    for end in ends:
        widths.append(int(end * width) - sum(widths))
    if min(widths) < 4:
        raise ValueError(f"A summary does not fit into {width} columns: give a larger `line_length`.")
    return widths


def _between(layers: Iterable[Layer], names: tuple[str, str] | None) -> list[Layer]:
    """The layers from the first to the last one named like either of ``names``."""
    listed = list(layers)
    if names is None:
        return listed
    places = [[place for place, layer in enumerate(listed) if re.match(name, layer.name)] for name in names]
    if not all(places):
        raise ValueError(f"`layer_range` is {names}, but the layers are {', '.join(layer.name for layer in listed)}.")
    return listed[min(map(min, places)) : max(map(max, places)) + 1]


def _rows(
    layers: Iterable[Layer], model: Any, connections: Mapping[str, Any] | None, expand_nested: bool, depth: int = 0
) -> Iterator[dict[str, str]]:
    """The cells of each layer by the titles of their columns."""
    shapes = model.layer_output_shapes()
    for layer in layers:
        prefix = "   " * depth + "└ " if depth else ""
        kind = f"[color(33)]{_escaped(getattr(layer, 'operation', type(layer).__name__))}[/]"
        sources = (connections or {}).get(layer.name, [])
        yield {
            "Layer (type)": f"{prefix}{_escaped(layer.name)} ({kind})",
            "Output Shape": _shape(shapes[layer.name]) if layer.name in shapes else "?",
            "Param #": _number(f"{layer.count_params():,}") if layer.built else f"{_number(0)} (unbuilt)",
            "Connected to": ", ".join(f"{one.layer}[{_number(one.call)}][{_number(one.output)}]" for one in sources)
            or "-",
            "Trainable": _trainable(layer),
        }
        if expand_nested and hasattr(layer, "layer_output_shapes"):
            inner: Any = layer
            yield from _rows(inner.layers, inner, connections, expand_nested, depth + 1)


def _shape(shape: Any) -> str:
    if all(size is None or isinstance(size, int) for size in shape):
        return f"({', '.join(map(_number, shape))})"
    return f"[{', '.join(map(_shape, shape.values() if isinstance(shape, Mapping) else shape))}]"


def _trainable(layer: Layer) -> str:
    if not layer.built or not any(True for _ in layer.weighted_layers()):
        return "[bold]-[/]"
    return "[bold][color(34)]Y[/][/]" if layer.trainable else "[bold][color(9)]N[/][/]"


def _number(value: object) -> str:
    return f"[color({45 if value is None else 34})]{value}[/]"


def _readable(size: Size) -> str:
    value, units = float(size.bytes), ["B", "KB", "MB", "GB", "TB", "PB"]
    while value >= 1024 and len(units) > 1:
        value, units = value / 1024, units[1:]
    return f"{value:.2f} {units[0]}"


def _escaped(name: str) -> str:
    from rich.markup import escape

    return escape(name)


def _write(text: str) -> None:
    print(text, end="")
