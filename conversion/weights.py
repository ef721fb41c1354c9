"""From a file's arrays to the layers' weights: a row for each, matched by name, every shape checked, every array used.

Names decide wherever an order can lie: Keras lists frozen weights after trainable ones, so that a ``Bidirectional``
with a frozen forward half stands in the file backward half first, with the same shapes.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

import numpy as np
import torch

from torch_keras_lstm.conversion.build import LAYERS
from torch_keras_lstm.conversion.containers import Arrays, ArraysByLayer, ArraysByPath
from torch_keras_lstm.conversion.dialects import Generation, Producer
from torch_keras_lstm.conversion.hdf5 import Array, SavedArray
from torch_keras_lstm.layers import Layer
from torch_keras_lstm.layers.conv_base import ConvBase
from torch_keras_lstm.layers.naming import snake_case
from torch_keras_lstm.layers.weight import WeightRow
from torch_keras_lstm.recurrence.gates import GATES

# Keras 1's names of a weight end in W, U or b, and in the initial of a gate where each gate has an array of its own.
_KERAS_1_NAME = re.compile(r"(?:^|_)([WUb])(?:_([icfo]))?$")
_KERAS_1_WEIGHTS = {"W": ["kernel", "embeddings"], "U": ["recurrent_kernel"], "b": ["bias"]}
# tf.keras' name of what Keras 3 calls the kernel of a depthwise convolution
_OTHER_NAMES = {"depthwise_kernel": "kernel"}
_GATE_INITIALS = tuple(gate[0] for gate in GATES)
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
            if "float" not in array.dtype:
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
    owners = {layer.name: layer for layer in layers}
    for convert in _conversions_of_kernels(arrays, producer):
        rows = [
            convert(row, owner) if isinstance(owner, ConvBase) and row.slot.row.name.endswith("kernel") else row
            for row in rows
            for owner in (owners[row.slot.layer].get_submodule(".".join(row.slot.path)),)
        ]
    problems += [misfit for row in rows if (misfit := row.misfit())]
    problems += [f"array `{array.path}` {array.shape} belongs to no layer" for array in leftover]
    if problems:
        raise ValueError(f"The weights do not fit the model: {'; '.join(problems)}.")
    return rows


def _conversions_of_kernels(
    arrays: Arrays, producer: Producer
) -> Iterator[Callable[[WeightSource, ConvBase], WeightSource]]:
    """What Keras 2 did to the kernels of convolutions that it read (``keras/engine/saving.py``)."""
    if producer.generation is Generation.KERAS_1:
        yield _from_keras_1
    if isinstance(arrays, ArraysByLayer) and arrays.flipped_kernels:
        yield _flipped


def _from_keras_1(source: WeightSource, owner: ConvBase) -> WeightSource:
    *window, _, filters = source.part
    arrays = []
    for array in source.arrays:
        if len(window) == 1 and len(array.shape) == 4:
            # (window, 1, in, out), an image of one column; before 1.0.7 (out, in, window, 1)
            newer = array.shape[:2] == (window[0], 1) and array.shape[3] == filters
            arrays.append(_moved(array, (0, 1, 2, 3) if newer else (2, 3, 1, 0), dropped=1))
        elif len(window) > 1 and owner.data_format == "channels_first" and len(array.shape) == len(source.part):
            arrays.append(_moved(array, (*range(2, len(array.shape)), 1, 0)))  # Theano's (out, in, *window)
        else:
            arrays.append(array)
    return WeightSource(source.slot, tuple(arrays))


def _moved(array: SavedArray, axes: tuple[int, ...], dropped: int | None = None) -> SavedArray:
    """The array with its axes in another order, one of them (of size 1, or it stays) left out."""
    shape = tuple(array.shape[axis] for axis in axes)
    if dropped is not None and shape[dropped] == 1:
        shape = (*shape[:dropped], *shape[dropped + 1 :])
    return replace(array, shape=shape, _read=lambda: array.read(array.shape).transpose(axes).reshape(shape))


def _flipped(source: WeightSource, owner: ConvBase) -> WeightSource:
    return WeightSource(source.slot, tuple(_turned(array, owner.rank) for array in source.arrays))


def _turned(array: SavedArray, rank: int) -> SavedArray:
    """The array backwards along its first ``rank`` axes."""
    return replace(array, _read=lambda: np.flip(array.read(array.shape), tuple(range(rank))))


def fill(layers: Sequence[Layer], rows: Sequence[WeightSource]) -> None:
    """Read the arrays and put them into ``layers``, which need not be built: their weights take the rows' shapes."""
    owners = {
        (layer.name, *filter(None, path.split("."))): owner for layer in layers for path, owner in layer.named_modules()
    }
    # One layer at a time, so that a whole file's arrays are never in memory beside the model's own.
    for owner, group in groupby(rows, lambda row: (row.slot.layer, *row.slot.path)):
        state = {
            row.slot.row.parameter: row.slot.row.to_torch(torch.from_numpy(np.ascontiguousarray(row.read())))
            for row in group
        }
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
        if parts.keys() == set(_GATE_INITIALS):
            found[key] = tuple(parts[initial] for initial in _GATE_INITIALS)
        elif parts.keys() == {""}:
            found[key] = (parts[""],)
        else:
            leftover += parts.values()
    return found, leftover


def _named(parts: Sequence[str], own: Sequence[Slot]) -> tuple[_Key, str] | None:
    """The slot that a variable's name means, and the gate if the array is that of one gate."""
    # TensorFlow 1 numbered names that stood twice in its graph: kernel_1:0.
    last = re.sub(r"(_\d+)?(:\d+)?$", "", parts[-1])
    gate, names = "", [last]
    if not any(slot.row.name == last for slot in own) and (old := _KERAS_1_NAME.search(last)):
        gate, names = old[2] or "", _KERAS_1_WEIGHTS[old[1]]
    elif not any(slot.row.name == last for slot in own):
        names = [_OTHER_NAMES.get(last, last)]
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
        path = "/".join((places[slot.layer], *slot.path, variables, str(number)))
        array = left.pop(path, None)
        if array is not None:
            found[_key(slot)] = (array,)
    return found, list(left.values())


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
