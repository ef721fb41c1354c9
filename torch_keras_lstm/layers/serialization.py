"""Layers as plain dictionaries and back, through a registry of this package's own classes."""

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any, NamedTuple, TypeVar

from torch_keras_lstm.layers.layer import Layer
from torch_keras_lstm.registry import close_match

LayerClass = TypeVar("LayerClass", bound=type[Layer])


class Registered(NamedTuple):
    """A layer class of this package, and the Keras module that has the class of the same name."""

    layer_class: type[Layer]
    keras_module: str


_REGISTERED: dict[str, Registered] = {}
# What the outermost `deserialize` was given, for the calls that layers holding others make in their `from_config`.
_CUSTOM: ContextVar[Mapping[str, type[Layer]]] = ContextVar("custom_objects")


def register(keras_module: str) -> Callable[[LayerClass], LayerClass]:
    """Class decorator that makes a layer known to :func:`deserialize`, under the name of the class.

    ``@register("keras.layers")`` stands above every layer of this package that a configuration may name.

    Args:
        keras_module: where Keras has the class of that name. It is written, so that Keras can read what
            :func:`serialize` gives, and never read.

    Raises:
        ValueError: when the name is taken.
    """

    def add(layer_class: LayerClass) -> LayerClass:
        name = layer_class.__name__
        if name in _REGISTERED:
            raise ValueError(f"A layer class named `{name}` is registered already.")
        _REGISTERED[name] = Registered(layer_class, keras_module)
        return layer_class

    return add


def serialize(layer: Layer) -> dict[str, Any]:
    """The layer as a dictionary that JSON holds, and that Keras 3 reads if it has a class of that name."""
    layer_class = type(layer)
    known = _REGISTERED.get(layer_class.__name__)
    return {
        "module": known.keras_module if known and known.layer_class is layer_class else None,
        "class_name": layer_class.__name__,
        "config": layer.get_config(),
        "registered_name": None,
    }


def deserialize(config: Mapping[str, Any], custom_objects: Mapping[str, type[Layer]] | None = None) -> Layer:
    """A new layer as a dictionary of :func:`serialize`, or of Keras 3, describes it.

    The class is chosen by ``class_name`` alone: nothing is imported because a configuration names it.

    Args:
        config: ``{"class_name": ..., "config": {...}}``; other keys are ignored.
        custom_objects: further layer classes by name, for the layers inside this one too. They come before this
            package's own.

    Raises:
        ValueError: when ``config`` has another form or its class is unknown.
    """
    name, arguments = _parts(config)
    custom = {**_CUSTOM.get({}), **(custom_objects or {})}
    classes = {**{known: entry.layer_class for known, entry in _REGISTERED.items()}, **custom}
    if name not in classes:
        raise ValueError(
            f"Unknown layer class {name!r}. {close_match(name, classes)} Classes of your own go into `custom_objects`."
        )
    token = _CUSTOM.set(custom)
    try:
        return classes[name].from_config(arguments)
    finally:
        _CUSTOM.reset(token)


def _parts(config: object) -> tuple[str, Mapping[str, Any]]:
    if isinstance(config, Mapping):
        name, arguments = config.get("class_name"), config.get("config")
        if isinstance(name, str) and isinstance(arguments, Mapping):
            return name, arguments
    raise ValueError(
        f"The configuration of a layer has the form {{'class_name': name, 'config': arguments}}, got {config!r:.200}."
    )
