"""The ``.keras`` archive: a zip whose members are read in place, never extracted to disk."""

import io
import os
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from torch_keras_lstm.conversion.crc32 import checksum
from torch_keras_lstm.conversion.mapped_file import MappedFile

MAX_MEMBERS = 10_000
MAX_TEXT_BYTES = 64 * 2**20
# Keras stores its members uncompressed, and weights hardly compress. A member may claim this much without question ...
FREE_BYTES = 16 * 2**20
# ... and beyond it this many times its share of the archive.
MAX_RATIO = 100


class KerasArchive:
    """A ``.keras`` file, open for reading; a context manager.

    Args:
        source: a path, or the whole file as bytes (an archive in an archive).
        mapped: whether members are mapped to be read later, if at all, so that their checksums are not computed.

    Raises:
        ValueError: when the file is not a sound zip archive, holds a name twice, or members that claim to be far
            larger than the archive.
        OSError: when the file cannot be opened.
    """

    def __init__(self, source: Path | bytes, mapped: bool = False) -> None:
        self._path = source if isinstance(source, Path) else None
        self._mapped = mapped
        with ExitStack() as opened:
            file = opened.enter_context(io.BytesIO(source) if isinstance(source, bytes) else source.open("rb"))
            self._size = file.seek(0, os.SEEK_END)
            self._unpacked = 0
            with _without_zip_errors():
                self._zip = opened.enter_context(zipfile.ZipFile(file))
                listed = self._zip.infolist()
            if len(listed) > MAX_MEMBERS:
                raise ValueError(f"The archive has {len(listed)} members; at most {MAX_MEMBERS} are read.")
            self._members = {info.filename: info for info in listed}
            if len(self._members) != len(listed):
                names = [info.filename for info in listed]
                doubled = next(name for name in names if names.count(name) > 1)
                raise ValueError(f"The archive holds {doubled!r} more than once, so what it contains is ambiguous.")
            self._opened = opened.pop_all()

    def names(self) -> list[str]:
        """The members' names, as the archive spells them. They are labels only: no path is made of one."""
        return list(self._members)

    def read_text(self, name: str) -> bytes:
        """The bytes of a member that holds JSON, which is never large."""
        return self._read(name, MAX_TEXT_BYTES)

    def read(self, name: str) -> bytes:
        """The bytes of a member.

        Raises:
            ValueError: when it is missing or damaged, or declares more than it can hold.
        """
        return self._read(name, None)

    def view(self, name: str) -> bytes | MappedFile:
        """The bytes of a member, without a copy where they are stored as they are in a file on the disk.

        Raises:
            ValueError: as :meth:`read`.
        """
        info = self._members.get(name)
        if self._path is None or info is None or info.compress_type != zipfile.ZIP_STORED or not info.file_size:
            return self.read(name)
        with _without_zip_errors(), self._zip.open(info):  # which checks what stands in front of the bytes
            with self._path.open("rb") as file:
                file.seek(info.header_offset + 26)
                start = info.header_offset + 30 + sum(struct.unpack("<HH", file.read(4)))
            found = MappedFile(self._path).part(start, info.file_size)
            if len(found) < info.file_size or info.compress_size != info.file_size:
                raise zipfile.BadZipFile(f"the bytes of {name!r} are not all there")
            if not self._mapped and checksum(found) != info.CRC:
                raise zipfile.BadZipFile(f"Bad CRC-32 for file {name!r}")
        return found

    def vocabularies(self) -> dict[str, bytes]:
        """The members that hold the vocabularies of text layers, by their names."""
        return {name: self._read(name, MAX_TEXT_BYTES) for name in self._members if is_vocabulary(name)}

    def _read(self, name: str, limit: int | None) -> bytes:
        info = self._members.get(name)
        if info is None:
            raise ValueError(f"The archive has no member {name!r}, only {', '.join(map(repr, self._members))}.")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ValueError(f"Member {name!r} is compressed in a way that Keras does not use; store or deflate it.")
        if limit is not None and info.file_size > limit:
            raise ValueError(f"Member {name!r} claims {info.file_size} bytes; at most {limit} are read.")
        if info.file_size > max(FREE_BYTES, MAX_RATIO * info.compress_size):
            raise ValueError(
                f"Member {name!r} claims {info.file_size} bytes out of {info.compress_size} in the archive; "
                f"a ratio over {MAX_RATIO} is refused."
            )
        # Members may lie in the same bytes of the archive, each of them within the ratio.
        self._unpacked += info.file_size
        if self._unpacked > max(FREE_BYTES, MAX_RATIO * self._size):
            raise ValueError(
                f"The members claim {self._unpacked} bytes together, out of an archive of {self._size}; refused."
            )
        with _without_zip_errors(), self._zip.open(info) as member:
            data = member.read(info.file_size + 1)
        if len(data) != info.file_size:
            raise ValueError(f"Member {name!r} does not hold the {info.file_size} bytes that the archive claims.")
        return data

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._opened.close()


def is_vocabulary(name: str) -> bool:
    """Whether a member of that name holds the vocabulary of a layer."""
    return name.startswith("assets/") and name.endswith("/vocabulary.txt")


@contextmanager
def _without_zip_errors() -> Iterator[None]:
    # RuntimeError is zipfile's answer to an encrypted member, OSError and ValueError to offsets that point nowhere.
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, struct.error, EOFError, RuntimeError, OSError, ValueError) as error:
        raise ValueError(f"The zip archive is damaged or truncated ({error}).") from None
