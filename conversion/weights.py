"""From a file's arrays to the layers' weights: a row for each, matched by name, every shape checked, every array used.

Names decide wherever an order can lie: Keras lists frozen weights after trainable ones, so that a ``Bidirectional``
with a frozen forward half stands in the file backward half first, with the same shapes.
"""

import re
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

import numpy as np
import torch
from torch import nn

from torch_keras_lstm.conversion.arrays import Array, Arrays, ArraysByLayer, ArraysByPath, SavedArray
from torch_keras_lstm.conversion.attribute_paths import attribute_places
from torch_keras_lstm.conversion.build import LAYERS
from torch_keras_lstm.conversion.by_layer import Found, found_by_layer
from torch_keras_lstm.conversion.cudnn import Layout, cudnn_layouts
from torch_keras_lstm.conversion.dialects import Generation, Producer
from torch_keras_lstm.conversion.shared_layers import Group, repeated, shared, stored_once
from torch_keras_lstm.conversion.slots import Slot, key_of, slots
from torch_keras_lstm.layers import BatchNormalization, GroupQueryAttention, Layer, SpectralNormalization
from torch_keras_lstm.layers.conv_base import ConvBase
from torch_keras_lstm.layers.index_lookup import IndexLookup
from torch_keras_lstm.layers.naming import snake_case
from torch_keras_lstm.layers.weight import WeightRow
from torch_keras_lstm.layers.weighted import Weighted
from torch_keras_lstm.models import Model
from torch_keras_lstm.models.model import as_layer

# What Keras calls a class itself, where that is not its name in `keras.layers`: groups go by it.
_CLASSES_OF_GROUPS = {"GroupQueryAttention": "GroupedQueryAttention"}
_KERAS_3 = Producer(Generation.KERAS_3, None)


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


def match(
    layers: Sequence[Layer],
    arrays: Arrays,
    producer: Producer,
    own: Sequence[Mapping[Layer, str]] = (),
    skip_mismatch: bool = False,
) -> list[WeightSource]:
    """The rows of the conversion, one for each weight of ``layers``, which are built.

    Args:
        layers: the model's.
        arrays: the file's.
        producer: who wrote them.
        own: where the layers of a model class of one's own, those inside layers too, may stand in a file by path. Else
            they stand there as those of Keras' own classes do.
        skip_mismatch: leave out the layers that do not fit, with a warning, instead of raising.

    Raises:
        ValueError: listing every weight that the file lacks, every array of another shape and every array left over.
    """
    wanted = list(slots(layers))
    if isinstance(arrays, ArraysByLayer):
        own_classes = {layer.name: layer for layer in layers if _holds_own(layer)}
        found, leftover = found_by_layer(wanted, arrays, own_classes)
    else:
        found, leftover = _by_path(layers, wanted, arrays, producer, own)
    found |= stored_once(repeated(layers), [key_of(slot) for slot in wanted], found)
    problems = [f"{slot} is missing" for slot in wanted if not found.get(key_of(slot))]
    rows = [WeightSource(slot, found[key_of(slot)]) for slot in wanted if found.get(key_of(slot))]
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
    if problems and skip_mismatch:
        fitting = {key_of(row.slot) for row in rows if row.misfit() is None}
        kept = {slot.layer for slot in wanted} - {slot.layer for slot in wanted if key_of(slot) not in fitting}
        warnings.warn(f"Some weights are not loaded: {'; '.join(problems)}.", stacklevel=5)
        return [row for row in rows if row.slot.layer in kept]
    if problems:
        raise ValueError(f"The weights do not fit the model: {'; '.join(problems)}.")
    return rows


def _holds_own(layer: nn.Module) -> bool:
    """Whether the layer, its cell, or another layer inside it is of a class of the user's own."""
    return any(isinstance(module, Layer) and module._is_own for module in layer.modules())


def shared_layers(layers: Sequence[Layer], rows: Sequence[WeightSource], arrays: Arrays) -> list[Group]:
    """The layers that stand in the model twice, as :func:`repeated` and ``rows`` of :func:`match` tell."""
    found = {key_of(row.slot): row.arrays for row in rows}
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
    left = owner.load_state_dict(state, strict=False).unexpected_keys
    if left:
        raise ValueError(
            f"Layer `{owner.name}` ({type(owner).__name__}) has no weight `{left[0]}` before it is called: make its "
            "weights in `__init__` or `build`."
        )


def _owner(row: WeightSource) -> tuple[str, ...]:
    return (row.slot.layer, *row.slot.path)


def _laid_out(rows: Sequence[WeightSource]) -> list[WeightSource]:
    """The rows of one layer, with cuDNN's layout where the file's arrays have that."""
    wanted = {row.slot.row.name: row.slot.shape for row in rows}
    saved = {row.slot.row.name: row.arrays[0].shape for row in rows if len(row.arrays) == 1}
    layouts = cudnn_layouts(wanted, saved)
    return [replace(row, layout=layouts.get(row.slot.row.name)) for row in rows]


