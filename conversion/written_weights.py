"""From built layers to what a file keeps of their weights, under the names that Keras gives them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from torch_keras_lstm.conversion.arrays import Array, ArraysByPath
from torch_keras_lstm.conversion.producer import Generation, Producer
from torch_keras_lstm.conversion.variable_paths import group_of, places_of, variables_of
from torch_keras_lstm.layers import Layer, SpectralNormalization
from torch_keras_lstm.layers.index_lookup import IndexLookup
from torch_keras_lstm.layers.naming import snake_case
from torch_keras_lstm.layers.weight import WeightRow
from torch_keras_lstm.layers.weighted import Weighted

_KERAS_3 = Producer(Generation.KERAS_3, None)


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
                if variables_of(owner) != "vars":
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
            for layer, path, place in places_of(layers, "layers", ArraysByPath("layers", {}), _KERAS_3)
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
                groups[group_of(place, owner)] = (owner.name, {"idf_weights": as_array(lookup.idf_weights)})
                continue
            # Keras writes the kernel of the layer inside a second time.
            again = [as_array(owner.kernel)] if isinstance(owner, SpectralNormalization) else []
            groups[group_of(place, owner)] = (owner.name, again)
            for row, array in _own_arrays(owner):
                listed = groups.setdefault(group_of(place, owner, row), (owner.name, []))[1]
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
