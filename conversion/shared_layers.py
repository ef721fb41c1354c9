"""Layers that a model reaches twice: in a nested model and outside of it, or in two nested models.

Keras writes such a layer's configuration at each place. Its weights stand at the first place alone in files by path and
in checkpoints, which Keras itself then cannot read back, and at each place in HDF5 files by layer, of which Keras makes
a copy each. Here they become one layer again.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar, cast

import numpy as np
from torch import nn

from torch_keras_lstm.conversion.arrays import SavedArray
from torch_keras_lstm.layers import Layer

# A layer of the model, and the attributes that lead from it to the layer that is meant.
Place = tuple[str, tuple[str, ...]]
Group = tuple[Place, ...]
# A weight of the model: the place of its owner, and its name.
WeightKey = tuple[str, tuple[str, ...], str]

_Arrays = TypeVar("_Arrays")


def repeated(layers: Sequence[Layer]) -> list[Group]:
    """The places at which the same layer may stand: those that agree in class, name and configuration.

    Of layers with weights the outermost are given: of a model that stands in two others, not its layers once more.
    """
    found: list[tuple[Layer, list[Place]]] = []
    pending: list[tuple[Layer, Place]] = [(layer, (layer.name, ())) for layer in reversed(layers)]
    named: dict[str, list[int]] = {}
    while pending:
        layer, place = pending.pop()
        same = [number for number in named.get(layer.name, ()) if _alike(found[number][0], layer)]
        if same:
            found[same[0]][1].append(place)
            continue
        named.setdefault(layer.name, []).append(len(found))
        found.append((layer, [place]))
        pending += reversed([(child, (place[0], (*place[1], *path))) for path, child in _children(layer)])
    return [tuple(places) for layer, places in found if len(places) > 1 and layer.count_params()]


def _alike(first: Layer, other: Layer) -> bool:
    return first is other or (type(first) is type(other) and first.get_config() == other.get_config())


def _children(layer: nn.Module, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Layer]]:
    """The layers of a model, or those that another layer wraps, with the attributes that lead to them."""
    for name, child in layer.named_children():
        if isinstance(child, Layer):
            yield (*path, name), child
        elif isinstance(child, nn.ModuleList):
            yield from _children(child, (*path, name))


def one_module(layers: Sequence[Layer]) -> list[Group]:
    """The places of each layer that stands at several of a model's, as one and the same module."""
    named = {layer.name: layer for layer in layers}

    def module(place: Place) -> nn.Module:
        return named[place[0]].get_submodule(".".join(place[1]))

    groups = [
        (first, *(other for other in others if module(other) is module(first))) for first, *others in repeated(layers)
    ]
    return [group for group in groups if len(group) > 1]


def stored_once(
    groups: Sequence[Group], keys: Sequence[WeightKey], found: Mapping[WeightKey, _Arrays]
) -> dict[WeightKey, _Arrays]:
    """What stands at one place of a group alone, for the other places.

    Args:
        groups: as :func:`repeated` gives them.
        keys: of every weight of the model: its layer, the attributes that lead from it to the owner, and its name.
        found: what the file has, by key.
    """
    lent: dict[WeightKey, _Arrays] = {}
    for group in groups:
        weights = [_below(place, keys) for place in group]
        source = next((own for own in weights if all(key in found for key in own)), None)
        for own in weights:
            if source is not None and not any(key in found for key in own):
                lent |= {key: found[stored] for key, stored in zip(own, source, strict=True)}
    return lent


def shared(groups: Sequence[Group], arrays: Mapping[WeightKey, tuple[SavedArray, ...]], by_layer: bool) -> list[Group]:
    """The groups that are one layer: of one and the same array each, or, in files by layer, of equal arrays.

    Args:
        groups: as :func:`repeated` gives them.
        arrays: what fills each weight.
        by_layer: whether the file names each layer's arrays where it stands.
    """
    joined = []
    for first, *others in groups:
        same = [other for other in others if _same(_of(first, arrays), _of(other, arrays), by_layer)]
        if same:
            joined.append((first, *same))
    return joined


def _of(place: Place, arrays: Mapping[WeightKey, tuple[SavedArray, ...]]) -> list[SavedArray]:
    return [array for key in _below(place, arrays) for array in arrays[key]]


def _same(first: Sequence[SavedArray], other: Sequence[SavedArray], by_layer: bool) -> bool:
    if len(first) != len(other):
        return False
    return all(one is two or (by_layer and _equal(one, two)) for one, two in zip(first, other, strict=True))


def _equal(one: SavedArray, other: SavedArray) -> bool:
    return one.shape == other.shape and np.array_equal(one.read(one.shape), other.read(other.shape))


def _below(place: Place, keys: Sequence[WeightKey] | Mapping[WeightKey, object]) -> list[WeightKey]:
    layer, path = place
    return [key for key in keys if key[0] == layer and key[1][: len(path)] == path]


def join(layers: list[Layer], groups: Sequence[Group]) -> None:
    """Put the layer that stands at the first place of each group at the others too; ``layers`` are the model's."""
    numbers = {layer.name: number for number, layer in enumerate(layers)}
    for (name, path), *others in groups:
        module = layers[numbers[name]].get_submodule(".".join(path))
        for other, other_path in others:
            if not other_path:
                layers[numbers[other]] = cast(Layer, module)
                continue
            owner = layers[numbers[other]].get_submodule(".".join(other_path[:-1]))
            owner.register_module(other_path[-1], module)
