"""One thing, or lists, tuples and dictionaries of them, nested: arguments and results of layers, data of models."""

from collections.abc import Callable, Iterator, Mapping
from itertools import count
from typing import Any, TypeVar

T = TypeVar("T")


def map_leaves(kind: type[T], function: Callable[[T], Any], value: Any) -> Any:
    """``value`` with each ``kind`` in it replaced by ``function`` of it; what holds them stays what it is."""
    if isinstance(value, kind):
        return function(value)
    if isinstance(value, list | tuple):
        return like(value, [map_leaves(kind, function, item) for item in value])
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
    """What is not itself a list, tuple or dictionary, in Keras' order: what is in dictionaries goes by sorted keys."""
    if isinstance(value, list | tuple):
        return [leaf for item in value for leaf in flatten(item)]
    if isinstance(value, Mapping):
        return [leaf for name in in_order(value) for leaf in flatten(value[name])]
    return [value]


def in_order(value: Mapping[Any, Any]) -> list[Any]:
    """The keys sorted, or as they are where they cannot be."""
    try:
        return sorted(value)
    except TypeError:
        return list(value)


def map_structure(function: Callable[..., Any], value: Any, *others: Any) -> Any:
    """``value`` with ``function`` of each leaf in its place; ``others`` of the same structure give further arguments.

    ``None`` stays ``None``: it stands for data that there are not.
    """
    if value is None:
        return None
    if isinstance(value, Mapping):
        items = {name: map_structure(function, value[name], *(one[name] for one in others)) for name in in_order(value)}
        return {name: items[name] for name in value}
    if isinstance(value, list | tuple):
        return like(value, [map_structure(function, *entries) for entries in zip(value, *others, strict=True)])
    return function(value, *others)


def like(value: Any, items: list[Any]) -> Any:
    """``items`` as the kind of list or tuple that ``value`` is, named tuples included."""
    if isinstance(value, list):
        return items
    return type(value)(*items) if hasattr(value, "_fields") else tuple(items)


def is_nested(value: object) -> bool:
    """Whether ``value`` holds several things rather than being one."""
    return isinstance(value, list | tuple | Mapping)


def is_flat(value: Any) -> bool:
    """Whether ``value`` is one thing, or holds none that itself hold others."""
    if not is_nested(value):
        return True
    return not any(map(is_nested, value.values() if isinstance(value, Mapping) else value))


def numbered(value: Any) -> Any:
    """``value`` with the number of each leaf, in the order of :func:`flatten`, in its place."""
    places = count()
    return map_structure(lambda leaf: next(places), value)


def first_tensor(value: Any) -> Any:
    """The first leaf that is not ``None``."""
    return next(leaf for leaf in flatten(value) if leaf is not None)


def single(value: Any) -> Any:
    """Keras hands out a list of one as what is in it."""
    return value[0] if isinstance(value, list) and len(value) == 1 else value
