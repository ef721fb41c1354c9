"""Arrays under the names of layers, as legacy files have them, to the weights that their own names mean."""

import re
from collections.abc import Iterable, Mapping, Sequence

from torch import nn

from torch_keras_lstm.conversion.arrays import ArraysByLayer, SavedArray
from torch_keras_lstm.conversion.shared_layers import WeightKey
from torch_keras_lstm.conversion.slots import Slot, key_of
from torch_keras_lstm.layers import Layer
from torch_keras_lstm.recurrence.gates import GATES

Found = dict[WeightKey, tuple[SavedArray, ...]]

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


def found_by_layer(
    wanted: Sequence[Slot], arrays: ArraysByLayer, own_classes: Mapping[str, nn.Module]
) -> tuple[Found, list[SavedArray]]:
    """The arrays of each weight, in legacy files, where they stand under their layer's name; and those left over.

    Args:
        wanted: the weights.
        arrays: the file's.
        own_classes: by name the layers whose class, or that of a layer inside them, is the user's own.
    """
    gathered: dict[WeightKey, dict[str, SavedArray]] = {}
    leftover = list(arrays.unnamed)
    for layer, variables in arrays.layers.items():
        own = [slot for slot in wanted if slot.layer == layer]
        by_name: dict[WeightKey, dict[str, SavedArray]] = {}
        unknown = []
        for name, array in variables.items():
            key, gate = _named(name.split("/"), own) or (None, "")
            if key is None or gate in by_name.setdefault(key, {}):
                unknown.append(array)
            else:
                by_name[key][gate] = array
        if unknown and layer in own_classes:
            # Layers inside one of the user's own: Keras numbers them by what was made before, and goes by the order.
            in_order = sorted(own, key=lambda slot: not _is_trained(slot, own_classes[slot.layer]))
            if _have_the_same_names(in_order, variables):
                by_name = {key_of(slot): {"": array} for slot, array in zip(in_order, variables.values(), strict=True)}
                unknown = []
        gathered |= by_name
        leftover += unknown
    found: Found = {}
    for key, parts in gathered.items():
        letters = next((letters for letters in (("",), *_GATE_LETTERS) if parts.keys() == set(letters)), None)
        if letters is None:
            leftover += parts.values()
        else:
            found[key] = tuple(parts[letter] for letter in letters)
    return found, leftover


def _is_trained(slot: Slot, layer: nn.Module) -> bool:
    """Whether a weight is trained: neither its layer nor one around it is frozen. Legacy files have these first."""
    around = [layer.get_submodule(".".join(slot.path[:end])) for end in range(len(slot.path) + 1)]
    return slot.row.trainable and all(part.trainable for part in around if isinstance(part, Layer))


def _have_the_same_names(own: Sequence[Slot], variables: Iterable[str]) -> bool:
    """Whether the last parts of the variables' names are those of the weights, in their order."""
    names = [re.sub(r"(?:_\d+)?(?::\d+)?$", "", name.split("/")[-1]) for name in variables]
    return names == [slot.row.name for slot in own]


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
    return (key_of(slots_of_name[0]), gate) if len(slots_of_name) == 1 else None


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
