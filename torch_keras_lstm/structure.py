"""Arguments and results of layers: one thing, or lists and dictionaries of them, nested."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

T = TypeVar("T")


def map_leaves(kind: type[T], function: Callable[[T], Any], value: Any) -> Any:
    """``value`` with each ``kind`` in it replaced by ``function`` of it; what holds them stays what it is."""
    if isinstance(value, kind):
        return function(value)
    if isinstance(value, list | tuple):
        items = [map_leaves(kind, function, item) for item in value]
        if isinstance(value, list):
            return items
        return type(value)(*items) if hasattr(value, "_fields") else tuple(items)
    if isinstance(value, Mapping):
        return {name: map_leaves(kind, function, item) for name, item in value.items()}
    return value


def leaves(kind: type[T], value: Any) -> Iterator[T]:
    """Each ``kind`` in ``value``."""
    if isinstance(value, kind):
        yield value
    elif isinstance(value, list | tuple | Mapping):
        for item in value.values() if isinstance(value, Mapping) else value:
            yield from leaves(kind, item)


def flatten(value: Any) -> list[Any]:
    """What a layer returned as a list, as Keras numbers outputs: those in a dictionary are sorted by their keys."""
    if isinstance(value, list | tuple):
        return [leaf for item in value for leaf in flatten(item)]
    if isinstance(value, Mapping):
        return flatten([value[name] for name in sorted(value)])
    return [value]


def single(value: Any) -> Any:
    """Keras hands out a list of one as what is in it."""
    return value[0] if isinstance(value, list) and len(value) == 1 else value
