"""Objects as dictionaries that JSON holds, in Keras 3's format, and back.

Only names decide what a dictionary means, this package's and those that the user registered: nothing is imported
because one names it, and no code in one is run.
"""

from collections.abc import Mapping
from types import EllipsisType, FunctionType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from torch_keras_lstm import (
    activations,
    constraints,
    initializers,
    layers,
    losses,
    metrics,
    optimizers,
    regularizers,
)
from torch_keras_lstm.layers import Layer
from torch_keras_lstm.layers.keras_tensor import KerasTensor
from torch_keras_lstm.layers.serialization import keras_module, layer_class
from torch_keras_lstm.optimizers import schedules
from torch_keras_lstm.registry import CUSTOM_OBJECTS, with_registered
from torch_keras_lstm.utils.registration import get_registered_name
from torch_keras_lstm.utils.symbolic import standardize_dtype

# Our modules by the name that Keras has for them; of equal names the first one is meant.
_KINDS: Mapping[str, Any] = {
    "keras.layers": layers,
    "keras.initializers": initializers,
    "keras.regularizers": regularizers,
    "keras.constraints": constraints,
    "keras.losses": losses,
    "keras.metrics": metrics,
    "keras.optimizers.schedules": schedules,
    "keras.optimizers": optimizers,
    "keras.activations": activations,
}


def serialize_keras_object(obj: Any) -> Any:
    """``obj`` in Keras 3's format.

    Args:
        obj: a layer, model, initializer, loss, metric, optimizer and the like; an object with ``get_config`` or a
            function of one's own; numbers, strings, arrays, tensors; lists and dictionaries of all these.

    Raises:
        TypeError: for an object without ``get_config``.
        ValueError: for a lambda, whose code no file of this package holds.
    """
    if obj is None or isinstance(obj, str | int | float | bool):
        return obj
    if isinstance(obj, list | tuple):
        return type(obj)([serialize_keras_object(item) for item in obj])
    if isinstance(obj, Mapping):
        return {key: serialize_keras_object(item) for key, item in obj.items()}
    special = _special(obj)
    return _object(obj) if special is None else special


def _special(obj: Any) -> Any:
    """What Keras writes of values that JSON does not know; ``None`` for others."""
    if isinstance(obj, bytes):
        return {"class_name": "__bytes__", "config": {"value": obj.decode("utf-8")}}
    if isinstance(obj, slice):
        parts = {"start": obj.start, "stop": obj.stop, "step": obj.step}
        return {"class_name": "__slice__", "config": serialize_keras_object(parts)}
    if isinstance(obj, EllipsisType):
        return {"class_name": "__ellipsis__", "config": {}}
    if isinstance(obj, KerasTensor):
        history = [obj.node.layer.name, obj.node.layer._inbound_nodes.index(obj.node), obj.index]
        config = {"shape": obj.shape, "dtype": standardize_dtype(obj.dtype), "keras_history": history}
        return {"class_name": "__keras_tensor__", "config": config}
    if isinstance(obj, Tensor):
        config = {"value": obj.detach().cpu().tolist(), "dtype": standardize_dtype(obj.dtype)}
        return {"class_name": "__tensor__", "config": config}
    if isinstance(obj, np.ndarray) and obj.ndim:
        return {"class_name": "__numpy__", "config": {"value": obj.tolist(), "dtype": standardize_dtype(obj.dtype)}}
    if isinstance(obj, np.ndarray | np.generic):
        return obj.item()
    if isinstance(obj, torch.dtype):
        return standardize_dtype(obj)
    return None


def _object(obj: Any) -> dict[str, Any]:
    if isinstance(obj, FunctionType):
        if obj.__name__ == "<lambda>":
            raise ValueError("A lambda has no name that a file could tell: define a function with `def`.")
        name = get_registered_name(obj)
        return {"module": "builtins", "class_name": "function", "config": name, "registered_name": "function"}
    if not hasattr(obj, "get_config"):
        raise TypeError(f"{obj!r:.200} of type {type(obj).__name__} has no `get_config()`, which tells how to make it.")
    config = obj.get_config()
    if not isinstance(config, dict):
        raise TypeError(f"`get_config()` of {type(obj).__name__} must give a dictionary, got {config!r:.200}.")
    cls = type(obj)
    module = _module_of(cls)
    if isinstance(obj, Layer) and module == "keras.layers" and isinstance(config.get("dtype"), str):
        config = {**config, "dtype": _policy(config["dtype"])}
    written = {
        "module": module or cls.__module__,
        "class_name": cls.__name__,
        "config": serialize_keras_object(config),
        "registered_name": None if module else get_registered_name(cls),
    }
    if hasattr(obj, "get_build_config"):
        build_config = obj.get_build_config()
        if build_config is not None:
            written["build_config"] = serialize_keras_object(build_config)
    return written


def _policy(dtype: str) -> dict[str, Any]:
    return {"module": "keras", "class_name": "DTypePolicy", "config": {"name": dtype}, "registered_name": None}


def _module_of(cls: type) -> str | None:
    """Keras' name of the module that has the class, ``None`` for a class of the user's own."""
    found = keras_module(cls)
    if found is not None:
        return found
    for name, module in _KINDS.items():
        if getattr(module, cls.__name__, None) is cls:
            return name
    return None


