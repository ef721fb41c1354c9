"""A model as a Python file that needs torch alone: ``model.py``, to be read and changed, and its weights ``model.pt``.

The file has one ``torch.nn.Module``: torch's own modules where they compute what Keras computes, a short loop over the
steps where they do not, masks as tensors that are passed on. What a layer is written as stands in
:mod:`torch_keras_lstm.conversion.source_rows`, what it may call in :mod:`torch_keras_lstm.conversion.source_parts`.
"""

import ast
import inspect
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from torch_keras_lstm._version import __version__
from torch_keras_lstm.conversion import (
    source_attention,
    source_further,
    source_merging,
    source_operations,
    source_parts,
    source_recurrent,
    source_rows,
    source_spatial,
)
from torch_keras_lstm.conversion.converted_folder import whole_folder
from torch_keras_lstm.conversion.custom_layers import CustomObjects
from torch_keras_lstm.conversion.loading import PathLike, load_model
from torch_keras_lstm.conversion.loading import inspect as report_on_file
from torch_keras_lstm.conversion.report import Report
from torch_keras_lstm.conversion.source_text import wrapped
from torch_keras_lstm.conversion.source_writer import ROWS, Call, Value, Writer
from torch_keras_lstm.conversion.sources import naming
from torch_keras_lstm.layers import Embedding, InputLayer, Layer, TimeDistributed
from torch_keras_lstm.models import Functional, Model, OperationLayer, Sequential
from torch_keras_lstm.models.graph import TensorSource, map_sources, sources_in
from torch_keras_lstm.models.model import as_layer
from torch_keras_lstm.structure import flatten, map_leaves

SOURCE, WEIGHTS = "model.py", "model.pt"
# the modules whose rows are in the table; each adds its own when it is imported
_TABLES = (
    source_attention,
    source_further,
    source_merging,
    source_operations,
    source_recurrent,
    source_rows,
    source_spatial,
)

_MARK = "Written by torch_keras_lstm"
_HEAD = '''"""{title}

{mark} {version}; needs torch alone.

    >>> model = load()  # in evaluation mode
    >>> model({example}){answer}

It is for inference: of Keras' dropout and noise none is left. Weights can be trained on all the same.
"""

{imports}

WEIGHTS = Path(__file__).with_name("{weights}")
'''

_RESET = '''

    def reset_states(self) -> None:
        """Start the next call from zeros."""
        self.states.clear()'''

_LOAD = '''

def load(path: str | Path = WEIGHTS) -> Model:
    """The model with its weights, in evaluation mode."""
    model = Model(){cast}
    model.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    return model.eval()
'''


def is_written(path: Path) -> bool:
    """Whether ``path`` is a folder with what :func:`write_source` writes, and nothing else."""
    if not path.is_dir() or {entry.name for entry in path.iterdir()} - {"__pycache__"} != {SOURCE, WEIGHTS}:
        return False
    return _MARK in (path / SOURCE).read_text("utf-8", errors="replace")[:2000]


def source_of(model: Model, title: str) -> tuple[str, dict[str, Tensor]]:
    """The text of ``model.py``, and the ``state_dict`` of its ``Model``.

    Args:
        model: a ``Sequential`` or ``Functional`` whose input shape is known.
        title: what the file says of itself in its first line.

    Raises:
        ValueError: naming a layer that has no plain form.
    """
    # The first walk finds which layers a mask reaches: torch's own modules take none.
    dtype = _dtype_of(model)
    draft = _Walk(frozenset(), dtype)
    draft.model(model)
    walk = _Walk(frozenset(draft.writer.masked), dtype)
    inputs, outputs = walk.model(model)
    writer = walk.writer
    example = ", ".join(_example(value) for value in inputs)
    answer = ""
    if isinstance(outputs, Value):
        sizes = [*outputs.shape[1:]]
        answer = f".shape\n    torch.Size({[2, *sizes]})" if None not in sizes else ""
    # The file may come from a stranger, and what it says of itself must not end the text that it stands in.
    title = re.sub(r"[^A-Za-z0-9 _.,:()+-]", "_", title)
    body = "\n\n\n".join([*_parts(writer.parts), _module(walk, inputs, outputs)])
    head = _HEAD.format(
        title=title,
        mark=_MARK,
        version=__version__,
        example=example,
        answer=answer,
        imports=_imports(body),
        weights=WEIGHTS,
    )
    return f"{head}\n\n{body}\n{_LOAD.format(cast=_cast(dtype))}", writer.state


def _dtype_of(model: Model) -> torch.dtype:
    """The type of the weights, and of the layers in a model without any."""
    layers = [
        layer for layer in model.modules() if isinstance(layer, Layer) and not isinstance(layer, InputLayer | Model)
    ]
    return next((tensor.dtype for tensor in model.parameters()), layers[0]._dtype if layers else torch.float32)


