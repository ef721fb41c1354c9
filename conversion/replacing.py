"""Files that are there whole or not at all: written aside, then renamed."""

import os
import uuid
from collections.abc import Iterable
from pathlib import Path


def replace_file(path: Path, content: bytes) -> None:
    """Write ``content`` to ``path``. What was there before stays whole until all of the new content is on the disk.

    Raises:
        OSError: naming ``path``, when it cannot be written, as on a full disk.
    """
    replace_files([(path, content)])


def replace_files(contents: Iterable[tuple[Path, bytes]]) -> None:
    """Write several files, one after the other; none takes the place of another before all are on the disk.

    Raises:
        OSError: naming the file that cannot be written.
    """
    parts: list[tuple[Path, Path]] = []
    path = Path()
    try:
        for path, content in contents:
            part = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
            parts.append((part, path))
            with part.open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        for part, path in parts:
            part.replace(path)
    except OSError as error:
        raise type(error)(error.errno, f"{error.strerror}; what was there before is untouched", str(path)) from None
    finally:
        for part, _ in parts:
            part.unlink(missing_ok=True)
