"""Arrays whose names are not those of the model's layers, matched by order, as Keras matches them.

Names come first. Order is what a file leaves when it was saved from a model whose layers were numbered otherwise
(``lstm_3`` instead of ``lstm``), or when it has no names at all: before Keras 1.0, and in TensorFlow's checkpoints.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import groupby

from torch_keras_lstm.conversion.arrays import Arrays, ArraysByLayer, LayerOrder, SavedArray
from torch_keras_lstm.conversion.object_graph import WITH_WEIGHTS
from torch_keras_lstm.conversion.slots import Slot, slots
from torch_keras_lstm.layers import Layer

_GATES_OF_KERAS_1 = {4: "icfo", 3: "zrh"}
_WEIGHTS_OF_KERAS_1 = {"kernel": "W", "recurrent_kernel": "U", "bias": "b"}


def in_model_names(layers: Sequence[Layer], arrays: Arrays) -> Arrays:
    """The arrays under the names of ``layers``, which are built.

    Arrays by layer keep their names when each is the name of a layer with weights; otherwise the n-th layer of the file
    that has arrays is the n-th of ``layers`` that has weights, or the n-th by name if the file sorted them.

    Raises:
        ValueError: when their numbers differ.
    """
    if not isinstance(arrays, ArraysByLayer):
        return arrays
    wanted = {layer: [*own] for layer, own in groupby(slots(layers), lambda slot: slot.layer)}
    if arrays.order is LayerOrder.NAMES:
        wanted = dict(sorted(wanted.items()))
    given = {layer: variables for layer, variables in arrays.layers.items() if variables}
    if not given.keys() <= wanted.keys() and len(given) == 1 < len(wanted):
        given = without_model_name(*given.values())
    if given.keys() <= wanted.keys():
        return replace(arrays, layers=given)
    if len(given) != len(wanted) and all(
        variables or layer.startswith(WITH_WEIGHTS) for layer, variables in arrays.layers.items()
    ):
        given = dict(arrays.layers)  # in a checkpoint a layer whose weights stand at another place keeps its number
    if len(given) != len(wanted) or arrays.order is LayerOrder.UNKNOWN:
        raise ValueError(
            f"The file has weights for {len(given)} layers ({', '.join(given)}), but {len(wanted)} layers of the model "
            f"have weights ({', '.join(wanted)}): they match neither by name nor by order."
        )
    renamed = {
        layer: _in_weight_names(own, variables)
        for (layer, own), variables in zip(wanted.items(), given.values(), strict=True)
    }
    return replace(arrays, layers=renamed)


def without_model_name(variables: Mapping[str, SavedArray]) -> dict[str, Mapping[str, SavedArray]]:
    """Arrays by the second part of their names: the first, which they share, is the model's."""
    layers: dict[str, dict[str, SavedArray]] = {}
    for name, array in variables.items():
        layers.setdefault("/".join(name.split("/")[1:2]), {})[name] = array
    return dict(layers)


def _in_weight_names(own: Sequence[Slot], variables: Mapping[str, SavedArray]) -> Mapping[str, SavedArray]:
    """The arrays of a layer by the names of its weights where they are but numbered: ``param_0``, ``param_1``."""
    if not all(re.fullmatch(r"param_\d+", name) for name in variables):
        return variables
    names = [f"{slot.owner}/{slot.row.name}" for slot in own]
    if len(variables) != len(names):
        names = [name for _, group in groupby(own, lambda slot: slot.owner) for name in _by_gate([*group])]
    if len(variables) != len(names):
        return variables
    return dict(zip(names, variables.values(), strict=True))


def _by_gate(own: Sequence[Slot]) -> list[str]:
    """The names of a Keras 1 layer's arrays in its order: those of an LSTM or a GRU stand gate after gate."""
    shapes = {slot.row.name: slot.shape for slot in own}
    units, columns = shapes.get("recurrent_kernel", (1, 1))[-2:]
    gates = _GATES_OF_KERAS_1.get(columns // units)
    if gates is None or shapes.keys() != _WEIGHTS_OF_KERAS_1.keys():
        return [f"{slot.owner}/{slot.row.name}" for slot in own]
    return [f"{slot.owner}/{slot.owner}_{_WEIGHTS_OF_KERAS_1[slot.row.name]}_{gate}" for gate in gates for slot in own]
