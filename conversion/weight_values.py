"""The weights of layers with their values and Keras' names for them, for a file that is written."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from torch_keras_lstm.conversion.arrays import Array, ArraysByPath
from torch_keras_lstm.conversion.dialects import Generation, Producer
from torch_keras_lstm.conversion.weights import places, variables_of
from torch_keras_lstm.layers import Layer
from torch_keras_lstm.layers.naming import snake_case
from torch_keras_lstm.layers.weight import WeightRow


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


def weight_paths(layers: Iterable[Layer]) -> dict[tuple[Layer, str], str]:
    """The name in Keras' style of each weight, by its owner and its name there."""
    return {(value.owner, value.row.name): value.path for value in reversed(values(layers))}


def _lengths(path: str) -> range:
    return range(1, len(path.split(".")) + 1) if path else range(0)


def variable_groups(layers: Sequence[Layer]) -> dict[str, tuple[str, list[Array]]]:
    """The groups of a ``.weights.h5`` file of Keras 3: by path the name of their layer and its arrays, in order."""
    found = places(layers, "layers", ArraysByPath("layers", {}), Producer(Generation.KERAS_3, None))
    groups: dict[str, tuple[str, list[Array]]] = {}
    stored: set[Layer] = set()
    for layer, path, place in found:
        owner = layer.get_submodule(".".join(path))
        if isinstance(owner, Layer) and owner not in stored:
            stored.add(owner)  # a layer in a nested model and outside of it stands where it is met first
            groups[f"{place}/{variables_of(owner)}"] = (owner.name, [array for _, array in _own_arrays(owner)])
    return groups


def _own_arrays(owner: Layer) -> Iterator[tuple[WeightRow, Array]]:
    for row, tensor in owner.own_weights():
        yield row, as_array(tensor)


def as_array(tensor: torch.Tensor) -> Array:
    """The tensor as an array of the type that a file keeps it in, which is float32 for bfloat16."""
    tensor = tensor.detach().cpu()
    return np.asarray(tensor.float() if tensor.dtype == torch.bfloat16 else tensor)
