"""What an error says of the file that it is about."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_NAMED = "_file_is_named"  # an attribute of errors whose text begins with the name of their file
# Characters of an error, and how many of them from its end, which says what to do.
_LONGEST, _LAST = 480, 100


class WithoutArchitecture(ValueError):
    """The file holds weights alone, or with a class of model that does not tell its layers."""


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Put the name of the file in front of the errors that arise inside, unless an inner block named another file."""
    try:
        yield
    except (ValueError, OSError) as error:
        if _NAMED in vars(error):
            raise
        named = _named(error, path)
        vars(named)[_NAMED] = True
        raise named from None


def brief(text: str) -> str:
    """``text`` without its middle where it is long: what a file has in a wrong place may be of any length."""
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - _LAST]} ... {text[-_LAST:]}"


@contextmanager
def in_brief() -> Iterator[None]:
    """Errors that arise inside are no longer than :func:`brief` makes them."""
    try:
        yield
    except ValueError as error:
        if len(str(error)) <= _LONGEST:
            raise
        raise ValueError(brief(str(error))) from None


def _named(error: ValueError | OSError, path: Path) -> ValueError | OSError:
    if isinstance(error, WithoutArchitecture):
        return WithoutArchitecture(f"{path}: {brief(str(error))}")
    if isinstance(error, ValueError):
        return ValueError(f"{path}: {brief(str(error))}")
    if isinstance(error, FileNotFoundError):
        inside = error.filename is not None and path.is_dir()
        missing = f"its file {Path(error.filename).name!r} is missing" if inside else "there is no such file or folder"
        return FileNotFoundError(f"{path}: {missing}.")
    return type(error)(f"{path}: {error.strerror or error}")
