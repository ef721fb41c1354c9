"""Layers of the user's own: their configurations in the terms of the layer of ours that they derive from.

A file says nothing of a class that it names and does not hold. The class that the user gives tells what its arguments
mean: those that it has from one of our layers are read as that layer's, in the dialect of the Keras that saved them.
"""

from collections.abc import Mapping
from dataclasses import replace

from torch_keras_lstm.conversion.arguments import ARGUMENTS
from torch_keras_lstm.conversion.dialects import Producer, translate
from torch_keras_lstm.conversion.saved_config import LayerDescription, ModelDescription, NestedModel
from torch_keras_lstm.layers import Layer

CustomObjects = Mapping[str, type[Layer]]


def with_custom_layers(model: ModelDescription, custom_objects: CustomObjects) -> ModelDescription:
    """The description of a model with the arguments of the user's own layers in Keras 3's terms."""
    return replace(model, layers=tuple(_translated(layer, custom_objects, model.producer) for layer in model.layers))


def _translated(layer: LayerDescription, custom_objects: CustomObjects, producer: Producer) -> LayerDescription:
    if isinstance(layer, NestedModel):
        return replace(layer, layers=tuple(_translated(inner, custom_objects, producer) for inner in layer.layers))
    children = {name: _translated(child, custom_objects, producer) for name, child in layer.children.items()}
    lists = {
        name: tuple(_translated(inner, custom_objects, producer) for inner in several)
        for name, several in layer.lists.items()
    }
    layer = replace(layer, children=children, lists=lists)
    own = custom_objects.get(layer.class_name)
    base = _base_of(own) if layer.class_name not in ARGUMENTS and isinstance(own, type) else None
    if base is None:
        return layer
    _, arguments, _ = translate(base, layer.arguments, producer, layer.place)
    # A name of ours, which a constructor of somebody's own need not take.
    arguments.pop("hold_initial_state", None)
    return replace(layer, arguments=arguments)


def _base_of(own: type[Layer]) -> str | None:
    """The name of the layer of ours that a class derives from, ``None`` for a layer from scratch."""
    return next((base.__name__ for base in own.__mro__ if base.__name__ in ARGUMENTS and issubclass(base, Layer)), None)
