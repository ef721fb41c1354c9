"""Lists, tuples and dictionaries of tensors: how models of several inputs and outputs take and give their data."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any


def is_nested(value: object) -> bool:
    """Whether ``value`` holds several things rather than being one."""
    return isinstance(value, list | tuple | Mapping)


def leaves(value: Any) -> Iterator[Any]:
    """What is not itself a list, tuple or dictionary, in order."""
    if isinstance(value, list | tuple | Mapping):
        for item in value.values() if isinstance(value, Mapping) else value:
            yield from leaves(item)
    else:
        yield value


def map_leaves(function: Callable[..., Any], value: Any, *others: Any) -> Any:
    """``value`` with ``function`` of each leaf in its place; ``others`` of the same structure give further arguments.

    ``None`` stays ``None``: it stands for data that there are not.
    """
    if value is None:
        return None
    if isinstance(value, Mapping):
        return {name: map_leaves(function, item, *(one[name] for one in others)) for name, item in value.items()}
    if isinstance(value, list | tuple):
        items = [map_leaves(function, *entries) for entries in zip(value, *others, strict=True)]
        return items if isinstance(value, list) else tuple(items)
    return function(value, *others)


def first_tensor(value: Any) -> Any:
    """The first leaf that is not ``None``."""
    return next(leaf for leaf in leaves(value) if leaf is not None)
