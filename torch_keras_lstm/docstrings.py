"""Docstrings of classes that differ from a base in little more than their rank: each says all of it by itself."""

import inspect
import re
from collections.abc import Callable
from typing import Any, TypeVar

_Class = TypeVar("_Class", bound=type[Any])

_SECTIONS = ("Args", "Attributes", "Raises", "Example")
_INHERITED = ("Args", "Raises")
_HEAD = re.compile(rf"^({'|'.join(_SECTIONS)}):$")


def described_as(base: type[Any]) -> Callable[[_Class], _Class]:
    """A decorator that puts what ``base`` says of itself into a class' docstring.

    That is all but the first paragraph, which the class has of its own: further paragraphs, then the arguments and
    the errors, of ``base`` first. An example stays the class' own.
    """
    return lambda cls: _put(cls, base, _parts(base.__doc__ or "")[""].split("\n\n")[1:])


def with_arguments_of(base: type[Any]) -> Callable[[_Class], _Class]:
    """As :func:`described_as`, of the arguments and the errors alone."""
    return lambda cls: _put(cls, base, [])


def _put(cls: _Class, base: type[Any], paragraphs: list[str]) -> _Class:
    if cls.__doc__ and base.__doc__:  # there are none with `python -OO`
        own, inherited = _parts(cls.__doc__), _parts(base.__doc__)
        first, *others = own[""].split("\n\n")
        text = [first, *paragraphs, *others]
        for section in _SECTIONS:
            sources = (inherited, own) if section in _INHERITED else (own,)
            lines = [source[section] for source in sources if section in source]
            if lines:
                text.append("\n".join([f"{section}:", *lines]))
        cls.__doc__ = "\n\n".join(text)
    return cls


def _parts(text: str) -> dict[str, str]:
    """The lines of each section of a docstring, those in front of the first one under ""."""
    lines: dict[str, list[str]] = {"": []}
    section = ""
    for line in inspect.cleandoc(text).splitlines():
        head = _HEAD.match(line)
        if head is not None:
            section = head[1]
        lines.setdefault(section, []).extend([line] if head is None else [])
    return {name: "\n".join(own).strip("\n") for name, own in lines.items()}
