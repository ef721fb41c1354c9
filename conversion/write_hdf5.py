"""Named arrays into HDF5, in both of Keras 3's layouts. In memory: a file is written in one go, or not at all.

This alone needs h5py, which is imported when something is written.
"""

import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from torch_keras_lstm.conversion.arrays import Array

# HDF5 keeps a group's attributes in 64 KiB; Keras splits longer lists of names.
_LIMIT = 64512


Groups = Mapping[str, Sequence[Array] | Mapping[str, Array]]


def shards_of(arrays: Groups, limit: float) -> list[dict[str, dict[str, Array]]]:
    """The groups of :func:`by_path` in order, in as few files as hold at most ``limit`` bytes of arrays each.

    A group's arrays have the names that they have in one file, wherever they come.

    Raises:
        ValueError: for an array that alone is larger.
    """
    shards: list[dict[str, dict[str, Array]]] = [{}]
    size = 0
    for path, values in arrays.items():
        for name, value in values.items() if isinstance(values, Mapping) else enumerate(values):
            if value.nbytes > limit:
                raise ValueError(
                    f"An array of {value.nbytes} bytes, `{path}/{name}`, is larger than `max_shard_size`, {limit:.0f} "
                    "bytes: it cannot be divided."
                )
            size += value.nbytes
            if size > limit:
                shards.append({})
                size = value.nbytes
            shards[-1].setdefault(path, {})[str(name)] = value
    return shards


def by_path(arrays: Groups, names: Mapping[str, str]) -> bytes:
    """A ``.weights.h5`` file: for each group the arrays 0, 1, ... in it, or under names of their own.

    Args:
        arrays: by the path of their group, ``layers/lstm/cell/vars``.
        names: the name of the layer that each group belongs to, which Keras notes there.
    """
    import h5py

    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file.create_group("vars")  # the model's own, without which the releases until 3.5 read nothing
        for path, values in arrays.items():
            group = file.require_group(path)
            if path in names:
                group.attrs["name"] = names[path]
            for name, value in values.items() if isinstance(values, Mapping) else enumerate(values):
                group.create_dataset(str(name), data=value)
    return buffer.getvalue()


def by_layer(
    layers: Mapping[str, Sequence[tuple[str, Array]]],
    attributes: Mapping[str, str],
    weights_attributes: Mapping[str, str],
    optimizer: Sequence[tuple[str, Array]] = (),
) -> bytes:
    """A whole model in legacy ``.h5``: under each layer's name its arrays, under theirs.

    Args:
        layers: each layer's arrays with their names, in order.
        attributes: of the whole file, such as ``model_config``.
        weights_attributes: of the group of weights, such as ``keras_version``.
        optimizer: the optimizer's arrays with their names.
    """
    import h5py

    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        _note(file, attributes)
        weights = file.create_group("model_weights")
        _list_names(weights, "layer_names", layers)
        _note(weights, weights_attributes)
        for layer in sorted(layers):
            _put(weights.create_group(layer), layers[layer])
        _put(weights.create_group("top_level_model_weights"), [])
        if optimizer:
            _put(file.create_group("optimizer_weights"), optimizer)
    return buffer.getvalue()


def _note(group: Any, attributes: Mapping[str, str]) -> None:
    for name, text in attributes.items():
        group.attrs[name] = text.encode()


def _put(group: Any, arrays: Sequence[tuple[str, Array]]) -> None:
    _list_names(group, "weight_names", [name for name, _ in arrays])
    for name, value in arrays:
        group.create_dataset(name, data=value)


def _list_names(group: Any, attribute: str, names: Iterable[str]) -> None:
    listed = np.array([name.encode() for name in names])
    parts = np.array_split(listed, -(-listed.nbytes // _LIMIT) or 1)
    while max(part.nbytes for part in parts) > _LIMIT:
        parts = np.array_split(listed, len(parts) + 1)
    for number, part in enumerate(parts):
        group.attrs[attribute if len(parts) == 1 else f"{attribute}{number}"] = part
