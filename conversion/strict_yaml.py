"""YAML from a file that nobody vouches for, as ``model.to_yaml()`` of Keras 1 to tf.keras 2.5 wrote it.

Plain data only: no tag makes an object, but for the few under which Python 2 and 3 wrote tuples, strings and integers,
and NumPy's numbers, which stand in Keras 1's sizes and Keras 2's slopes.
"""

import math
import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from torch_keras_lstm.conversion.strict_json import MAX_DEPTH

MAX_CHARACTERS = 4 * 2**20
MAX_VALUES = 1_000_000

_PYTHON_DATA = {"tuple": "seq", "list": "seq", "unicode": "str", "str": "str", "long": "int", "int": "int"}


def parse_object(text: str, what: str) -> dict[str, Any]:
    """The mapping that a YAML document holds, or that the YAML inside of its one string does.

    Args:
        text: the document.
        what: how an error names it.

    Raises:
        ValueError: when PyYAML is not installed, or it is not YAML, not a mapping at the top, too large or too deep,
            names a key twice (but for whole models one after the other, of which the last is read), or holds anything
            but mappings, lists, strings, finite numbers, truth values and nulls.
    """
    value = _parse(text, what)
    if isinstance(value, str):
        value = _parse(value, what)  # somebody dumped what `to_yaml` had dumped already
    if not isinstance(value, dict):
        raise ValueError(f"{what} must hold a YAML mapping, got {type(value).__name__}.")
    return value


def _parse(text: str, what: str) -> Any:
    try:
        import yaml
    except ImportError:
        raise ValueError(
            f"{what} is YAML, which needs PyYAML: `pip install 'torch-keras-lstm[yaml]'`. Or save the architecture "
            "with `model.to_json()`."
        ) from None
    if len(text) > MAX_CHARACTERS:
        raise ValueError(f"{what} has {len(text)} characters; a model's YAML has at most {MAX_CHARACTERS}.")
    try:
        value = yaml.load(text, _loader(yaml))
    except RecursionError:
        raise ValueError(f"{what} is nested too deeply; at most {MAX_DEPTH} levels are read.") from None
    except (yaml.YAMLError, ValueError, TypeError, LookupError) as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"{what} is not YAML that describes a model: {reason[:300]}.") from None
    _check(value, what)
    return value


def _loader(yaml: Any) -> Any:
    class StrictLoader(yaml.SafeLoader):  # type: ignore[misc]
        def construct_document(self, node: Any) -> Any:
            if isinstance(node, yaml.MappingNode):
                node.value = _last_written(node.value)
            return super().construct_document(node)

    def mapping(loader: Any, node: Any) -> dict[Any, Any]:
        keys = [loader.construct_object(key, deep=True) for key, _ in node.value]
        table = dict(zip(keys, (loader.construct_object(value, deep=True) for _, value in node.value), strict=True))
        if len(table) < len(keys):
            raise ValueError(f"key {next(key for key in keys if keys.count(key) > 1)!r} stands twice in one mapping")
        return table

    StrictLoader.add_constructor("tag:yaml.org,2002:map", mapping)
    for name, kind in _PYTHON_DATA.items():
        constructor = StrictLoader.yaml_constructors[f"tag:yaml.org,2002:{kind}"]
        StrictLoader.add_constructor(f"tag:yaml.org,2002:python/{name}", constructor)
    for name, read in _NUMPY.items():
        StrictLoader.add_constructor(f"tag:yaml.org,2002:python/{name}", _of_parts(read))
    return StrictLoader


def _last_written(entries: list[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
    """The last of several mappings with the same keys, one after the other, as in a file that was appended to.

    It is the one that PyYAML, and so Keras, reads.
    """
    keys = [str(key.value) for key, _ in entries]
    count = max(len(set(keys)), 1)
    return entries[-count:] if keys == keys[:count] * (len(keys) // count) else entries


def _of_parts(read: Any) -> Any:
    """What PyYAML calls for a tag whose value ``read`` makes of the parts below it."""

    def constructor(loader: Any, node: Any) -> Any:
        if node.id == "mapping":
            return read(**loader.construct_mapping(node, deep=True))
        return read(loader.construct_sequence(node, deep=True) if node.id == "sequence" else [])

    return constructor


def _numpy_type(args: Any, state: Any) -> np.dtype[Any]:
    """``numpy.dtype("i8", 0, 1)`` with the byte order that stands in its state."""
    name, order = args[0], state[1]
    if not isinstance(name, str) or not re.fullmatch("[iuf][248]", name) or order not in ("<", ">"):
        raise ValueError(f"NumPy's type {name!r} is not one of whole or floating-point numbers")
    return np.dtype(f"{order}{name}")


def _numpy_number(parts: Any) -> int | float:
    """A number from its type and its bytes."""
    kind, content = parts
    if not isinstance(kind, np.dtype) or not isinstance(content, bytes) or len(content) != kind.itemsize:
        raise ValueError("a number of NumPy's must be a type and as many bytes as that has")
    return np.frombuffer(content, kind)[0].item()  # type: ignore[no-any-return]  # an int or a float


def _numpy_array(args: Any, state: Any) -> int | float:
    """An array without axes, which is a number."""
    _, shape, kind, _, content = state
    if shape != []:
        raise ValueError(f"an array of NumPy's with the axes {shape!r} is no number")
    return _numpy_number([kind, content])


_NUMPY = {
    "name:numpy.ndarray": lambda parts: None,
    "object/apply:numpy.dtype": _numpy_type,
    "object/apply:numpy.core.multiarray.scalar": _numpy_number,
    "object/apply:numpy.core.multiarray._reconstruct": _numpy_array,
}


def _check(value: Any, what: str) -> None:
    """Refuse what a configuration cannot hold. An alias counts wherever it stands, as it would if written out."""
    count = 0
    pending: list[tuple[Any, int]] = [(value, 0)]
    while pending:
        item, depth = pending.pop()
        count += 1
        if count > MAX_VALUES:
            raise ValueError(f"{what} stands for more than {MAX_VALUES} values; at most that many are read.")
        if depth > MAX_DEPTH:
            raise ValueError(f"{what} is nested too deeply; at most {MAX_DEPTH} levels are read.")
        if isinstance(item, float) and not math.isfinite(item):
            raise ValueError(f"{what} holds {item}, which is not a number that a configuration may hold.")
        pending += ((child, depth + 1) for child in _children(item, what))


def _children(item: Any, what: str) -> Iterator[Any]:
    if isinstance(item, dict):
        if not all(isinstance(key, str) for key in item):
            raise ValueError(
                f"{what} has a key that is no string, {next(k for k in item if not isinstance(k, str))!r}."
            )
        yield from item.values()
    elif isinstance(item, list):
        yield from item
    elif not isinstance(item, str | int | float | None):
        raise ValueError(f"{what} holds a {type(item).__name__}, which a model's configuration does not.")
