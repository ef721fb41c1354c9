"""Which layer an unnamed group of arrays looks like, for a file of weights without an architecture."""

import re
from collections.abc import Iterator, Mapping
from itertools import groupby

from torch_keras_lstm.conversion.argument_kinds import ARGUMENTS
from torch_keras_lstm.conversion.arrays import Arrays, ArraysByLayer, SavedArray
from torch_keras_lstm.conversion.layer_order import without_model_name
from torch_keras_lstm.layers.naming import snake_case

UNKNOWN = "?"

_Shapes = Mapping[str, tuple[int, ...]]

_CELLS = {4: "LSTM", 3: "GRU", 1: "SimpleRNN"}
_HALVES = ("forward", "backward")
_OF_KERAS_1 = {"W": "kernel", "U": "recurrent_kernel", "b": "bias"}
_BY_INDEX = ("kernel", "recurrent_kernel", "bias")


def groups(arrays: Arrays) -> Iterator[tuple[str, str, Mapping[str, SavedArray]]]:
    """Each layer of a file: its name or place, what it looks like, and its arrays by their names in the layer."""
    if isinstance(arrays, ArraysByLayer):
        yield from _named(arrays.layers)
        return
    for place, group in groupby(arrays.paths.items(), lambda item: "/".join(item[0].split("/")[:2])):
        variables = {path.removeprefix(f"{place}/"): array for path, array in group}
        yield place, _of_class(place, variables), variables


def _named(layers: Mapping[str, Mapping[str, SavedArray]]) -> Iterator[tuple[str, str, Mapping[str, SavedArray]]]:
    found = [
        (layer, _looks_like({name: array.shape for name, array in variables.items()}), variables)
        for layer, variables in layers.items()
        if variables
    ]
    if len(found) == 1 and found[0][1] == UNKNOWN:
        inner = without_model_name(found[0][2])
        if len(inner) > 1:
            return _named(inner)
    return iter(found)


def _of_class(place: str, variables: Mapping[str, SavedArray]) -> str:
    """What a group of a ``.weights.h5`` holds: its class is in its name, and its arrays have numbers."""
    base = re.sub(r"(?<=[a-z0-9])_\d+$", "", place.split("/")[-1])
    class_name = {snake_case(name): name for name in ARGUMENTS}.get(base, base)
    shapes = {
        re.sub(r"vars/(\d+)$", lambda found: _BY_INDEX[min(int(found[1]), 2)], name): array.shape
        for name, array in variables.items()
        if "cell/vars/" in name
    }
    return _looks_like(shapes) if shapes else class_name


def _looks_like(shapes: _Shapes) -> str:
    halves = [{name: shape for name, shape in shapes.items() if re.search(rf"(^|/){half}_", name)} for half in _HALVES]
    if all(halves) and len(halves[0]) + len(halves[1]) == len(shapes):
        return f"Bidirectional of {_looks_like({_last(name): shape for name, shape in halves[0].items()})}"
    named = {_last(name): shape for name, shape in shapes.items()}
    if len(named) < len(shapes):
        return UNKNOWN  # several layers in one group
    for layer, gates in (("LSTM", "icfo"), ("GRU", "zrh")):
        if set(named) >= {f"U_{gate}" for gate in gates}:
            return f"{layer} with {named[f'U_{gates[0]}'][0]} units (Keras 1 layout)"
    if set(named) == {"W"}:
        embedding = any("embedding" in name for name in shapes)
        named = {"embeddings" if embedding else "kernel": named["W"]}
    named = {_OF_KERAS_1.get(name, name): shape for name, shape in named.items()}
    if "recurrent_kernel" in named:
        return _recurrent(named)
    return _plain(named)


def _recurrent(named: _Shapes) -> str:
    kernel, bias = named["recurrent_kernel"], named.get("bias")
    if len(kernel) > 2:
        return f"ConvLSTM{len(kernel) - 2}D with {kernel[-2]} filters"
    if len(kernel) != 2 or not kernel[0] or kernel[1] % kernel[0] or kernel[1] // kernel[0] not in _CELLS:
        return UNKNOWN
    layout = " (CuDNN layout)" if bias == (2 * kernel[1],) else ""
    return f"{_CELLS[kernel[1] // kernel[0]]} with {kernel[0]} units{layout}"


def _plain(named: _Shapes) -> str:
    if named.keys() == {"embeddings"} and len(named["embeddings"]) == 2:
        return "Embedding of {} words in {} dimensions".format(*named["embeddings"])
    if named.keys() >= {"moving_mean", "moving_variance"}:
        return "BatchNormalization"
    if named.keys() <= {"gamma", "beta"}:
        return "LayerNormalization"
    kernel = named.get("kernel", ())
    if named.keys() > {"kernel", "bias"} or len(kernel) not in (2, 3, 4, 5):
        return UNKNOWN
    return f"Dense with {kernel[1]} units" if len(kernel) == 2 else f"Conv{len(kernel) - 2}D with {kernel[-1]} filters"


def _last(name: str) -> str:
    """The weight that a variable's name ends in, without TensorFlow's numbers: ``kernel``, or Keras 1's ``U_i``."""
    last = re.sub(r"(_\d+)?(:\d+)?$", "", name.split("/")[-1])
    old = re.search(r"(?:^|_)([WUb](?:_[icfozrh])?)$", last)
    return old[1] if old else last
