"""The configuration of a layer of one's own that does not tell it, as Keras 3 finds it; and the layer from it."""

import inspect
from collections.abc import Mapping
from typing import Any

from torch_keras_lstm.layers import dtypes
from torch_keras_lstm.layers.base_layer import BaseLayer
from torch_keras_lstm.layers.rules_of_files import apart_from_rules, rules_of_3_16

_SIMPLE = (str, int, float, bool, type(None))

# What every layer's configuration may hold, and a class of one's own may not take.
_COMMON = ("name", "trainable", "dtype", "autocast", "activity_regularizer", "input_shape", "batch_input_shape")


def arguments_of(layer_class: type, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any] | None:
    """What a layer is made with, by name, defaults included; ``None`` unless all of it can stand in a configuration."""
    signature = inspect.signature(layer_class.__init__)  # type: ignore[misc]  # of this very class
    try:
        bound = signature.bind(None, *args, **kwargs)
    except TypeError:
        return None
    bound.apply_defaults()
    arguments: dict[str, Any] = {}
    for index, (name, value) in enumerate(bound.arguments.items()):
        kind = signature.parameters[name].kind
        if index == 0:
            continue  # `self`
        if kind is inspect.Parameter.VAR_KEYWORD:
            arguments |= value
        elif kind is inspect.Parameter.POSITIONAL_ONLY or (kind is inspect.Parameter.VAR_POSITIONAL and value):
            return None
        elif kind is not inspect.Parameter.VAR_POSITIONAL:
            arguments[name] = value
    return arguments if all(map(_is_simple, arguments.values())) else None


def _is_simple(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(map(_is_simple, value))
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_simple(item) for key, item in value.items())
    return isinstance(value, _SIMPLE)


def automatic(layer: BaseLayer, common: Mapping[str, Any]) -> dict[str, Any]:
    """``common`` and the arguments that the layer was made with.

    Raises:
        NotImplementedError: when these are not numbers, strings and the like.
    """
    arguments: dict[str, Any] | None = layer.__dict__.get("_constructor")
    if arguments is None:
        raise NotImplementedError(
            f"Class {type(layer).__name__} was made with arguments that no configuration can hold by itself: define "
            "`get_config`, which returns `{**super().get_config(), 'argument': ...}` in a form that JSON holds."
        )
    return {**arguments, **common}


def make(layer_class: type[BaseLayer], config: Mapping[str, Any]) -> Any:
    """A layer of one's own from a configuration; what every layer's holds reaches a class that takes it alone.

    Raises:
        TypeError: when the class does not take an argument, naming the class.
    """
    config, newer = apart_from_rules(layer_class, config)
    parameters = inspect.signature(layer_class).parameters.values()
    takes_any = any(one.kind is one.VAR_KEYWORD for one in parameters)
    taken = {one.name for one in parameters}
    arguments = {key: value for key, value in config.items() if takes_any or key in taken or key not in _COMMON}
    if isinstance(arguments.get("dtype"), Mapping):
        arguments["dtype"] = dtypes.name(dtypes.get(arguments["dtype"]))
    try:
        with rules_of_3_16(newer):
            layer = layer_class(**arguments)
    except TypeError as error:
        raise TypeError(
            f"Class {layer_class.__name__} cannot be made from its configuration {arguments}: {error}."
        ) from error
    if "name" in config and "name" not in arguments:
        layer.name = config["name"]
    if config.get("trainable") is False and "trainable" not in arguments:
        layer.trainable = False
    if config.get("dtype") is not None and "dtype" not in arguments:
        layer.to(dtypes.get(config["dtype"]))
    return layer