def _by_path(
    layers: Sequence[Layer],
    wanted: Sequence[Slot],
    arrays: ArraysByPath,
    producer: Producer,
    own: Sequence[Mapping[Layer, str]],
) -> tuple[Found, list[SavedArray]]:
    # Keras 3 reaches the sublayers of a MultiHeadAttention by their public names, tf.keras by those with an underscore.
    # In nested models the root itself may begin with one.
    left = {_public(path, arrays.root): array for path, array in arrays.paths.items()}
    owners = {slot: _owner_of(slot, layers) for slot in wanted}
    by_class = [_first_places(layers, arrays, producer, tf_keras) for tf_keras in (False, True)]
    kinds: list[Mapping[Any, str]] = [{one: _public(place, arrays.root) for one, place in kind.items()} for kind in own]

    def fits(places: Mapping[Any, str]) -> int:
        return sum(f"{_group(places.get(owner, 'nowhere'), owner)}/0" in left for owner in set(owners.values()))

    places = max([*kinds, *by_class], key=fits)
    found: Found = {}
    numbers: Counter[str] = Counter()
    for spectral in {one for one in owners.values() if isinstance(one, SpectralNormalization)}:
        place = _group(places.get(spectral, "nowhere"), spectral)  # which has the kernel of the layer inside once more
        numbers[place] = 1 if left.pop(f"{place}/0", None) is not None else 0
    for slot, owner in owners.items():
        place = _group(places.get(owner, "nowhere"), owner, slot.row)
        array = left.pop(f"{place}/{numbers[place]}", None)
        numbers[place] += 1
        if array is not None:
            found[key_of(slot)] = (array,)
    return found, list(left.values())


def _first_places(
    layers: Sequence[Layer], arrays: ArraysByPath, producer: Producer, tf_keras: bool
) -> dict[nn.Module, str]:
    """Where each module's arrays stand; of one at several places, where it is met first."""
    places: dict[nn.Module, str] = {}
    for layer, path, place in _places(layers, arrays.root, arrays, producer, tf_keras):
        places.setdefault(layer.get_submodule(".".join(path)), _public(place, arrays.root))
    return places


def _public(path: str, root: str) -> str:
    return re.sub(f"/_(?!{root[1:]}/)", "/", path)


def _owner_of(slot: Slot, layers: Sequence[Layer]) -> nn.Module:
    layer = next(layer for layer in layers if layer.name == slot.layer)
    return layer.get_submodule(".".join(slot.path))


def _places(
    layers: Sequence[Layer], prefix: str, arrays: ArraysByPath, producer: Producer, tf_keras: bool = False
) -> Iterator[tuple[Layer, tuple[str, ...], str]]:
    """Each module in each of ``layers``: the layer, the attributes that lead to the module, and where its arrays stand.

    They stand under those attributes too, but for the layers of models, and what is in layers of one's own, where
    tf.keras visits the attributes in another order.
    """
    synchronized = any(path.startswith(f"{prefix}/sync_batch_normalization") for path in arrays.paths)  # of tf.keras
    classes = [
        (layer.name, "SyncBatchNormalization" if synchronized and _is_synchronized(layer) else _saved_class(layer))
        for layer in layers
    ]
    paths = group_paths(classes, arrays, producer, prefix)
    for layer in layers:
        for path, place in _places_inside(layer, paths[layer.name], arrays, producer, tf_keras):
            yield layer, path, place


def _places_inside(
    module: nn.Module, place: str, arrays: ArraysByPath, producer: Producer, tf_keras: bool
) -> Iterator[tuple[tuple[str, ...], str]]:
    yield (), place
    if isinstance(module, Layer) and module._is_own:
        places = attribute_places(module, tf_keras)
        for path, child in module.named_modules():
            if path and isinstance(child, Layer) and child in places:
                yield tuple(path.split(".")), f"{place}/{places[child]}"
    elif isinstance(module, Model):
        layers = [*map(as_layer, module.layers)]
        for layer, path, inner in _places(layers, f"{place}/{arrays.root}", arrays, producer, tf_keras):
            yield ("layers", str(layers.index(layer)), *path), inner
    else:
        for attribute, name, child in _attributes(module):
            for path, inner in _places_inside(child, f"{place}/{name}", arrays, producer, tf_keras):
                yield (attribute, *path), inner


def _attributes(module: nn.Module) -> Iterator[tuple[str, str, nn.Module]]:
    """The children of a module with their names, and with those in files: entries of a list by class, numbered."""
    counts: Counter[str] = Counter()
    hidden = "_" if isinstance(module, GroupQueryAttention) else ""  # as Keras has its sublayers
    for attribute, child in module.named_children():
        name = hidden + attribute
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


