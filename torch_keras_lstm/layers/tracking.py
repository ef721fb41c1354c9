"""Lists, tuples and dictionaries of layers and variables as attributes of a layer, as Keras tracks them.

torch knows modules that are attributes, and those in its own ``ModuleList`` and ``ModuleDict``. What stands in a
container of Python's is registered with the layer that has it, under its place: ``blocks[1]``, ``heads['left']``. It
is then trained, moved, copied, saved and listed as any other.
"""

import types
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from typing import Any, Self, SupportsIndex

import torch
from torch import Tensor, nn

from torch_keras_lstm.layers.base_layer import BaseLayer
from torch_keras_lstm.layers.variable import Variable


def tracked(layer: BaseLayer, name: str, value: Any) -> Any:
    """What stands for ``value`` as the attribute ``name`` of ``layer``; a container that notes what is put into it."""
    forget(layer, name)
    return _noted(layer, name, value)


def forget(layer: BaseLayer, name: str) -> None:
    """Forget the layers that a container in the attribute ``name`` has brought."""
    for place in [place for place in layer._modules if place.startswith(f"{name}[")]:
        del layer._modules[place]


def inner_layers(module: nn.Module) -> Iterator[BaseLayer]:
    """The layers that ``module`` has as attributes, also in torch's containers, each once."""
    seen: set[int] = set()
    for child in _opened(module):
        if isinstance(child, BaseLayer) and id(child) not in seen:
            seen.add(id(child))
            yield child


def _opened(module: nn.Module) -> Iterator[nn.Module]:
    for child in module.children():
        if isinstance(child, nn.ModuleList | nn.ModuleDict | nn.Sequential):
            yield from _opened(child)
        else:
            yield child


def _noted(layer: BaseLayer, place: str, value: Any) -> Any:
    if isinstance(value, nn.Module):
        if not layer.training:  # as what is set as an attribute
            value.eval()
        layer._modules[_module_name(place)] = value
    elif isinstance(value, Variable):
        layer.keep_variable(value)
    elif type(value) is list or isinstance(value, TrackedList):
        return TrackedList._of(layer, place, value)
    elif type(value) is dict or isinstance(value, TrackedDict):
        return TrackedDict._of(layer, place, value)
    elif isinstance(value, tuple):
        for index, item in enumerate(value):
            _noted(layer, f"{place}[{index}]", item)
    return value


def _module_name(place: str) -> str:
    return place.replace(".", "_")


class _Tracked:
    """What a container knows of the layer that it belongs to."""

    _layer: BaseLayer
    _place: str

    def _renew(self) -> None:
        """Note anew all that is inside, after something was moved or taken out."""
        for place in [place for place in self._layer._modules if place.startswith(f"{_module_name(self._place)}[")]:
            del self._layer._modules[place]

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        # The layer and its container refer to each other: first they are made, then filled.
        kind: Any = type(self)
        plain = dict(self) if isinstance(self, dict) else list(self)  # type: ignore[call-overload]
        return kind.__new__, (kind,), (self._layer, self._place, plain)


