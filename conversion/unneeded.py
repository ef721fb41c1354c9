"""Initializers, regularizers and constraints of an author's own: a model whose weights are in the file runs without.

One that was not given is replaced by one that raises when it is used, and named in the report.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from torch_keras_lstm import constraints, initializers, regularizers
from torch_keras_lstm.conversion.absent import name_in
from torch_keras_lstm.conversion.custom_layers import CustomObjects
from torch_keras_lstm.conversion.saved_config import LayerDescription, ModelDescription
from torch_keras_lstm.layers import dtypes
from torch_keras_lstm.layers.weight import are_weights_given

_Knows = Callable[[Any, Mapping[str, Any]], bool]
_KINDS: Mapping[str, tuple[str, _Knows]] = {
    "_initializer": ("initializer", initializers.is_known),
    "_regularizer": ("regularizer", regularizers.is_known),
    "_constraint": ("constraint", constraints.is_known),
}


def without_unneeded(config: Any, custom_objects: CustomObjects) -> Any:
    """A layer's configuration with what is not known of these kinds replaced, in the layers inside it as well."""
    if isinstance(config, list | tuple):
        return [without_unneeded(one, custom_objects) for one in config]
    if not isinstance(config, Mapping):
        return config
    return {
        name: _absent(value, *unknown)
        if (unknown := _unknown(name, value, custom_objects))
        else without_unneeded(value, custom_objects)
        for name, value in config.items()
    }


def notes(model: ModelDescription, custom_objects: CustomObjects) -> list[str]:
    """What the report says of them."""
    found: dict[str, list[str]] = {}
    for top in model.layers:
        for layer in top.walk():
            for kind, name in _of_layer(layer, custom_objects):
                found.setdefault(f"the {kind} `{name}`", []).append(layer.name)
    return [
        f"{what[0].upper()}{what[1:]} of layer `{layers[0]}`{_more(layers)} is not known, and not needed to run the "
        "model: using it raises an error. One of your own goes into `custom_objects`."
        for what, layers in found.items()
    ]


def _more(layers: Sequence[str]) -> str:
    return f" and {len(layers) - 1} more" if len(layers) > 1 else ""


def _of_layer(layer: LayerDescription, custom_objects: CustomObjects) -> Iterator[tuple[str, str]]:
    for name, value in layer.arguments.items():
        unknown = _unknown(name, value, custom_objects)
        if unknown is not None:
            yield unknown[0], name_in(value)


def _unknown(argument: str, value: Any, custom_objects: CustomObjects) -> tuple[str, str] | None:
    """The kind and the argument when ``value`` names something of these kinds that is not known."""
    for suffix, (kind, is_known) in _KINDS.items():
        if argument.endswith(suffix) and isinstance(value, str | Mapping) and not is_known(value, custom_objects):
            return kind, argument
    return None


def _absent(entry: Any, kind: str, argument: str) -> Any:
    reason = (
        f"The {kind} `{name_in(entry)}`, which the model's file names for `{argument}`, is not known: one of your own "
        "goes into `custom_objects` of `load_model`."
    )

    def use(self: Any, *arguments: Any, **options: Any) -> Tensor:
        if kind == "initializer" and are_weights_given():
            return _zeros(*arguments, **options)
        raise ValueError(reason)

    config = entry.get("config") if isinstance(entry, Mapping) else None
    kept = dict(config) if isinstance(config, Mapping) else {}
    members = {"__call__": use, "get_config": lambda self: kept, "__module__": __name__}
    return type(name_in(entry), (), members)()


def _zeros(shape: Sequence[int], dtype: object = None, device: Any = None) -> Tensor:
    return torch.zeros(tuple(shape), dtype=dtypes.get(dtype), device=device)
