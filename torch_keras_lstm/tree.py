"""``keras.tree``: nested lists, tuples and dictionaries of tensors, taken apart and put together again.

Dictionaries are gone through in the order of their sorted keys, ordered ones in their own.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from typing import Any

__all__ = [
    "MAP_TO_NONE",
    "assert_same_paths",
    "assert_same_structure",
    "flatten",
    "flatten_with_path",
    "is_nested",
    "lists_to_tuples",
    "map_shape_structure",
    "map_structure",
    "map_structure_up_to",
    "pack_sequence_as",
    "traverse",
]


class MAP_TO_NONE:
    """What a function for :func:`traverse` returns to put ``None`` there."""


def is_nested(structure: Any) -> bool:
    """Whether ``structure`` is a list, tuple or dictionary."""
    return isinstance(structure, list | tuple | dict)


def flatten(structure: Any) -> list[Any]:
    """What is no list, tuple or dictionary, in order."""
    return [leaf for _, leaf in _walk(structure)]


def flatten_with_path(structure: Any) -> list[tuple[tuple[Any, ...], Any]]:
    """The same with the indices and keys that lead there."""
    return [*_walk(structure)]


def map_structure(func: Callable[..., Any], *structures: Any, none_is_leaf: bool = True) -> Any:
    """The structure with ``func`` of the leaves at each place.

    Raises:
        ValueError: without a structure, or when they differ.
    """
    if not structures:
        raise ValueError("`map_structure` takes at least one structure.")
    for other in structures[1:]:
        assert_same_structure(structures[0], other)
    return _map(func, structures, none_is_leaf)


def map_structure_up_to(shallow_structure: Any, func: Callable[..., Any], *structures: Any) -> Any:
    """The first structure with ``func`` of what the others have at each of its leaves."""
    if not structures:
        raise ValueError("`map_structure_up_to` takes at least one structure beside the shallow one.")
    if not is_nested(shallow_structure):
        return func(*structures)
    for other in structures:
        if not is_nested(other) or _keys(other) != _keys(shallow_structure):
            raise ValueError(f"The structures differ: {shallow_structure!r:.200} and {other!r:.200}.")
    return _like(
        shallow_structure,
        [
            map_structure_up_to(shallow_structure[key], func, *(other[key] for other in structures))
            for key in _keys(shallow_structure)
        ],
    )


def map_shape_structure(func: Callable[..., Any], structure: Any) -> Any:
    """The same for a structure of shapes, which are lists or tuples of sizes and ``None``."""
    if isinstance(structure, list | tuple) and all(isinstance(size, int | None) for size in structure):
        return func(tuple(structure))
    return (
        _like(structure, [map_shape_structure(func, structure[key]) for key in _keys(structure)])
        if (is_nested(structure))
        else func(structure)
    )


def pack_sequence_as(structure: Any, flat_sequence: Sequence[Any]) -> Any:
    """The structure with other leaves, in their order.

    Raises:
        ValueError: when there are not as many.
    """
    count = len(flatten(structure))
    if count != len(flat_sequence):
        raise ValueError(f"The structure has {count} leaves, got {len(flat_sequence)}.")
    leaves = iter(flat_sequence)
    return _map(lambda _: next(leaves), (structure,), none_is_leaf=True)


def traverse(func: Callable[[Any], Any], structure: Any, top_down: bool = True) -> Any:
    """The structure with ``func`` of it and of every part in its place, unless that is ``None``."""
    replaced = func(structure) if top_down else None
    if replaced is None and is_nested(structure):
        structure = _like(structure, [traverse(func, structure[key], top_down) for key in _keys(structure)])
    if not top_down:
        replaced = func(structure)
    return structure if replaced is None else None if replaced is MAP_TO_NONE else replaced


def lists_to_tuples(structure: Any) -> Any:
    """The structure with tuples in the place of lists."""
    return traverse(lambda part: tuple(part) if isinstance(part, list) else None, structure, top_down=False)


def assert_same_structure(a: Any, b: Any, check_types: Any = None) -> None:
    """Raise a ``ValueError`` unless both are nested alike."""
    if is_nested(a) != is_nested(b):
        raise ValueError(f"The structures differ: {a!r:.200} and {b!r:.200}.")
    if is_nested(a):
        if type(a) is not type(b) and not (isinstance(a, dict) and isinstance(b, dict)):
            raise ValueError(f"The structures differ: {type(a).__name__} and {type(b).__name__}.")
        if _keys(a) != _keys(b):
            raise ValueError(f"The structures differ: {a!r:.200} and {b!r:.200}.")
        for key in _keys(a):
            assert_same_structure(a[key], b[key])


def assert_same_paths(a: Any, b: Any) -> None:
    """Raise a ``ValueError`` unless the same indices and keys lead to the leaves of both."""
    first, second = ({path for path, _ in _walk(one)} for one in (a, b))
    if first != second:
        raise ValueError(f"The paths differ: {sorted(map(str, first ^ second))} are in one of them alone.")


def _keys(structure: Any) -> list[Any]:
    if isinstance(structure, OrderedDict):
        return [*structure]
    return sorted(structure) if isinstance(structure, dict) else [*range(len(structure))]


def _walk(structure: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    if not is_nested(structure):
        yield path, structure
        return
    for key in _keys(structure):
        yield from _walk(structure[key], (*path, key))


def _map(func: Callable[..., Any], structures: tuple[Any, ...], none_is_leaf: bool) -> Any:
    first = structures[0]
    if not is_nested(first):
        return None if first is None and not none_is_leaf else func(*structures)
    return _like(first, [_map(func, tuple(one[key] for one in structures), none_is_leaf) for key in _keys(first)])


def _like(structure: Any, items: list[Any]) -> Any:
    """A structure of the same kind with other entries."""
    if isinstance(structure, dict):
        entries = dict(zip(_keys(structure), items, strict=True))
        return type(structure)((key, entries[key]) for key in structure)
    if isinstance(structure, tuple) and hasattr(structure, "_fields"):
        return type(structure)(*items)
    return type(structure)(items)
