"""From a file's arrays to the layers' weights: a row for each, matched by name, every shape checked, every array used.

Names decide wherever an order can lie: Keras lists frozen weights after trainable ones, so that a ``Bidirectional``
with a frozen forward half stands in the file backward half first, with the same shapes.
"""

import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any

from torch import nn

from torch_keras_lstm.conversion.arrays import Arrays, ArraysByLayer, ArraysByPath, SavedArray
from torch_keras_lstm.conversion.by_layer import Found, found_by_layer
from torch_keras_lstm.conversion.cudnn import cudnn_layouts
from torch_keras_lstm.conversion.older_layouts import in_keras_3_layout
from torch_keras_lstm.conversion.producer import Producer
from torch_keras_lstm.conversion.quantized import named_parts, names_used, numbers_of, parts_beside
from torch_keras_lstm.conversion.shared_layers import Group, repeated, shared, stored_once
from torch_keras_lstm.conversion.slots import Slot, key_of, slots
from torch_keras_lstm.conversion.variable_paths import first_places, group_of, public_path
from torch_keras_lstm.conversion.weight_source import WeightSource, owner_of_row
from torch_keras_lstm.layers import Layer, SpectralNormalization


def match(
    layers: Sequence[Layer],
    arrays: Arrays,
    producer: Producer,
    own: Sequence[Mapping[Layer, str]] = (),
    skip_mismatch: bool = False,
    lora_alphas: Mapping[str, float] | None = None,
) -> list[WeightSource]:
    """The rows of the conversion, one for each weight of ``layers``, which are built.

    Args:
        layers: the model's.
        arrays: the file's.
        producer: who wrote them.
        own: where the layers of a model class of one's own, those inside layers too, may stand in a file by path. Else
            they stand there as those of Keras' own classes do.
        skip_mismatch: leave out the layers that do not fit, with a warning, instead of raising.
        lora_alphas: by the name of a layer what its updates of low rank count by, where the file has such.

    Raises:
        ValueError: listing every weight that the file lacks, every array of another shape and every array left over.
    """
    wanted = list(slots(layers))
    if isinstance(arrays, ArraysByLayer):
        own_classes = {layer.name: layer for layer in layers if _holds_own(layer)}
        found, leftover = found_by_layer(wanted, arrays, own_classes)
        if leftover:
            leftover = _with_numbers(layers, wanted, found, leftover, lora_alphas or {})
    else:
        found, leftover = _by_path(layers, wanted, arrays, producer, own)
    found |= stored_once(repeated(layers), [key_of(slot) for slot in wanted], found)
    problems = [f"{slot} is missing" for slot in wanted if not found.get(key_of(slot))]
    rows = [WeightSource(slot, found[key_of(slot)]) for slot in wanted if found.get(key_of(slot))]
    rows = in_keras_3_layout(rows, layers, arrays, producer)
    rows = [row for _, group in groupby(rows, owner_of_row) for row in _laid_out([*group])]
    problems += [misfit for row in rows if (misfit := row.misfit())]
    problems += [f"array `{array.path}` {array.shape} belongs to no layer" for array in leftover]
    if problems and skip_mismatch:
        fitting = {key_of(row.slot) for row in rows if row.misfit() is None}
        kept = {slot.layer for slot in wanted} - {slot.layer for slot in wanted if key_of(slot) not in fitting}
        warnings.warn(f"Some weights are not loaded: {'; '.join(problems)}.", stacklevel=7)
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
    left = {public_path(path, arrays.root): array for path, array in arrays.paths.items()}
    owners = {slot: _owner_of(slot, layers) for slot in wanted}
    by_class = [first_places(layers, arrays, producer, tf_keras) for tf_keras in (False, True)]
    kinds: list[Mapping[Any, str]] = [
        {one: public_path(place, arrays.root) for one, place in kind.items()} for kind in own
    ]

    def fits(places: Mapping[Any, str]) -> int:
        return sum(f"{group_of(places.get(owner, 'nowhere'), owner)}/0" in left for owner in set(owners.values()))

    places = max([*kinds, *by_class], key=fits)
    groups: dict[str, list[Slot]] = {}
    for slot, owner in owners.items():
        groups.setdefault(group_of(places.get(owner, "nowhere"), owner, slot.row), []).append(slot)
    for group, inside in groups.items():
        left = _with_numbers_in(group, inside, owners[inside[0]], left)
    found: Found = {}
    numbers: Counter[str] = Counter()
    for spectral in {one for one in owners.values() if isinstance(one, SpectralNormalization)}:
        place = group_of(
            places.get(spectral, "nowhere"), spectral
        )  # which has the kernel of the layer inside once more
        numbers[place] = 1 if left.pop(f"{place}/0", None) is not None else 0
    for slot, owner in owners.items():
        place = group_of(places.get(owner, "nowhere"), owner, slot.row)
        array = left.pop(f"{place}/{numbers[place]}", None)
        numbers[place] += 1
        if array is not None:
            found[key_of(slot)] = (array,)
    return found, list(left.values())


def _with_numbers_in(
    group: str, slots: Sequence[Slot], owner: nn.Module, arrays: dict[str, SavedArray]
) -> dict[str, SavedArray]:
    """The arrays by path, with the numbers that those of a quantized layer stand for in their place."""
    inside: list[SavedArray] = []
    while (path := f"{group}/{len(inside)}") in arrays:
        inside.append(arrays[path])
    parts = named_parts([slot.row.name for slot in slots], inside)
    if parts is None:
        return arrays
    left = {path: array for path, array in arrays.items() if array not in inside}
    for number, slot in enumerate(slots):
        left[f"{group}/{number}"] = numbers_of(slot, owner, parts, None) or parts[slot.row.name]
    return left


def _with_numbers(
    layers: Sequence[Layer],
    wanted: Sequence[Slot],
    found: Found,
    leftover: Sequence[SavedArray],
    lora_alphas: Mapping[str, float],
) -> list[SavedArray]:
    """Put into ``found`` what the arrays of a quantized or updated layer stand for; what is left over beyond them."""
    used: set[str] = set()
    whole = [slot for slot in wanted if len(found.get(key_of(slot), ())) == 1]
    for _, group in groupby(whole, lambda slot: (slot.layer, slot.path)):
        slots = [*group]
        beside = parts_beside(found[key_of(slots[0])][0], leftover)
        if not beside:
            continue
        parts = {**beside, **{slot.row.name: found[key_of(slot)][0] for slot in slots}}
        owner = _owner_of(slots[0], layers)
        for slot in slots:
            numbers = numbers_of(slot, owner, parts, lora_alphas.get(slot.owner))
            if numbers is not None:
                found[key_of(slot)] = (numbers,)
                used |= {beside[name].path for name in names_used(slot.row.name, beside)}
    return [array for array in leftover if array.path not in used]


def _owner_of(slot: Slot, layers: Sequence[Layer]) -> nn.Module:
    layer = next(layer for layer in layers if layer.name == slot.layer)
    return layer.get_submodule(".".join(slot.path))