def _write(directory: Path, text: str, state: Mapping[str, Tensor]) -> None:
    with whole_folder(directory) as part:
        (part / SOURCE).write_text(text, encoding="utf-8")
        torch.save(dict(state), part / WEIGHTS)


class _Walk:
    """Over a model's calls in their order, each of which adds its lines."""

    def __init__(self, masked: frozenset[Layer], dtype: torch.dtype) -> None:
        self.writer = Writer(masked, self.call, _definitions())
        self.dtype = dtype

    def model(self, model: Model) -> tuple[list[Value], Any]:
        """The arguments of ``forward``, and what it returns in the model's structure."""
        if isinstance(model, Sequential):
            shapes = model.input_shape
            inputs = [self._input("x", tuple(shapes), model.layers[0])]
            return inputs, self.chain(model, inputs[0])
        if not isinstance(model, Functional):
            raise ValueError(f"A model of class {type(model).__name__} has no graph that could be written as PyTorch.")
        ends = [*sources_in(model.graph.inputs)]
        inputs = []
        for end in ends:
            layer = model._layer(end.layer)
            assert isinstance(layer, InputLayer)
            takers = [name for name, calls in model.graph.calls.items() for call in calls if end in [*call.sources()]]
            name = layer.name if len(ends) > 1 else "x"
            taker = model._layer(takers[0]) if takers else None
            inputs.append(self._input(name, tuple(layer.batch_input_shape or ()), taker))
        return inputs, self.graph(model, dict(zip(ends, inputs, strict=True)))

    def _input(self, name: str, shape: tuple[int | None, ...], taker: Any) -> Value:
        text = self.writer.variable(name)
        while isinstance(taker, TimeDistributed | Sequential):
            taker = taker.layer if isinstance(taker, TimeDistributed) else taker.layers[0]
        is_index = isinstance(taker, Embedding)
        return Value(text, None, shape, is_index, torch.int64 if is_index else torch.float32)

    def chain(self, model: Sequential, value: Any) -> Any:
        """What a ``Sequential`` gives."""
        for layer in map(as_layer, model.layers):
            value = self.call(layer, Call((value,), {}))
        return value

    def graph(self, model: Functional, values: dict[TensorSource, Any]) -> Any:
        """What a ``Functional`` gives, in the structure of its outputs."""
        for name, number in model._order:
            call = model.graph.calls[name][number]
            args, kwargs = map_sources(values.__getitem__, [list(call.args), dict(call.kwargs)])
            given = self.call(model._layer(name), Call(tuple(args), kwargs))
            values |= {TensorSource(name, number, index): value for index, value in enumerate(flatten(given))}
        return map_sources(values.__getitem__, model.graph.outputs)

    def call(self, layer: Layer, call: Call) -> Any:
        """What a layer gives for such arguments."""
        if isinstance(layer, Sequential):
            return self.chain(layer, call.args[0])
        if isinstance(layer, Functional):
            ends = [*sources_in(layer.graph.inputs)]
            return self.graph(layer, dict(zip(ends, flatten(call.args[0]), strict=True)))
        if isinstance(layer, InputLayer):
            return call.args[0]
        row = ROWS.get(type(layer).__name__)
        if row is None or layer._is_own:
            raise ValueError(f"Layer `{layer.name}` ({type(layer).__name__}) cannot be written as plain PyTorch yet.")
        if layer.compute_dtype != layer.dtype or layer._dtype is not self.dtype:
            raise ValueError(
                f"Layer `{layer.name}` cannot be written as plain PyTorch: the layers are of several types."
            )
        if not isinstance(layer, OperationLayer):
            args = map_leaves(Value, self._as_numbers, [*call.args])
            call = call if isinstance(layer, Embedding) else call._replace(args=tuple(args))
        return row(self.writer, layer, call)

    def _as_numbers(self, value: Value) -> Value:
        """What a layer makes of truth values and integers among its inputs."""
        if value.dtype.is_floating_point:
            return value
        return replace(
            value, text=f"{value.text}{_cast(self.dtype) or '.float()'}", is_index=False, dtype=torch.float32
        )


def _module(walk: _Walk, inputs: Sequence[Value], outputs: Any) -> str:
    writer = walk.writer
    returned, annotation = _returned(outputs)
    made = [*writer.modules]
    if writer.keeps:
        made.append("self.states: dict[str, tuple[Tensor, ...]] = {}  # what the next call goes on from")
    lines = [
        "class Model(nn.Module):",
        '    """The model.',
        "",
        "    Args of a call:",
        *(f"        {value.text}: {_described(value)}" for value in inputs),
        '    """',
        "",
        "    def __init__(self) -> None:",
        "        super().__init__()",
        *(wrapped(line, 8) for line in made),
        "",
        f"    def forward(self, {', '.join(f'{value.text}: Tensor' for value in inputs)}) -> {annotation}:",
        *(wrapped(line, 8) for line in (*_casts(inputs, walk.dtype), *writer.lines)),
        f"        return {returned}",
    ]
    return "\n".join(lines) + (_RESET if writer.keeps else "")


