"""Files that are there whole or not at all: written aside, then renamed."""

import os
import uuid
from pathlib import Path


def replace_file(path: Path, content: bytes) -> None:
    """Write ``content`` to ``path``. What was there before stays whole until all of the new content is on the disk.

    Raises:
        OSError: naming ``path``, when it cannot be written, as on a full disk.
    """
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        with part.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        raise type(error)(error.errno, f"{error.strerror}; what was there before is untouched", str(path)) from None
    finally:
        part.unlink(missing_ok=True)
