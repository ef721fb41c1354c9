"""Docstrings of classes that differ from a base in little more than their rank: each says all of it by itself."""

import inspect
import re
from collections.abc import Callable
from typing import Any, TypeVar

_Class = TypeVar("_Class", bound=type[Any])

_SECTIONS = ("Args", "Raises", "Example")
_HEAD = re.compile(rf"^({'|'.join(_SECTIONS)}):$")


def described_as(base: type[Any]) -> Callable[[_Class], _Class]:
    """A decorator that puts what ``base`` says of itself into a class' docstring.

    That is all but the first paragraph, which the class has of its own: further paragraphs, then the arguments and
    the errors, of ``base`` first. An example stays the class' own.
    """

    def put(cls: _Class) -> _Class:
        if cls.__doc__ and base.__doc__:  # there are none with `python -OO`
            own, inherited = _parts(cls.__doc__), _parts(base.__doc__)
            first, *others = own[""].split("\n\n")
            paragraphs = [first, *inherited[""].split("\n\n")[1:], *others]
            for section in _SECTIONS:
                sources = (own,) if section == "Example" else (inherited, own)
                lines = [source[section] for source in sources if section in source]
                if lines:
                    paragraphs.append("\n".join([f"{section}:", *lines]))
            cls.__doc__ = "\n\n".join(paragraphs)
        return cls

    return put


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
