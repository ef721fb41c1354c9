"""Lists, tuples and dictionaries of tensors: how models of several inputs and outputs take and give their data."""

from collections.abc import Callable, Iterator, Mapping
from itertools import count
from typing import Any


def is_nested(value: object) -> bool:
    """Whether ``value`` holds several things rather than being one."""
    return isinstance(value, list | tuple | Mapping)


def leaves(value: Any) -> Iterator[Any]:
    """What is not itself a list, tuple or dictionary, in Keras' order: what is in dictionaries goes by sorted keys."""
    if isinstance(value, list | tuple):
        for item in value:
            yield from leaves(item)
    elif isinstance(value, Mapping):
        for name in in_order(value):
            yield from leaves(value[name])
    else:
        yield value


def in_order(value: Mapping[Any, Any]) -> list[Any]:
    """The keys sorted, or as they are where they cannot be."""
    try:
        return sorted(value)
    except TypeError:
        return list(value)


def map_leaves(function: Callable[..., Any], value: Any, *others: Any) -> Any:
    """``value`` with ``function`` of each leaf in its place; ``others`` of the same structure give further arguments.

    ``None`` stays ``None``: it stands for data that there are not.
    """
    if value is None:
        return None
    if isinstance(value, Mapping):
        items = {name: map_leaves(function, value[name], *(one[name] for one in others)) for name in in_order(value)}
        return {name: items[name] for name in value}
    if isinstance(value, list | tuple):
        return like(value, [map_leaves(function, *entries) for entries in zip(value, *others, strict=True)])
    return function(value, *others)


def like(value: Any, items: list[Any]) -> Any:
    """``items`` as the kind of list or tuple that ``value`` is, named tuples included."""
    if isinstance(value, list):
        return items
    return type(value)(*items) if hasattr(value, "_fields") else tuple(items)


def is_flat(value: Any) -> bool:
    """Whether ``value`` is one thing, or holds none that itself hold others."""
    if not is_nested(value):
        return True
    return not any(map(is_nested, value.values() if isinstance(value, Mapping) else value))


def numbered(value: Any) -> Any:
    """``value`` with the number of each leaf, in the order of :func:`leaves`, in its place."""
    places = count()
    return map_leaves(lambda leaf: next(places), value)


def first_tensor(value: Any) -> Any:
    """The first leaf that is not ``None``."""
    return next(leaf for leaf in leaves(value) if leaf is not None)
