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
from torch import nn

from torch_keras_lstm.conversion.arrays import Array, Arrays, ArraysByLayer, ArraysByPath, SavedArray
from torch_keras_lstm.conversion.build import LAYERS
from torch_keras_lstm.conversion.cudnn import Layout, cudnn_layouts
from torch_keras_lstm.conversion.dialects import Generation, Producer
from torch_keras_lstm.conversion.shared_layers import Group, WeightKey, repeated, shared, stored_once
from torch_keras_lstm.layers import Layer
from torch_keras_lstm.layers.conv_base import ConvBase
from torch_keras_lstm.layers.naming import snake_case
from torch_keras_lstm.layers.weight import WeightRow
from torch_keras_lstm.models import Model
from torch_keras_lstm.models.model import as_layer
from torch_keras_lstm.recurrence.gates import GATES

# Keras 1's names of a weight end in W, U or b, and in the initial of a gate where each gate has an array of its own.
_KERAS_1_NAME = re.compile(
    r"(?:^|_)([WUb]|W_carry|b_carry|(?:depth|point)wise_kernel|gamma|beta|running_mean|running_std|alphas)"
    r"(?:_([icfozrh]))?$"
)
_KERAS_1_WEIGHTS = {
    "W": ["kernel", "embeddings"],
    "U": ["recurrent_kernel"],
    "b": ["bias"],
    "W_carry": ["carry_kernel"],
    "b_carry": ["carry_bias"],
    "depthwise_kernel": ["depthwise_kernel", "kernel"],  # of a depthwise convolution alone, which Keras 3 calls kernel
    "pointwise_kernel": ["pointwise_kernel"],
    "gamma": ["gamma"],
    "beta": ["beta"],
    "running_mean": ["moving_mean"],
    "running_std": ["moving_variance"],  # it held the variance from 1.0.6 on, whatever its name
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
        scopes: the names of the layers on the way from it to the owner, both included.
        row: the weight in its owner's table.
        shape: in Keras' layout.
    """

    layer: str
    path: tuple[str, ...]
    owner: str
    scopes: tuple[str, ...]
    row: WeightRow
    shape: tuple[int, ...]

    def __str__(self) -> str:
        inside = f" (`{'.'.join(self.path)}` of `{self.layer}`)" if self.path else ""
        return f"weight `{self.row.name}` of layer `{self.owner}`{inside}"


@dataclass(frozen=True)
class WeightSource:
    """A row of the conversion: a slot, and the arrays of the file that fill it, side by side along the last axis.

    Attributes:
        slot: the weight.
        arrays: what the file holds of it.
        layout: how the file arranges it; ``None`` for Keras' own layout.
    """

    slot: Slot
    arrays: tuple[SavedArray, ...]
    layout: Layout | None = None

    @property
    def saved_shape(self) -> tuple[int, ...]:
        """The shape that the weight has in the file."""
        return self.slot.shape if self.layout is None else self.layout.shape

    @property
    def part(self) -> tuple[int, ...]:
        """The shape that each of the arrays must have."""
        if len(self.arrays) == 1:
            return self.saved_shape
        *outer, last = self.saved_shape
        return (*outer, last // len(self.arrays))

    def read(self) -> Array:
        """The weight in Keras' layout."""
        parts = [array.read(self.part) for array in self.arrays]
        values = np.concatenate(parts, axis=-1) if len(parts) > 1 else parts[0]
        return values if self.layout is None else self.layout.to_keras(values)

    def misfit(self) -> str | None:
        """What is wrong with the arrays' shapes or types, as a sentence part, or ``None``."""
        for array in self.arrays:
            if "float" not in array.dtype and self.slot.row.dtype is None:
                return f"{self.slot} needs floating-point numbers, but `{array.path}` holds {array.dtype}"
        if all(array.shape == self.part for array in self.arrays):
            return None
        found = ", ".join(f"`{array.path}` has {array.shape}" for array in self.arrays)
        return f"{self.slot} needs shape {self.saved_shape}, but {found}"


def slots(layers: Sequence[Layer]) -> Iterator[Slot]:
    """Every weight of built layers, in the order of Keras' ``get_weights``; their values are not looked at."""
    for layer in layers:
        for path, owner in layer.named_modules():
            if isinstance(owner, Layer):
                attributes = tuple(filter(None, path.split(".")))
                scopes = tuple(_scopes(layer, attributes))
                for row, tensor in owner.own_weights():
                    yield Slot(layer.name, attributes, owner.name, scopes, row, tuple(tensor.shape))


def _scopes(layer: Layer, path: Sequence[str]) -> Iterator[str]:
    """The names of the layers that the attributes ``path`` lead through."""
    module: Any = layer
    for attribute in ("", *path):
        module = getattr(module, attribute) if attribute else module
        if isinstance(module, Layer):
            yield module.name


def match(layers: Sequence[Layer], arrays: Arrays, producer: Producer) -> list[WeightSource]:
    """The rows of the conversion, one for each weight of ``layers``, which are built.

    Raises:
        ValueError: listing every weight that the file lacks, every array of another shape and every array left over.
    """
    wanted = list(slots(layers))
    if isinstance(arrays, ArraysByLayer):
        found, leftover = _by_layer(wanted, arrays)
        found, leftover = _by_order(layers, wanted, arrays, found, leftover)
    else:
        found, leftover = _by_path(layers, wanted, arrays, producer)
    found |= stored_once(repeated(layers), [_key(slot) for slot in wanted], found)
    problems = [f"{slot} is missing" for slot in wanted if not found.get(_key(slot))]
    rows = [WeightSource(slot, found[_key(slot)]) for slot in wanted if found.get(_key(slot))]
    owners = {layer.name: layer for layer in layers}
    for convert in _conversions_of_kernels(arrays, producer):
        rows = [
            convert(row, owner) if isinstance(owner, ConvBase) and row.slot.row.name.endswith("kernel") else row
            for row in rows
            for owner in (owners[row.slot.layer].get_submodule(".".join(row.slot.path)),)
        ]
    if producer.keeps_standard_deviations:
        rows = [
            _variance(row, owner.epsilon) if row.slot.row.name == "moving_variance" else row
            for row in rows
            for owner in (owners[row.slot.layer].get_submodule(".".join(row.slot.path)),)
        ]
    rows = [row for _, group in groupby(rows, _owner) for row in _laid_out([*group])]
    problems += [misfit for row in rows if (misfit := row.misfit())]
    problems += [f"array `{array.path}` {array.shape} belongs to no layer" for array in leftover]
    if problems:
        raise ValueError(f"The weights do not fit the model: {'; '.join(problems)}.")
    return rows


def shared_layers(layers: Sequence[Layer], rows: Sequence[WeightSource], arrays: Arrays) -> list[Group]:
    """The layers that stand in the model twice, as :func:`repeated` and ``rows`` of :func:`match` tell."""
    found = {_key(row.slot): row.arrays for row in rows}
    return shared(repeated(layers), found, by_layer=isinstance(arrays, ArraysByLayer))


def _conversions_of_kernels(
    arrays: Arrays, producer: Producer
) -> Iterator[Callable[[WeightSource, ConvBase], WeightSource]]:
    """What Keras 2 did to the kernels of convolutions that it read (``keras/engine/saving.py``)."""
    if producer.generation is Generation.KERAS_1:
        yield _from_keras_1
    if isinstance(arrays, ArraysByLayer) and arrays.flipped_kernels:
        yield _flipped


def _variance(source: WeightSource, epsilon: Any) -> WeightSource:
    """The variance ``v`` with ``sqrt(v + epsilon) = running_std + epsilon``."""

    def squared(array: SavedArray) -> SavedArray:
        return replace(array, _read=lambda: (array.read(array.shape) + epsilon) ** 2 - epsilon)

    return WeightSource(source.slot, tuple(map(squared, source.arrays)))


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
    # A copy, since torch takes no negative strides, not even along an axis of size 1.
    return replace(array, _read=lambda: np.flip(array.read(array.shape), tuple(range(rank))).copy())


def fill(layers: Sequence[Layer], rows: Sequence[WeightSource]) -> None:
    """Read the arrays and put them into ``layers``, which need not be built: their weights take the rows' shapes."""
    # One layer at a time, so that a whole file's arrays are never in memory beside the model's own.
    for owner, state in states(layers, rows):
        put(owner, state)


def states(layers: Sequence[Layer], rows: Sequence[WeightSource]) -> Iterator[tuple[Layer, dict[str, torch.Tensor]]]:
    """Read the arrays: for each layer that has weights of its own the state that :func:`put` puts into it."""
    owners = {
        (layer.name, *filter(None, path.split("."))): owner
        for layer in layers
        for path, owner in layer.named_modules()
        if isinstance(owner, Layer)
    }
    for owner, group in groupby(rows, _owner):
        state: dict[str, torch.Tensor] = {}
        for row in group:
            state |= row.slot.row.to_torch(torch.from_numpy(np.asarray(row.read(), order="C")))
        yield owners[owner], state


def put(owner: Layer, state: Mapping[str, torch.Tensor]) -> None:
    """Give a layer its weights."""
    # Not strict: buffers such as the second bias of torch.nn.LSTM are in no Keras file and keep their zeros.
    owner.load_state_dict(state, strict=False)


def _owner(row: WeightSource) -> tuple[str, ...]:
    return (row.slot.layer, *row.slot.path)


def _laid_out(rows: Sequence[WeightSource]) -> list[WeightSource]:
    """The rows of one layer, with cuDNN's layout where the file's arrays have that."""
    wanted = {row.slot.row.name: row.slot.shape for row in rows}
    saved = {row.slot.row.name: row.arrays[0].shape for row in rows if len(row.arrays) == 1}
    layouts = cudnn_layouts(wanted, saved)
    return [replace(row, layout=layouts.get(row.slot.row.name)) for row in rows]


_Found = dict[WeightKey, tuple[SavedArray, ...]]


def _key(slot: Slot) -> WeightKey:
    return slot.layer, slot.path, slot.row.name


def _by_layer(wanted: Sequence[Slot], arrays: ArraysByLayer) -> tuple[_Found, list[SavedArray]]:
    gathered: dict[WeightKey, dict[str, SavedArray]] = {}
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


def _by_order(
    layers: Sequence[Layer], wanted: Sequence[Slot], arrays: ArraysByLayer, found: _Found, leftover: list[SavedArray]
) -> tuple[_Found, list[SavedArray]]:
    """Of layers of somebody's own whose weights the names do not tell, the arrays by their order, as Keras has it.

    Layers inside them are named anew in each process. Keras lists what is trained before what is not.
    """
    for layer in layers:
        own = [slot for slot in wanted if slot.layer == layer.name]
        variables = list(arrays.layers.get(layer.name, {}).values())
        is_ours = type(layer).__module__.startswith("torch_keras_lstm.")
        if is_ours or len(own) != len(variables) or all(_key(slot) in found for slot in own):
            continue
        ordered = sorted(own, key=lambda slot: not slot.row.trainable)
        if all(slot.shape == array.shape for slot, array in zip(ordered, variables, strict=True)):
            found = {**found, **{_key(slot): (array,) for slot, array in zip(ordered, variables, strict=True)}}
            leftover = [array for array in leftover if array not in variables]
    return found, leftover


def _named(parts: Sequence[str], own: Sequence[Slot]) -> tuple[WeightKey, str] | None:
    """The slot that a variable's name means, and the gate if the array is that of one gate."""
    # TensorFlow 1 numbered names that stood twice in its graph: kernel_1:0.
    last, number = re.findall(r"^(.*?)(?:_(\d+))?(?::\d+)?$", parts[-1])[0]
    gate, names = "", [last]
    old = None if any(slot.row.name == last for slot in own) else _KERAS_1_NAME.search(last)
    if old is not None:
        gate, names = old[2] or "", _KERAS_1_WEIGHTS[old[1]]
    slots_of_name = [slot for slot in own if slot.row.name in names]
    if len(slots_of_name) > 1:
        slots_of_name = _in_scope([*parts, last.removesuffix(old[0]) if old else ""], slots_of_name, int(number or 0))
    return (_key(slots_of_name[0]), gate) if len(slots_of_name) == 1 else None


def _in_scope(parts: Sequence[str], candidates: Sequence[Slot], number: int) -> list[Slot]:
    """The slots whose layers' names agree best with the parts of a variable's name; of stacked cells, the numbered."""
    agreement = [sum(scope in parts for scope in slot.scopes[1:]) for slot in candidates]
    best = [slot for slot, count in zip(candidates, agreement, strict=True) if count == max(agreement)]
    if max(agreement) and len(best) == 1:
        return best
    # Keras 1 and TensorFlow 1's numbering leave only the beginning of the half's name.
    scopes = [part for part in parts if part != candidates[0].layer]
    halves = [
        slot
        for slot in best
        if any(scope.startswith(_DIRECTIONS.get(name, "/")) for scope in scopes for name in slot.path)
    ]
    # Keras 2 made the weights of stacked cells in one scope, where TensorFlow numbered them: kernel, kernel_1, ...
    cells = [slot for slot in halves or best if "cells" in slot.path]
    return cells[number : number + 1] or halves


def _by_path(
    layers: Sequence[Layer], wanted: Sequence[Slot], arrays: ArraysByPath, producer: Producer
) -> tuple[_Found, list[SavedArray]]:
    # Keras 3 reaches the sublayers of a MultiHeadAttention by their public names, tf.keras by those with an underscore.
    # In nested models the root itself may begin with one.
    left = {re.sub(f"/_(?!{arrays.root[1:]}/)", "/", path): array for path, array in arrays.paths.items()}
    found: _Found = {}
    found_at = {(layer.name, *path): place for layer, path, place in places(layers, arrays.root, arrays, producer)}
    numbers: Counter[str] = Counter()
    for slot in wanted:
        layer = next(layer for layer in layers if layer.name == slot.layer)
        owner = layer.get_submodule(".".join(slot.path))
        place = f"{found_at[slot.layer, *slot.path]}/{variables_of(owner)}"
        array = left.pop(f"{place}/{numbers[place]}", None)
        numbers[place] += 1
        if array is not None:
            found[_key(slot)] = (array,)
    return found, list(left.values())


def places(
    layers: Sequence[Layer], prefix: str, arrays: ArraysByPath, producer: Producer
) -> Iterator[tuple[Layer, tuple[str, ...], str]]:
    """Each module in each of ``layers``: the layer, the attributes that lead to the module, and where its arrays stand.

    They stand under those attributes too, but for the layers of models.
    """
    paths = group_paths([(layer.name, _saved_class(layer)) for layer in layers], arrays, producer, prefix)
    for layer in layers:
        for path, place in _places_inside(layer, paths[layer.name], arrays, producer):
            yield layer, path, place


def _places_inside(
    module: nn.Module, place: str, arrays: ArraysByPath, producer: Producer
) -> Iterator[tuple[tuple[str, ...], str]]:
    yield (), place
    if isinstance(module, Model):
        layers = [*map(as_layer, module.layers)]
        for layer, path, inner in places(layers, f"{place}/{arrays.root}", arrays, producer):
            yield ("layers", str(layers.index(layer)), *path), inner
    else:
        for attribute, name, child in _attributes(module):
            for path, inner in _places_inside(child, f"{place}/{name}", arrays, producer):
                yield (attribute, *path), inner


def _attributes(module: nn.Module) -> Iterator[tuple[str, str, nn.Module]]:
    """The children of a module with their names, and with those in files: entries of a list by class, numbered."""
    counts: Counter[str] = Counter()
    for attribute, child in module.named_children():
        name = attribute
        if isinstance(module, nn.ModuleList):
            base = snake_case(_saved_class(child))
            name = base + (f"_{counts[base]}" if counts[base] else "")
            counts[base] += 1
        yield attribute, name, child


def group_paths(
    layers: Iterable[tuple[str, str]], arrays: ArraysByPath, producer: Producer, prefix: str | None = None
) -> Mapping[str, str]:
    """Where each layer's arrays stand: ``layers/lstm``, ``layers/lstm_1``, numbered by class in the model's order.

    Args:
        layers: name and class of each layer.
        prefix: the group of a nested model's layers; by default that of the whole model's.
    """
    paths: dict[str, str] = {}
    counts: Counter[str] = Counter()
    for name, class_name in layers:
        base = snake_case(class_name)
        paths[name] = f"{prefix or arrays.root}/{base}" + (f"_{counts[base]}" if counts[base] else "")
        weighted = any(path.startswith(f"{paths[name]}/") for path in arrays.paths)
        counts[base] += 2 if weighted and producer.counts_weighted_layers_twice else 1
    return paths


def _saved_class(module: Any) -> str:
    """The class under which a file has the layer, which may be another than that of a module of the user's own."""
    return getattr(module, "saved_class", "") or type(module).__name__


def variables_of(owner: Any) -> str:
    """Where the layer keeps its variables; a layer derived from one of ours keeps them as that does."""
    return next((LAYERS[base.__name__].variables for base in type(owner).__mro__ if base.__name__ in LAYERS), "vars")
