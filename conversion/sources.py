"""What an error says of the file that it is about."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_NAMED = "_file_is_named"  # an attribute of errors whose text begins with the name of their file


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


def _named(error: ValueError | OSError, path: Path) -> ValueError | OSError:
    if isinstance(error, WithoutArchitecture):
        return WithoutArchitecture(f"{path}: {error}")
    if isinstance(error, ValueError):
        return ValueError(f"{path}: {error}")
    if isinstance(error, FileNotFoundError):
        inside = error.filename is not None and path.is_dir()
        missing = f"its file {Path(error.filename).name!r} is missing" if inside else "there is no such file or folder"
        return FileNotFoundError(f"{path}: {missing}.")
    return type(error)(f"{path}: {error.strerror or error}")