class TrackedList(_Tracked, list[Any]):
    """A list whose layers and variables are those of the layer that has it."""

    @classmethod
    def _of(cls, layer: BaseLayer, place: str, items: Iterable[Any]) -> Self:
        made = cls.__new__(cls)
        made._layer, made._place = layer, place
        list.extend(made, items)
        made._renew()
        return made

    def _renew(self) -> None:
        super()._renew()
        for index, item in enumerate(self):
            list.__setitem__(self, index, _noted(self._layer, f"{self._place}[{index}]", item))

    def __setstate__(self, state: Any) -> None:
        self._layer, self._place, items = state
        list.extend(self, items)

    def append(self, item: Any) -> None:
        """As of a list."""
        list.append(self, _noted(self._layer, f"{self._place}[{len(self)}]", item))

    def extend(self, items: Iterable[Any]) -> None:
        """As of a list."""
        for item in items:
            self.append(item)

    def __iadd__(self, items: Iterable[Any]) -> Self:  # type: ignore[misc]
        self.extend(items)
        return self

    def insert(self, index: SupportsIndex, item: Any) -> None:
        """As of a list."""
        list.insert(self, index, item)
        self._renew()

    def pop(self, index: SupportsIndex = -1) -> Any:
        """As of a list."""
        item = list.pop(self, index)
        self._renew()
        return item

    def remove(self, item: Any) -> None:
        """As of a list."""
        list.remove(self, item)
        self._renew()

    def clear(self) -> None:
        """As of a list."""
        list.clear(self)
        self._renew()

    def reverse(self) -> None:
        """As of a list."""
        list.reverse(self)
        self._renew()

    def sort(self, **how: Any) -> None:
        """As of a list."""
        list.sort(self, **how)
        self._renew()

    def __setitem__(self, index: Any, item: Any) -> None:
        list.__setitem__(self, index, item)
        self._renew()

    def __delitem__(self, index: Any) -> None:
        list.__delitem__(self, index)
        self._renew()


class TrackedDict(_Tracked, dict[Any, Any]):
    """A dictionary whose layers and variables are those of the layer that has it."""

    @classmethod
    def _of(cls, layer: BaseLayer, place: str, items: dict[Any, Any]) -> Self:
        made = cls.__new__(cls)
        made._layer, made._place = layer, place
        made._renew()
        made.update(items)
        return made

    def __setstate__(self, state: Any) -> None:
        self._layer, self._place, items = state
        dict.update(self, items)

    def _renew(self) -> None:
        super()._renew()
        for key in [*self]:
            self[key] = self[key]

    def __setitem__(self, key: Any, item: Any) -> None:
        dict.__setitem__(self, key, _noted(self._layer, f"{self._place}[{key!r}]", item))

    def update(self, *others: Any, **items: Any) -> None:
        """As of a dictionary."""
        for key, item in dict(*others, **items).items():
            self[key] = item

    def setdefault(self, key: Any, default: Any = None) -> Any:
        """As of a dictionary."""
        if key not in self:
            self[key] = default
        return self[key]

    def __ior__(self, other: Any) -> Self:  # type: ignore[misc]
        self.update(other)
        return self

    def pop(self, *key: Any) -> Any:
        """As of a dictionary."""
        item = dict.pop(self, *key)
        self._renew()
        return item

    def popitem(self) -> tuple[Any, Any]:
        """As of a dictionary."""
        pair = dict.popitem(self)
        self._renew()
        return pair

    def clear(self) -> None:
        """As of a dictionary."""
        dict.clear(self)
        self._renew()

    def __delitem__(self, key: Any) -> None:
        dict.__delitem__(self, key)
        self._renew()


# Attributes of torch's modules and of layers that hold many things, and no metrics.
_WITHOUT_METRICS = frozenset(["_parameters", "_buffers", "_modules", "_inbound_nodes", "_rows", "_tensors", "_places"])


# What most attributes are: each epoch of training looks at all of them.
_NO_METRICS = frozenset([str, int, float, bool, type(None), types.FunctionType, types.MethodType, torch.dtype, Tensor])
_CONTAINERS = frozenset([dict, OrderedDict, list, tuple, set])


def metrics_of(module: nn.Module) -> Iterator[Any]:
    """The metrics among the attributes of a module, also in lists and dictionaries."""
    for name, value in vars(module).items():
        kind = type(value)
        if not (kind in _NO_METRICS or (kind in _CONTAINERS and not value) or name in _WITHOUT_METRICS):
            yield from _metrics_in(value, set())


def _metrics_in(value: Any, around: set[int]) -> Iterator[Any]:
    if isinstance(value, list | tuple | dict):
        if id(value) not in around:  # a container may hold itself
            around.add(id(value))
            for item in value.values() if isinstance(value, dict) else value:
                yield from _metrics_in(item, around)
    elif hasattr(value, "update_state") and hasattr(value, "reset_state") and not isinstance(value, nn.Module | type):
        yield value
