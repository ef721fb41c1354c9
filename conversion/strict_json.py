"""JSON from a file that nobody vouches for: bounded in size and depth, without NaN, without doubled keys.

Infinity stands for the order of a norm alone, ``ord``.
"""

import json
import math
from dataclasses import dataclass
from typing import Any

MAX_CHARACTERS = 64 * 2**20
MAX_DEPTH = 100


def parse_object(text: str, what: str) -> dict[str, Any]:
    """The JSON object that ``text`` holds, or that the JSON inside of its one string does.

    Args:
        text: the document.
        what: how an error names it, such as "`config.json`".

    Raises:
        ValueError: when it is not JSON, not an object at the top, too large or too deep, has a number that is not
            finite, or names a key twice.
    """
    if len(text) > MAX_CHARACTERS:
        raise ValueError(f"{what} has {len(text)} characters; a model's configuration has at most {MAX_CHARACTERS}.")
    try:
        value = _loads(text)
        if isinstance(value, str) and value.startswith("{"):
            value = _loads(value)  # somebody dumped what `to_json` had dumped already
    except RecursionError:
        raise ValueError(f"{what} is nested too deeply; at most {MAX_DEPTH} levels are read.") from None
    except ValueError as error:
        raise ValueError(f"{what} is not valid JSON: {error}.") from None
    if not isinstance(value, dict):
        raise ValueError(f"{what} must hold a JSON object, got {_json_kind(value)}.")
    _check_depth(value, what)
    return value


def decode(data: bytes, what: str) -> str:
    """``data`` as UTF-8 text, a byte order mark dropped."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{what} is not UTF-8 text (byte {error.start}).") from None


def _loads(text: str) -> Any:
    return json.loads(text, object_pairs_hook=_without_doubles, parse_float=_finite_float, parse_constant=_Constant)


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = {key: _known_number(key, value) for key, value in pairs}
    if len(table) != len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"key {next(key for key in keys if keys.count(key) > 1)!r} stands twice in one object")
    return table


def _finite_float(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise ValueError(f"{digits} is beyond the range of numbers")
    return value


@dataclass(frozen=True)
class _Constant:
    """A number of JavaScript's that JSON has not."""

    name: str


def _known_number(key: str, value: Any) -> Any:
    """The value of ``key``, in which no constant stands but for the order of a norm."""
    if key == "ord" and value in (_Constant("Infinity"), _Constant("-Infinity")):
        return float(value.name)
    inside = [value]
    while inside:
        one = inside.pop()
        if isinstance(one, _Constant):
            raise ValueError(f"{one.name} is not a number that a configuration may hold")
        if isinstance(one, list):
            inside += one
    return value


def _json_kind(value: object) -> str:
    kinds = {list: "an array", str: "a string", bool: "a truth value", type(None): "null"}
    return kinds.get(type(value), "a number")


def _check_depth(value: object, what: str) -> None:
    level: list[Any] = [value]
    for _ in range(MAX_DEPTH):
        level = [
            child
            for parent in level
            for child in (parent.values() if isinstance(parent, dict) else parent)
            if isinstance(child, dict | list)
        ]
        if not level:
            return
    raise ValueError(f"{what} is nested too deeply; at most {MAX_DEPTH} levels are read.")
