"""From a file's arrays to the layers' weights: a row for each, matched by name, every shape checked, every array used.

Names decide wherever an order can lie: Keras lists frozen weights after trainable ones, so that a ``Bidirectional``
with a frozen forward half stands in the file backward half first, with the same shapes.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
import torch
from torch import nn

from torch_keras_lstm.conversion.build import LAYERS
from torch_keras_lstm.conversion.containers import Arrays, ArraysByLayer, ArraysByPath
from torch_keras_lstm.conversion.dialects import Producer
from torch_keras_lstm.conversion.hdf5 import Array, SavedArray
from torch_keras_lstm.layers import Layer
from torch_keras_lstm.layers.naming import snake_case
from torch_keras_lstm.layers.weight import WeightRow
from torch_keras_lstm.recurrence.gates import GATES

# Keras 1's names of a weight end in W, U or b, and in the initial of a gate where each gate has an array of its own.
_KERAS_1_NAME = re.compile(r"(?:^|_)([WUb]|gamma|beta|running_mean|running_std|alphas)(?:_([icfozrh]))?$")
_KERAS_1_WEIGHTS = {
    "W": ["kernel", "embeddings"],
    "U": ["recurrent_kernel"],
    "b": ["bias"],
    "gamma": ["gamma"],
    "beta": ["beta"],
    "running_mean": ["moving_mean"],
    "running_std": ["moving_variance"],  # it held the variance, whatever its name
    "alphas": ["alpha"],
}
# Keras 1's letters of the gates, in the order in which Keras 2 and 3 have them side by side: LSTM's, then GRU's.
_GATE_LETTERS = (tuple(gate[0] for gate in GATES), ("z", "r", "h"))
_DIRECTIONS = {"forward_layer": "forward_", "backward_layer": "backward_"}


@dataclass(frozen=True)
class Slot:
    """A weight that a model has.

    Attributes:
        layer: the name of the layer in the model.
        path: the attributes that lead from it to the layer that owns the weight, such as ``("forward_layer",)``.
        owner: the name of that layer.
        row: the weight in its owner's table.
        shape: in Keras' layout.
    """

    layer: str
    path: tuple[str, ...]
    owner: str
    row: WeightRow
    shape: tuple[int, ...]

    def __str__(self) -> str:
        inside = f" (`{'.'.join(self.path)}` of `{self.layer}`)" if self.path else ""
        return f"weight `{self.row.name}` of layer `{self.owner}`{inside}"


@dataclass(frozen=True)
class WeightSource:
    """A row of the conversion: a slot, and the arrays of the file that fill it, side by side along the last axis."""

    slot: Slot
    arrays: tuple[SavedArray, ...]

    @property
    def part(self) -> tuple[int, ...]:
        """The shape that each of the arrays must have."""
        if len(self.arrays) == 1:
            return self.slot.shape
        *outer, last = self.slot.shape
        return (*outer, last // len(self.arrays))

    def read(self) -> Array:
        """The weight in Keras' layout."""
        parts = [array.read(self.part) for array in self.arrays]
        return np.concatenate(parts, axis=-1) if len(parts) > 1 else parts[0]

    def misfit(self) -> str | None:
        """What is wrong with the arrays' shapes or types, as a sentence part, or ``None``."""
        for array in self.arrays:
            if "float" not in array.dtype and self.slot.row.dtype is None:
                return f"{self.slot} needs floating-point numbers, but `{array.path}` holds {array.dtype}"
        if all(array.shape == self.part for array in self.arrays):
            return None
        found = ", ".join(f"`{array.path}` has {array.shape}" for array in self.arrays)
        return f"{self.slot} needs shape {self.slot.shape}, but {found}"


def slots(layers: Sequence[Layer]) -> Iterator[Slot]:
    """Every weight of built layers, in the order of Keras' ``get_weights``; their values are not looked at."""
    for layer in layers:
        for path, owner in layer.named_modules():
            if isinstance(owner, Layer):
                for row, tensor in owner.own_weights():
                    yield Slot(layer.name, tuple(filter(None, path.split("."))), owner.name, row, tuple(tensor.shape))


def match(layers: Sequence[Layer], arrays: Arrays, producer: Producer) -> list[WeightSource]:
    """The rows of the conversion, one for each weight of ``layers``, which are built.

    Raises:
        ValueError: listing every weight that the file lacks, every array of another shape and every array left over.
    """
    wanted = list(slots(layers))
    if isinstance(arrays, ArraysByLayer):
        found, leftover = _by_layer(wanted, arrays)
    else:
        found, leftover = _by_path(layers, wanted, arrays, producer)
    problems = [f"{slot} is missing" for slot in wanted if not found.get(_key(slot))]
    rows = [WeightSource(slot, found[_key(slot)]) for slot in wanted if found.get(_key(slot))]
    problems += [misfit for row in rows if (misfit := row.misfit())]
    problems += [f"array `{array.path}` {array.shape} belongs to no layer" for array in leftover]
    if problems:
        raise ValueError(f"The weights do not fit the model: {'; '.join(problems)}.")
    return rows


