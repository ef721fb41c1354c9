"""Where Keras keeps the weights of a model class of one's own: under the attributes that lead to the layers.

Attributes are visited in the order of their names, in Keras 3 forwards, those with an underscore last, in tf.keras
backwards; a layer that two lead to stands under the first. Among the attributes of a model is ``layers``, the list of
all of them. What is in lists and dictionaries stands under its class, numbered.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any, TypeGuard

from torch import nn

from torch_keras_lstm.layers import Layer
from torch_keras_lstm.layers.naming import snake_case
from torch_keras_lstm.models import Functional, Model, Sequential

# Of torch's modules and of layers; they hold the children anew, or none.
_NOT_SAVED = frozenset(["_parameters", "_buffers", "_modules", "_inbound_nodes", "_rows", "_tensors", "_compiled"])


def is_of_ones_own(model: object) -> TypeGuard[Model]:
    """Whether the layers of a model are found by its attributes, and not by their order alone."""
    return isinstance(model, Model) and type(model) not in (Sequential, Functional, Model)


def attribute_places(model: Layer, tf_keras: bool = False) -> dict[Layer, str]:
    """The path under which a file has each layer inside ``model``, or inside a layer of one's own.

    The path of the model itself is empty.

    Args:
        tf_keras: as Keras 2.12 and later 2.x have it, not as Keras 3.
    """
    walk = _Walk(tf_keras)
    walk.inside(model, "")
    return {model: "", **walk.places}


def has_weights_of_its_own(model: object) -> bool:
    """Whether a model class of one's own has weights beside those of its layers."""
    return is_of_ones_own(model) and bool(model._rows)


class _Walk:
    """Notes where layers stand."""

    def __init__(self, tf_keras: bool) -> None:
        self._tf_keras = tf_keras
        self._seen: set[int] = set()
        self.places: dict[Layer, str] = {}

    def inside(self, module: nn.Module, place: str) -> None:
        """Visit what ``module`` holds."""
        self._seen.add(id(module))
        for name, value in self._attributes(module):
            self._visit(value, f"{place}/{name}" if place else name)

    def _visit(self, value: Any, place: str) -> None:
        if isinstance(value, list | tuple | Mapping | nn.ModuleList | nn.ModuleDict):
            self._container(value, place)
        elif id(value) not in self._seen:
            if isinstance(value, Layer):
                self.places[value] = place
            self.inside(value, place)

    def _container(self, container: Any, place: str) -> None:
        counts: Counter[str] = Counter()
        for item in container.values() if isinstance(container, Mapping | nn.ModuleDict) else container:
            is_container = isinstance(item, nn.ModuleList | nn.ModuleDict) or not isinstance(item, nn.Module)
            if self._tf_keras and (is_container or id(item) in self._seen):
                continue
            if not is_container or _holds_modules(item):
                base = "container" if is_container else snake_case(_saved_class(item))
                number, counts[base] = counts[base], counts[base] + 1
                self._visit(item, f"{place}/{base}" + (f"_{number}" if number else ""))

    def _attributes(self, module: nn.Module) -> list[tuple[str, Any]]:
        """The attributes that hold modules, in Keras' order."""
        held = {name: child for name, child in module._modules.items() if child is not None and "[" not in name}
        held |= {
            name: value for name, value in vars(module).items() if name not in _NOT_SAVED and _holds_modules(value)
        }
        first: list[tuple[str, Any]] = []
        if isinstance(module, Model):
            held["layers"] = module.layers
            held.pop("input_layer", None)
            if isinstance(module, Functional | Sequential):
                first = [("layers", held.pop("layers"))]
        if self._tf_keras:
            names = sorted(held, reverse=True)
        else:
            names = sorted(held, key=lambda name: f"~{name}" if name.startswith("_") else name)
        return [*first, *((name, held[name]) for name in names)]


def _holds_modules(value: Any) -> bool:
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list | tuple):
        return any(isinstance(item, nn.Module) or _holds_modules(item) for item in value)
    return isinstance(value, nn.ModuleList | nn.ModuleDict)


def _saved_class(module: Any) -> str:
    return getattr(module, "saved_class", "") or type(module).__name__