def _is_synchronized(layer: Layer) -> bool:
    return isinstance(layer, BatchNormalization) and layer.synchronized


def _saved_class(module: Any) -> str:
    """The class under which a file has the layer, which may be another than that of a module of the user's own."""
    name = getattr(module, "saved_class", "") or type(module).__name__
    return _CLASSES_OF_GROUPS.get(name, name)


def _group(place: str, owner: Any, row: WeightRow | None = None) -> str:
    """The group of a layer's variables; a model's own stand at the top."""
    return f"{place}/{_variables(owner, row)}" if place else _variables(owner, row)


def _variables(owner: Any, row: WeightRow | None = None) -> str:
    """Where the layer keeps its variables; a layer derived from one of ours keeps them as that does.

    What ``add_weight`` made for such a class stands beside the cell that has the others.
    """
    if row is not None and row.is_own:
        return "vars"
    return next((LAYERS[base.__name__].variables for base in type(owner).__mro__ if base.__name__ in LAYERS), "vars")


@dataclass(frozen=True)
class Value:
    """A weight with its value, for a file that is written.

    Attributes:
        path: its name in Keras' style, ``lstm/lstm_cell/kernel``.
        owner: the layer that has it.
        row: its row in the owner's table.
        array: the value in Keras' layout.
        trainable: whether it is trained: neither it nor a layer around it is frozen.
    """

    path: str
    owner: Layer
    row: WeightRow
    array: Array
    trainable: bool


def values(layers: Iterable[Layer]) -> list[Value]:
    """The weights of built layers, in the order of Keras' ``get_weights``."""
    found = []
    for layer in layers:
        for path, owner in layer.named_modules():
            if isinstance(owner, Layer):
                around = [layer, *(layer.get_submodule(".".join(path.split(".")[:end])) for end in _lengths(path))]
                scopes = [part.name for part in around if isinstance(part, Layer)]
                trained = all(part.trainable for part in around if isinstance(part, Layer))
                if _variables(owner) != "vars":
                    scopes.append(f"{snake_case(type(owner).__name__)}_cell")
                for row, array in _own_arrays(owner):
                    name = "/".join([*scopes, row.name])
                    found.append(Value(name, owner, row, array, trained and row.trainable))
    return found


def weight_paths(layers: Iterable[Layer]) -> dict[tuple[Weighted, str], str]:
    """The name in Keras' style of each weight, by its owner and its name there."""
    return {(value.owner, value.row.name): value.path for value in reversed(values(layers))}


def _lengths(path: str) -> range:
    return range(1, len(path.split(".")) + 1) if path else range(0)


def variable_groups(
    layers: Sequence[Layer], own: Mapping[Layer, str] | None = None
) -> dict[str, tuple[str, Sequence[Array] | Mapping[str, Array]]]:
    """The groups of a ``.weights.h5`` file of Keras 3: by path the name of their layer and its arrays, in order.

    A few have names of their own.

    Args:
        layers: the model's.
        own: where they stand for a model class of one's own.
    """
    places = (
        [*own.items()]
        if own
        else [
            (owner, place)
            for layer, path, place in _places(layers, "layers", ArraysByPath("layers", {}), _KERAS_3)
            if isinstance(owner := layer.get_submodule(".".join(path)), Layer)
        ]
    )
    groups: dict[str, tuple[str, Sequence[Array] | Mapping[str, Array]]] = {}
    stored: set[Layer] = set()
    for owner, place in places:
        if owner not in stored:
            stored.add(owner)  # a layer in a nested model and outside of it stands where it is met first
            lookup = getattr(owner, "_lookup_layer", owner)  # Keras writes those of a text layer twice
            if isinstance(lookup, IndexLookup) and lookup.idf_weights is not None:
                groups[_group(place, owner)] = (owner.name, {"idf_weights": as_array(lookup.idf_weights)})
                continue
            groups[_group(place, owner)] = (owner.name, [])
            if isinstance(owner, SpectralNormalization):
                groups[_group(place, owner)] = (owner.name, [as_array(owner.kernel)])
            for row, array in _own_arrays(owner):
                listed = groups.setdefault(_group(place, owner, row), (owner.name, []))[1]
                assert isinstance(listed, list)  # for mypy: those of a look-up are named
                listed.append(array)
    return groups


def _own_arrays(owner: Layer) -> Iterator[tuple[WeightRow, Array]]:
    for row, tensor in owner.own_weights() if owner.has_weights() else ():
        yield row, as_array(tensor)


def as_array(tensor: torch.Tensor) -> Array:
    """The tensor as an array of the type that a file keeps it in, which is float32 for bfloat16."""
    tensor = tensor.detach().cpu()
    return np.asarray(tensor.float() if tensor.dtype == torch.bfloat16 else tensor)
