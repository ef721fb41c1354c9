"""Where `.keras` and `.weights.h5` files keep the arrays of each layer."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from torch import nn

from torch_keras_lstm.conversion.arrays import ArraysByPath
from torch_keras_lstm.conversion.attribute_paths import attribute_places
from torch_keras_lstm.conversion.build import LAYERS
from torch_keras_lstm.conversion.producer import Producer
from torch_keras_lstm.layers import BatchNormalization, GroupQueryAttention, Layer
from torch_keras_lstm.layers.naming import snake_case
from torch_keras_lstm.layers.weight import WeightRow
from torch_keras_lstm.models import Model
from torch_keras_lstm.models.model import as_layer

# What Keras calls a class itself, where that is not its name in `keras.layers`: groups go by it.
_CLASSES_OF_GROUPS = {"GroupQueryAttention": "GroupedQueryAttention"}


def first_places(
    layers: Sequence[Layer], arrays: ArraysByPath, producer: Producer, tf_keras: bool
) -> dict[nn.Module, str]:
    """Where each module's arrays stand; of one at several places, where it is met first."""
    places: dict[nn.Module, str] = {}
    for layer, path, place in places_of(layers, arrays.root, arrays, producer, tf_keras):
        places.setdefault(layer.get_submodule(".".join(path)), public_path(place, arrays.root))
    return places


def places_of(
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
        for layer, path, inner in places_of(layers, f"{place}/{arrays.root}", arrays, producer, tf_keras):
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


def group_of(place: str, owner: Any, row: WeightRow | None = None) -> str:
    """The group of a layer's variables; a model's own stand at the top."""
    return f"{place}/{variables_of(owner, row)}" if place else variables_of(owner, row)


def variables_of(owner: Any, row: WeightRow | None = None) -> str:
    """Where the layer keeps its variables; a layer derived from one of ours keeps them as that does.

    What ``add_weight`` made for such a class stands beside the cell that has the others.
    """
    if row is not None and row.is_own:
        return "vars"
    return next((LAYERS[base.__name__].variables for base in type(owner).__mro__ if base.__name__ in LAYERS), "vars")


def public_path(path: str, root: str) -> str:
    """A path without the underscores of attributes; a nested model's root may begin with one."""
    return re.sub(f"/_(?!{root[1:]}/)", "/", path)
