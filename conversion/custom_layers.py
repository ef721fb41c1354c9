"""What a file names and only its author has: layers, functions, and the code of a ``Lambda``, which is never run.

A file says nothing of a class that it names and does not hold. The class that the user gives tells what its arguments
mean: those that it has from one of our layers are read as that layer's, in the dialect of the Keras that saved them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from torch import nn

from torch_keras_lstm.conversion.argument_kinds import ARGUMENTS
from torch_keras_lstm.conversion.dialects import translate
from torch_keras_lstm.conversion.producer import Producer
from torch_keras_lstm.conversion.saved_config import LayerDescription, ModelDescription, NestedModel
from torch_keras_lstm.layers import Layer
from torch_keras_lstm.layers.lambda_layer import Lambda

# By name: layer classes, functions that make layers, functions and classes of activations and the like, and for each
# Lambda, by its layer's name, a function or a torch module.
CustomObjects = Mapping[str, Any]


def for_layers(model: ModelDescription, custom_objects: CustomObjects) -> CustomObjects:
    """``custom_objects`` for :func:`torch_keras_lstm.layers.deserialize`, which asks for a ``Lambda`` by its class.

    What stands under the name of a Lambda is for that layer alone: one called "softmax" is not everybody's activation.
    """
    described = [layer for top in model.layers for layer in top.walk()]
    names = {layer.name for layer in described if layer.class_name == "Lambda"}
    names -= {layer.class_name for layer in described}
    others = {name: value for name, value in custom_objects.items() if name not in names}
    return {"Lambda": _Lambdas(custom_objects), **others}


@dataclass(frozen=True)
class _Lambdas:
    """Makes the layer in the place of a ``Lambda``, from what is given under the layer's name."""

    given: CustomObjects

    def from_config(self, config: Mapping[str, Any]) -> Layer:
        """The layer: one of the user's, or a function or module in a layer."""
        function = _given(config["name"], config, self.given)
        if isinstance(function, type):
            function = function()
        if isinstance(function, Layer):
            return function
        if not isinstance(function, nn.Module) and not callable(function):
            raise ValueError(f"`custom_objects[{config['name']!r}]` must be a function or a module, got {function!r}.")
        mask = config.get("mask")
        if mask is not None and _function_name(mask) not in self.given:
            raise ValueError("it has a function for its mask, too: give a layer with a `compute_mask` of its own.")
        options = {
            name: config[name] for name in ("name", "trainable", "dtype", "arguments") if config.get(name) is not None
        }
        shape = self.given.get(_function_name(config.get("output_shape")))
        return Lambda(function, shape, self.given.get(_function_name(mask)), **options)


def given_function(layer: LayerDescription, given: CustomObjects) -> Any:
    """What is given for a Lambda, under the layer's name or its function's, ``None`` for nothing."""
    return _given(layer.name, layer.arguments, given)


def _given(name: str, config: Mapping[str, Any], given: CustomObjects) -> Any:
    return given.get(name, given.get(_function_name(config.get("function"))))


def _function_name(function: object) -> str:
    """The name that a file holds of a function, "" for one that it holds as code or not at all."""
    named = function.get("config") if isinstance(function, Mapping) else function
    return named if isinstance(named, str) else ""


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
    unpackaged = layer.class_name.rpartition(">")[2]  # of "package>Name", as tf.keras writes what is registered
    if layer.class_name not in custom_objects and unpackaged in custom_objects:
        layer = replace(layer, class_name=unpackaged)
    own = custom_objects.get(layer.class_name)
    if layer.class_name in ARGUMENTS or not isinstance(own, type) or (base := _base_of(own)) is None:
        return layer
    _, arguments, _ = translate(base, layer.arguments, producer, layer.place)
    # Names of ours, which a constructor of somebody's own need not take.
    for name in ("all_steps_at_once", "hold_initial_state", "resizes_in_inference"):
        arguments.pop(name, None)
    return replace(layer, arguments=arguments)


def _base_of(own: type) -> str | None:
    """The name of the layer of ours that a class derives from, ``None`` for a layer from scratch."""
    return next((base.__name__ for base in own.__mro__ if base.__name__ in ARGUMENTS and issubclass(base, Layer)), None)