def _imports(body: str) -> str:
    """The lines of imports that the text needs, and the end of it."""
    used = {node.id for node in ast.walk(ast.parse(body)) if isinstance(node, ast.Name)}
    abstract = [name for name in ("Callable", "Sequence") if name in used]
    lines = [f"from collections.abc import {', '.join(abstract)}"] if abstract else []
    lines += ["from pathlib import Path", "", "import torch", "from torch import Tensor, nn"]
    return "\n".join([*lines, *(["from torch.nn import functional as F"] if "F" in used else [])])


def _casts(inputs: Sequence[Value], dtype: torch.dtype) -> list[str]:
    """The lines that come first: numbers and indices of whatever type."""
    wanted = _cast(dtype) or ".float()"
    return [f"{one.text} = {one.text}{'.long()' if one.is_index else wanted}" for one in inputs]


def _cast(dtype: torch.dtype) -> str:
    return "" if dtype is torch.float32 else f".to({dtype})"


def _returned(outputs: Any) -> tuple[str, str]:
    if isinstance(outputs, Value):
        return outputs.text, "Tensor"
    if isinstance(outputs, Mapping):
        return "{" + ", ".join(
            f"{name!r}: {_returned(one)[0]}" for name, one in outputs.items()
        ) + "}", "dict[str, Tensor]"
    return "[" + ", ".join(_returned(one)[0] for one in outputs) + "]", "list[Tensor]"


def _described(value: Value) -> str:
    sizes = ", ".join("batch" if place == 0 else str(size or "any") for place, size in enumerate(value.shape))
    return f"({sizes}), {'indices' if value.is_index else 'numbers'}"


def _example(value: Value) -> str:
    sizes = ", ".join(str(size or 2) for size in value.shape)
    return f"torch.zeros({sizes}, dtype=torch.int64)" if value.is_index else f"torch.randn({sizes})"


@cache
def _definitions() -> Mapping[str, tuple[str, frozenset[str]]]:
    """Each part's text, and the names that it uses."""
    text = inspect.getsource(source_parts)
    found = {}
    for node in ast.parse(text).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            used = frozenset(name.id for name in ast.walk(node) if isinstance(name, ast.Name))
            found[node.name] = (ast.get_source_segment(text, node) or "", used)
    return found


def _parts(wanted: Sequence[str]) -> list[str]:
    """The texts of parts and of those that they name, in the order in which they are defined."""
    definitions = _definitions()
    needed: set[str] = set()
    pending = [*wanted]
    while pending:
        name = pending.pop()
        if name not in needed:
            needed.add(name)
            pending += definitions.keys() & definitions[name][1]
    return [text for name, (text, _) in definitions.items() if name in needed]


def convert_to_source(
    path: PathLike,
    directory: PathLike,
    weights: PathLike | None = None,
    force: bool = False,
    custom_objects: CustomObjects | None = None,
) -> Report:
    """Convert a Keras model file into a folder of ``model.py`` and ``model.pt``, which need torch alone.

    ``model.py`` has one ``torch.nn.Module``, written to be read and changed: torch's own modules where they compute
    what Keras computes, a loop over the steps where they do not, masks and all. ``load()`` in it gives the model.

    Args:
        path: as in :func:`load_model`, a folder that ``convert`` wrote included; so are ``weights`` and
            ``custom_objects``.
        directory: the folder to write, wholly or not at all.
        force: replace what was written into ``directory`` before.

    Raises:
        FileExistsError: when ``directory`` is not empty, and ``force`` is not given or it holds something else.
        ValueError: as :func:`load_model`, and naming a layer that has no plain form.
        OSError: as :func:`load_model`.
    """
    path, directory = Path(path), Path(directory)
    if directory.exists() and not (directory.is_dir() and not any(directory.iterdir())):
        if not is_written(directory):
            raise FileExistsError(f"{directory}: holds something else than a model's source, so it is not overwritten.")
        if not force:
            raise FileExistsError(f"{directory}: holds a model already. Pass `--force` (`force=True`) to replace it.")
    report = report_on_file(path, weights, custom_objects, dtype_policy="float32")
    model = load_model(path, weights, custom_objects, dtype_policy="float32")
    with naming(path):
        text, state = source_of(model, f"The model of {path.name}: {report.written_by}.")
    _write(directory, text, state)
    return report