def fill(layers: Sequence[Layer], rows: Sequence[WeightSource]) -> None:
    """Read the arrays and put them into ``layers``, which need not be built: their weights take the rows' shapes."""
    owners = {
        (layer.name, *filter(None, path.split("."))): owner for layer in layers for path, owner in layer.named_modules()
    }
    # One layer at a time, so that a whole file's arrays are never in memory beside the model's own.
    for owner, group in groupby(rows, lambda row: (row.slot.layer, *row.slot.path)):
        state: dict[str, torch.Tensor] = {}
        for row in group:
            state |= row.slot.row.to_torch(torch.from_numpy(np.asarray(row.read(), order="C")))
        # Not strict: buffers such as the second bias of torch.nn.LSTM are in no Keras file and keep their zeros.
        owners[owner].load_state_dict(state, strict=False)


_Key = tuple[str, tuple[str, ...], str]
_Found = dict[_Key, tuple[SavedArray, ...]]


def _key(slot: Slot) -> _Key:
    return slot.layer, slot.path, slot.row.name


def _by_layer(wanted: Sequence[Slot], arrays: ArraysByLayer) -> tuple[_Found, list[SavedArray]]:
    gathered: dict[_Key, dict[str, SavedArray]] = {}
    leftover = list(arrays.unnamed)
    for layer, variables in arrays.layers.items():
        own = [slot for slot in wanted if slot.layer == layer]
        for name, array in variables.items():
            key, gate = _named(name.split("/"), own) or (None, "")
            if key is None or gate in gathered.setdefault(key, {}):
                leftover.append(array)
            else:
                gathered[key][gate] = array
    found = {}
    for key, parts in gathered.items():
        letters = next((letters for letters in (("",), *_GATE_LETTERS) if parts.keys() == set(letters)), None)
        if letters is None:
            leftover += parts.values()
        else:
            found[key] = tuple(parts[letter] for letter in letters)
    return found, leftover


def _named(parts: Sequence[str], own: Sequence[Slot]) -> tuple[_Key, str] | None:
    """The slot that a variable's name means, and the gate if the array is that of one gate."""
    # TensorFlow 1 numbered names that stood twice in its graph: kernel_1:0.
    last = re.sub(r"(_\d+)?(:\d+)?$", "", parts[-1])
    gate, names = "", [last]
    if not any(slot.row.name == last for slot in own) and (old := _KERAS_1_NAME.search(last)):
        gate, names = old[2] or "", _KERAS_1_WEIGHTS[old[1]]
    slots_of_name = [slot for slot in own if slot.row.name in names]
    if len(slots_of_name) > 1:
        slots_of_name = _in_direction(parts, slots_of_name)
    return (_key(slots_of_name[0]), gate) if len(slots_of_name) == 1 else None


def _in_direction(parts: Sequence[str], candidates: Sequence[Slot]) -> list[Slot]:
    by_name = [slot for slot in candidates if slot.owner in parts]
    if by_name:
        return by_name
    # Keras 1 and TensorFlow 1's numbering leave only the beginning of the half's name.
    scopes = [part for part in parts if part != candidates[0].layer]
    return [
        slot
        for slot in candidates
        if any(scope.startswith(_DIRECTIONS.get(name, "/")) for scope in scopes for name in slot.path)
    ]


def _by_path(
    layers: Sequence[Layer], wanted: Sequence[Slot], arrays: ArraysByPath, producer: Producer
) -> tuple[_Found, list[SavedArray]]:
    left = dict(arrays.paths)
    found: _Found = {}
    places = group_paths([(layer.name, type(layer).__name__) for layer in layers], arrays, producer)
    numbers: dict[tuple[str, tuple[str, ...]], int] = {}
    for slot in wanted:
        number = numbers.setdefault((slot.layer, slot.path), 0)
        numbers[slot.layer, slot.path] += 1
        layer = next(layer for layer in layers if layer.name == slot.layer)
        variables = _variables(layer.get_submodule(".".join(slot.path)))
        path = "/".join((places[slot.layer], *_attributes(layer, slot.path), variables, str(number)))
        array = left.pop(path, None)
        if array is not None:
            found[_key(slot)] = (array,)
    return found, list(left.values())


def _attributes(module: nn.Module, path: Sequence[str]) -> Iterator[str]:
    """The attributes of ``path`` as ``.keras`` files name them: entries of a list by their class, numbered."""
    for attribute in path:
        inner = module.get_submodule(attribute)
        if isinstance(module, nn.ModuleList):
            before = sum(type(other) is type(inner) for other in list(module)[: int(attribute)])
            attribute = snake_case(type(inner).__name__) + (f"_{before}" if before else "")
        yield attribute
        module = inner


def group_paths(layers: Iterable[tuple[str, str]], arrays: ArraysByPath, producer: Producer) -> Mapping[str, str]:
    """Where each layer's arrays stand: ``layers/lstm``, ``layers/lstm_1``, numbered by class in the model's order.

    Args:
        layers: name and class of each layer.
    """
    paths: dict[str, str] = {}
    counts: Counter[str] = Counter()
    for name, class_name in layers:
        base = snake_case(class_name)
        paths[name] = f"{arrays.root}/{base}" + (f"_{counts[base]}" if counts[base] else "")
        weighted = any(path.startswith(f"{paths[name]}/") for path in arrays.paths)
        counts[base] += 2 if weighted and producer.counts_weighted_layers_twice else 1
    return paths


def _variables(owner: Any) -> str:
    row = LAYERS.get(type(owner).__name__)
    return row.variables if row else "vars"
