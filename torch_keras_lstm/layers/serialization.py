"""Layers as plain dictionaries and back, through a registry of this package's own classes."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar

from torch_keras_lstm.layers.layer import Layer
from torch_keras_lstm.layers.rules_of_files import apart_from_rules, rules_of_3_16
from torch_keras_lstm.operations import is_operation
from torch_keras_lstm.registry import CUSTOM_OBJECTS, close_match, misfit, registered_name, with_registered

LayerClass = TypeVar("LayerClass", bound=type[Layer])


class Registered(NamedTuple):
    """A layer class of this package, and the Keras module that has the class of the same name."""

    layer_class: type[Layer]
    keras_module: str


_REGISTERED: dict[str, Registered] = {}


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


def keras_module(layer_class: type) -> str | None:
    """The module of Keras that has a class of this package's by its name; ``None`` for any other class."""
    known = _REGISTERED.get(layer_class.__name__)
    return known.keras_module if known is not None and known.layer_class is layer_class else None


def layer_class(name: str) -> type[Layer] | None:
    """The layer class of this package of that name."""
    known = _REGISTERED.get(name)
    return None if known is None else known.layer_class


def serialize(layer: Layer) -> dict[str, Any]:
    """The layer as a dictionary that JSON holds, and that Keras 3 reads where it has a class of that name.

    Example:
        >>> entry = serialize(Dense(4, activation="relu"))
        >>> entry["class_name"], entry["config"]["units"], entry["config"]["activation"]
        ('Dense', 4, 'relu')
    """
    if (entry := layer.entry_of_its_own()) is not None:
        return entry
    module = keras_module(type(layer))
    return {
        "module": type(layer).__module__ if module is None else module,
        "class_name": type(layer).__name__,
        "config": layer.get_config(),
        "registered_name": None if module else registered_name(type(layer)) or type(layer).__name__,
    }


def deserialize(config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Layer:
    """A new layer as a dictionary of :func:`serialize`, or of Keras 3, describes it.

    The class is chosen by ``class_name`` alone: nothing is imported because a configuration names it.

    Args:
        config: ``{"class_name": ..., "config": {...}}``, of an operation with the ``module``; other keys are ignored.
        custom_objects: what the configuration names and is not this package's, by name, for the layers inside this one
            too: layer classes, functions that make a layer of the configuration's entries as keyword arguments, and
            activations, initializers, regularizers and constraints. They come before this package's own.

    Raises:
        ValueError: when ``config`` has another form, its class is unknown, or what stands for it makes no layer.

    Example:
        >>> layer = deserialize({"class_name": "Dense", "config": {"units": 4}})
        >>> layer(torch.randn(2, 3)).shape
        torch.Size([2, 4])
    """
    name, arguments = _parts(config)
    module = config.get("module")
    if is_operation(name, module if isinstance(module, str) else None):
        arguments = {"name": arguments.get("name"), "operation": name, "arguments": arguments}
        name = "OperationLayer"
    # The outermost call's are there for the calls that layers holding others make in their `from_config`.
    custom = with_registered(custom_objects)
    known = _REGISTERED.get(name)
    make = custom.get(name, known and known.layer_class)
    if make is None:
        names = [*_REGISTERED, *custom]
        raise ValueError(
            f"Unknown layer class {name!r}. {close_match(name, names)} Classes of your own go into `custom_objects`."
        )
    token = CUSTOM_OBJECTS.set(custom)
    try:
        # What a graph in a file holds is built with the whole, when its weights are known.
        from_config = getattr(make, "unbuilt_from_config", None) or getattr(make, "from_config", None)
        arguments, newer = apart_from_rules(make, arguments) if isinstance(make, type) else (arguments, False)
        with rules_of_3_16(newer):
            layer = make(**arguments) if from_config is None else from_config(arguments)
    except TypeError as error:
        if isinstance(error, ValueError) or name in custom:  # ours says what it expects, an author's is the author's
            raise
        raise ValueError(misfit(name, make, arguments)) from error
    finally:
        CUSTOM_OBJECTS.reset(token)
    if not isinstance(layer, Layer):
        raise ValueError(
            f"`custom_objects[{name!r}]` must make a layer, derived from `torch_keras_lstm.layers.Layer` or one of its "
            f"classes; it made {layer!r:.200}."
        )
    if isinstance(arguments.get("name"), str):
        layer.name = arguments["name"]
    layer.saved_class = name.rpartition(">")[2]
    return layer


def _parts(config: object) -> tuple[str, Mapping[str, Any]]:
    if isinstance(config, Mapping):
        name, arguments = config.get("class_name"), config.get("config")
        if isinstance(name, str) and isinstance(arguments, Mapping):
            return name, arguments
    raise ValueError(
        f"The configuration of a layer has the form {{'class_name': name, 'config': arguments}}, got {config!r:.200}."
    )
