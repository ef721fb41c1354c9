"""The bytes of a file where they lie: mapped into memory, and let go of when they have been read."""

import mmap
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Self

# How much of a large array, or of a member of an archive, is in memory at once beside what it is copied to.
PIECE = 2**20


class MappedFile:
    """The bytes of a file, or a stretch of them, each read when somebody looks at it. It is never written back.

    Pages that were looked at stay in memory, as far as there is room for them, until :meth:`release`.

    Raises:
        OSError: when the file cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            # A copy on write: arrays that lie in it may be handed to torch, which knows no arrays that cannot be
            # written. Nothing of no bytes can be mapped.
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY) if size else None
        self._start, self._stop = 0, size

    def part(self, start: int, size: int) -> Self:
        """A stretch of it, as far as there are so many bytes."""
        found = object.__new__(type(self))
        found._map = self._map
        found._start = min(self._start + start, self._stop)
        found._stop = min(found._start + size, self._stop)
        return found

    def __len__(self) -> int:
        return self._stop - self._start

    def __getitem__(self, place: slice, /) -> memoryview:
        return self.view()[place]

    def view(self) -> memoryview:
        """All of it."""
        return memoryview(b"" if self._map is None else self._map)[self._start : self._stop]

    def release(self, start: int, stop: int) -> None:
        """Forget what was read of these bytes, but for the pages that others share. They are read anew if asked for.

        Nobody may have written into arrays that lie there.
        """
        first = -(-(self._start + start) // mmap.PAGESIZE) * mmap.PAGESIZE
        size = min(self._start + stop, self._stop) // mmap.PAGESIZE * mmap.PAGESIZE - first
        if self._map is not None and size > 0 and hasattr(mmap, "MADV_DONTNEED"):  # not on Windows
            self._map.madvise(mmap.MADV_DONTNEED, first, size)

    def pieces(self) -> Iterator[memoryview]:
        """All of it one after another, each let go of when the next is asked for."""
        for start in range(0, len(self), PIECE):
            yield self[start : start + PIECE]
            self.release(start, start + PIECE)