def deserialize_keras_object(
    config: Any, custom_objects: Mapping[str, Any] | None = None, safe_mode: bool = True, **kwargs: Any
) -> Any:
    """The object that :func:`serialize_keras_object`, of this package or of Keras 3, described.

    Args:
        config: the dictionary.
        custom_objects: classes and functions of the user's own by name, beside those that are registered.
        safe_mode: taken for Keras' sake: the code of a lambda is never run.
        **kwargs: ``module_objects``, more objects by name.

    Raises:
        ValueError: for a lambda, or a name that is not known.
        TypeError: when a dictionary is not in the format.
    """
    known = with_registered({**(kwargs.pop("module_objects", None) or {}), **(custom_objects or {})})
    if kwargs:
        raise TypeError(f"`deserialize_keras_object` has no argument {next(iter(kwargs))!r}.")
    token = CUSTOM_OBJECTS.set(known)
    try:
        return _made(config, known)
    finally:
        CUSTOM_OBJECTS.reset(token)


def _made(config: Any, known: Mapping[str, Any]) -> Any:
    if isinstance(config, str) and config in known:
        return known[config]
    if config is None or isinstance(config, str | int | float | bool):
        return config
    if isinstance(config, list | tuple):
        return [_made(item, known) for item in config]
    if not isinstance(config, Mapping):
        raise TypeError(f"Could not parse config: {config!r:.200}.")
    if "class_name" not in config or "config" not in config:
        return {key: _made(item, known) for key, item in config.items()}
    name, inner = config["class_name"], config["config"]
    if name.startswith("__"):
        return _special_value(name, inner if inner is not None else {}, known)
    if name == "function":
        return _function(inner, config, known)
    if not isinstance(inner if inner is not None else {}, Mapping):
        raise TypeError(f"Expected 'config' to be a dict for {name}, got {type(inner).__name__}: {config!r:.200}.")
    return _instance(name, dict(inner or {}), config, known)


def _special_value(name: str, inner: Any, known: Mapping[str, Any]) -> Any:
    if name == "__tensor__":
        return torch.tensor(inner["value"], dtype=getattr(torch, standardize_dtype(inner["dtype"])))
    if name == "__numpy__":
        return np.array(inner["value"], dtype=inner["dtype"])
    if name == "__bytes__":
        return inner["value"].encode("utf-8")
    if name == "__ellipsis__":
        return ...
    if name == "__slice__":
        return slice(*(_made(inner[part], known) for part in ("start", "stop", "step")))
    if name == "__lambda__":
        raise ValueError(
            "The configuration holds a lambda, that is arbitrary code execution: it is never run. Give the function "
            "under its name as `custom_objects`."
        )
    if name == "__typespec__" and not isinstance(inner, list | tuple):
        raise TypeError(f"Expected 'config' to be a list or a tuple for a __typespec__, got {type(inner).__name__}.")
    raise ValueError(f"`{name}` is nothing that this package can make.")


def _function(name: Any, config: Mapping[str, Any], known: Mapping[str, Any]) -> Any:
    if not isinstance(name, str):
        raise TypeError(
            f"Expected 'config' to be a non-null str for a function, got {type(name).__name__}: {config!r:.200}."
        )
    for candidate in (name, str(config.get("registered_name")), name.rpartition(">")[2]):
        if candidate in known:
            return known[candidate]
    for module in (activations, losses, metrics):
        found = getattr(module, name, None)
        if isinstance(found, FunctionType):
            _check_registered_name(config, name)
            return found
    raise ValueError(f"There is no function {name!r}: one of your own goes into `custom_objects`.")


def _instance(name: str, inner: dict[str, Any], config: Mapping[str, Any], known: Mapping[str, Any]) -> Any:
    registered = config.get("registered_name")
    own = known.get(registered, known.get(name)) if isinstance(registered, str) else known.get(name)
    if own is None:
        own = _class_named(name, config.get("module"))
        if own is not None:
            _check_registered_name(config, name)
    if own is None:
        raise ValueError(
            f"Unknown class {name!r}: one of your own goes into `custom_objects`, or is registered by "
            "`saving.register_keras_serializable`."
        )
    if isinstance(own, FunctionType):
        return own
    if name == "Sequential" and not {"name", "layers"} <= inner.keys():
        raise ValueError(
            "A Sequential model configuration must be a dictionary containing the 'name' and 'layers' keys, got "
            f"{inner!r:.200}."
        )
    if not hasattr(own, "from_config"):
        raise TypeError(f"Class {name!r} has no `from_config()`, which makes it of its configuration.")
    made = own.from_config(inner)
    build_config = config.get("build_config")
    if build_config and hasattr(made, "build_from_config") and not getattr(made, "built", True):
        made.build_from_config(build_config)
    return made


def _check_registered_name(config: Mapping[str, Any], name: str) -> None:
    """Raise a ``ValueError`` when what is Keras' own is given another name, as what is registered has."""
    registered = config.get("registered_name")
    if registered and registered not in (name, config.get("class_name")):
        raise ValueError(f"`registered_name` is {registered!r}, but {name!r} resolved to a Keras built-in.")


def _class_named(name: str, module: Any) -> Any:
    """The class of this package by that name, in the module that Keras has it in if it is told."""
    layer = layer_class(name) if module is None or str(module).startswith("keras") else None
    wanted = [kind for kind in _KINDS if kind == module] or [*_KINDS]
    if layer is not None and (module in (None, "keras", "keras.layers") or str(module).startswith("keras.src")):
        return layer
    for kind in wanted:
        found = getattr(_KINDS[kind], name, None)
        if isinstance(found, type):
            return found
    return layer
