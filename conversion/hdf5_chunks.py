"""Where the chunks of an HDF5 array are: the B-tree of older files, and the five lists of HDF5 1.10 and later.

A list has no more entries than the file has bytes for, and no more of them are looked at than the array has chunks.
"""

import math
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

from torch_keras_lstm.conversion.hdf5_blocks import NOWHERE, Blocks, Unread

_MAX_CHUNKS = 1_000_000
_MAX_RANK = 32
_SINGLE, _IMPLICIT, _FIXED, _EXTENSIBLE, _TREE = 1, 2, 3, 4, 5

_Shape = tuple[int, ...]


class Chunk(NamedTuple):
    """A chunk that is stored.

    Attributes:
        size: its bytes in the file.
        skipped: a bit for each filter that was not applied.
        place: where in the array it begins.
        address: where in the file.
    """

    size: int
    skipped: int
    place: _Shape
    address: int


@dataclass(frozen=True)
class Chunks:
    """The chunks of an array, as the message about its storage tells.

    Attributes:
        shape: of a chunk.
        whole_edges: whether chunks that reach beyond the array are stored without filters.
    """

    shape: _Shape
    whole_edges: bool
    _version: int
    _element: int
    _kind: int
    _details: bytes
    _address: int

    @classmethod
    def of(cls, layout: bytes, rank: int) -> "Chunks":
        """What a message about storage in chunks says of an array with ``rank`` axes."""
        if layout[0] == 3:
            if layout[2] != rank + 1:
                raise ValueError("the chunks of an array have another rank than it")
            (tree,) = struct.unpack_from("<Q", layout, 3)
            *shape, element = struct.unpack_from(f"<{rank + 1}I", layout, 11)
            return cls(tuple(shape), False, 3, element, 0, b"", tree)
        # Version 5, of HDF5 2.0, is as 4; but entries of lists hold a chunk's bytes in eight bytes, which they tell.
        flags, found, width = layout[2], layout[3], layout[4]
        if found != rank + 1 or found > _MAX_RANK + 1 or not 1 <= width <= 8:
            raise ValueError("the chunks of an array have another rank than it")
        at = 5 + found * width
        sizes = [int.from_bytes(layout[start : start + width], "little") for start in range(5, at, width)]
        kind = layout[at]
        length = {_SINGLE: 12 if flags & 2 else 0, _IMPLICIT: 0, _FIXED: 1, _EXTENSIBLE: 5, _TREE: 6}.get(kind)
        if length is None:
            raise Unread(f"the chunks of an array are listed in a way of number {kind}")
        (address,) = struct.unpack_from("<Q", layout, at + 1 + length)
        details = layout[at + 1 : at + 1 + length]
        return cls(tuple(sizes[:-1]), bool(flags & 1), 4, sizes[-1], kind, details, address)

    @property
    def size(self) -> int:
        """Bytes of a chunk, once no filter is applied."""
        return math.prod(self.shape) * self._element

    def stored(self, blocks: Blocks, shape: _Shape, most: Sequence[int], filtered: bool) -> Iterator[Chunk]:
        """The chunks that are stored, in no order.

        Args:
            blocks: the file's.
            shape: of the array.
            most: how far each axis may grow; ``2**64 - 1`` for one that has no end.
            filtered: whether the array has filters.
        """
        if self._address == NOWHERE:
            return
        if self._version == 3:
            yield from self._of_tree_1(blocks, len(shape))
            return
        if not all(self.shape) or not self._element:
            raise ValueError("the chunks of an array have no size")
        counts = [-(-size // step) for size, step in zip(shape, self.shape, strict=True)]
        if self._kind == _TREE:
            yield from self._of_tree_2(blocks, len(shape), filtered)
            return
        if self._kind == _SINGLE:
            size, skipped = struct.unpack("<QI", self._details) if self._details else (self.size, 0)
            yield Chunk(size, skipped, (0,) * len(shape), self._address)
            return
        if not all(counts):
            return
        if math.prod(counts) > min(_MAX_CHUNKS, len(blocks.data) // 8) and self._kind != _IMPLICIT:
            raise ValueError("an array has more chunks than the file has room to list")
        entry: Callable[[int], tuple[int, int, int] | None]
        if self._kind == _IMPLICIT:
            if math.prod(counts) * self.size > len(blocks.data):
                raise ValueError("the chunks of an array are larger than the file")
            entry = lambda number: (self._address + number * self.size, self.size, 0)  # noqa: E731 - as the two others
        elif self._kind == _FIXED:
            entry = _FixedArray(blocks, self._address, filtered, self.size).entry
        else:
            entry = _ExtensibleArray(blocks, self._address, filtered, self.size).entry
        steps = _steps(self.shape, most, grows_first=self._kind == _EXTENSIBLE)
        for place in product(*map(range, counts)):
            blocks.count()
            found = entry(sum(number * step for number, step in zip(place, steps, strict=True)))
            if found is not None:
                address, size, skipped = found
                yield Chunk(size, skipped, tuple(map(math.prod, zip(place, self.shape, strict=True))), address)

    def _of_tree_1(self, blocks: Blocks, rank: int) -> Iterator[Chunk]:
        for number, (key, address) in enumerate(blocks.tree_1(self._address, kind=1, key=8 + 8 * (rank + 1))):
            if number > _MAX_CHUNKS:
                raise ValueError(f"an array has more than {_MAX_CHUNKS} chunks")
            size, skipped = struct.unpack_from("<II", key)
            yield Chunk(size, skipped, struct.unpack_from(f"<{rank}Q", key, 8), address)

    def _of_tree_2(self, blocks: Blocks, rank: int, filtered: bool) -> Iterator[Chunk]:
        for kind, record in blocks.tree_2(self._address):
            if kind != (11 if filtered else 10) or len(record) < 8 * rank + (13 if filtered else 8):
                raise ValueError(f"a tree of kind {kind} does not list chunks of such an array")
            address, size, skipped = _parsed(record[: len(record) - 8 * rank], self.size)
            place = struct.unpack_from(f"<{rank}Q", record, len(record) - 8 * rank)
            yield Chunk(size, skipped, tuple(map(math.prod, zip(place, self.shape, strict=True))), address)


def _steps(chunk: _Shape, most: Sequence[int], grows_first: bool) -> list[int]:
    """How many entries of a list lie between neighbours along each axis: the last one's are next to each other.

    In a list that grows, the axis that has no end is the first.
    """
    counts = [-(-size // step) for size, step in zip(most, chunk, strict=True)]
    order = [*range(len(most))]
    if grows_first:
        endless = [axis for axis, size in enumerate(most) if size == NOWHERE]
        if len(endless) != 1:
            raise ValueError("a list of chunks that grows belongs to an array with one axis that has no end")
        order = [endless[0], *(axis for axis in order if axis != endless[0])]
    steps, step = [0] * len(most), 1
    for axis in reversed(order):
        steps[axis] = step
        step *= counts[axis]
    return steps


def _parsed(entry: bytes, size: int) -> tuple[int, int, int]:
    """Address, bytes and skipped filters; of an entry with an address alone the bytes are ``size``."""
    (address,) = struct.unpack_from("<Q", entry)
    if len(entry) == 8:
        return address, size, 0
    return address, int.from_bytes(entry[8:-4], "little"), int.from_bytes(entry[-4:], "little")


class _Listed:
    """What the two lists of entries by number have in common."""

    def __init__(self, blocks: Blocks, filtered: bool, entry_size: int, chunk: int, kind: int) -> None:
        if kind != filtered or not (13 <= entry_size <= 20 if filtered else entry_size == 8):
            raise ValueError("a list of chunks has entries of another kind than the array")
        self._blocks, self._entry_size, self._chunk = blocks, entry_size, chunk

    def _entry_at(self, start: int, number: int) -> tuple[int, int, int] | None:
        found = _parsed(self._blocks.take(start + number * self._entry_size, self._entry_size), self._chunk)
        return None if found[0] == NOWHERE else found

    def _start(self, address: int, signature: bytes) -> int:
        """The first byte after what each block begins with."""
        if self._blocks.take(address, 4) != signature:
            raise ValueError(f"there is no list of chunks at {address}")
        return address + 14  # signature, version, kind, address of the head

    def _has_page(self, bitmap: bytes, page: int) -> bool:
        return bool(bitmap[page // 8] >> (7 - page % 8) & 1)


class _FixedArray(_Listed):
    """The list of an array that cannot grow beyond a known size: one block, in pages if it is long."""

    def __init__(self, blocks: Blocks, address: int, filtered: bool, chunk: int) -> None:
        signature, kind, entry, page_bits, self._count, block = struct.unpack("<4sxBBBQQ", blocks.take(address, 24))
        super().__init__(blocks, filtered, entry, chunk, kind)
        if signature != b"FAHD" or page_bits > 32 or self._count * entry > len(blocks.data):
            raise ValueError(f"there is no list of chunks at {address}")
        self._is_empty = block == NOWHERE
        if self._is_empty:
            return
        self._first, self._page, self._bitmap = self._start(block, b"FADB"), 1 << page_bits, b""
        if self._count > self._page:
            self._bitmap = blocks.take(self._first, (-(-self._count // self._page) + 7) // 8)
            self._first += len(self._bitmap) + 4

    def entry(self, number: int) -> tuple[int, int, int] | None:
        """Address, bytes and skipped filters of a chunk; ``None`` where it is not stored."""
        if number >= self._count:
            raise ValueError("an array has more chunks than are listed")
        if self._is_empty:
            return None
        if not self._bitmap:
            return self._entry_at(self._first, number)
        page, inside = divmod(number, self._page)
        if not self._has_page(self._bitmap, page):
            return None
        return self._entry_at(self._first + page * (self._page * self._entry_size + 4), inside)


class _ExtensibleArray(_Listed):
    """The list of an array with one axis that has no end: entries in the index, in blocks, in blocks of blocks.

    Blocks of blocks are numbered; each two of them have twice as many blocks, and the blocks in turn twice the entries.
    """

    def __init__(self, blocks: Blocks, address: int, filtered: bool, chunk: int) -> None:
        head = blocks.take(address, 68)
        signature, kind, entry, bits, self._direct, self._least, pointers, page_bits = struct.unpack_from(
            "<4sxBBBBBBB", head
        )
        (index,) = struct.unpack_from("<Q", head, 60)
        super().__init__(blocks, filtered, entry, chunk, kind)
        powers = all(size and not size & (size - 1) for size in (self._least, pointers))
        if signature != b"EAHD" or not powers or bits > 64 or page_bits > 32:
            raise ValueError(f"there is no list of chunks at {address}")
        self._page, self._offset = 1 << page_bits, (bits + 7) // 8
        self._is_empty = index == NOWHERE
        if self._is_empty:
            return
        self._entries = self._start(index, b"EAIB")
        self._blocks_at = self._entries + self._direct * entry
        self._in_index = 2 * (pointers.bit_length() - 1)  # as many blocks of blocks have theirs in the index itself
        self._supers_at = self._blocks_at + 8 * 2 * (pointers - 1)

    def entry(self, number: int) -> tuple[int, int, int] | None:
        """Address, bytes and skipped filters of a chunk; ``None`` where it is not stored."""
        if self._is_empty:
            return None
        if number < self._direct:
            return self._entry_at(self._entries, number)
        number -= self._direct
        level = (number // self._least + 1).bit_length() - 1
        size = self._least << (level + 1) // 2
        # What lies before this level: entries, and blocks.
        number -= self._least * ((1 << level) - 1)
        block, inside = divmod(number, size)
        pages = -(-size // self._page) if size > self._page else 0
        if level < self._in_index:
            before = sum(1 << one // 2 for one in range(level))
            at, bitmap = self._blocks_at + 8 * (before + block), b""
        else:
            above = self._pointer(self._supers_at + 8 * (level - self._in_index))
            if above is None:
                return None
            start = self._start(above, b"EASB") + self._offset
            # Its bits are the pages of all blocks, without a gap, though there is room for whole bytes of each.
            width = (1 << level // 2) * ((pages + 7) // 8)
            bitmap = self._blocks.take(start, width)
            at = start + width + 8 * block
        address = self._pointer(at)
        if address is None:
            return None
        first = self._start(address, b"EADB") + self._offset
        if not pages:
            return self._entry_at(first, inside)
        page, inside = divmod(inside, self._page)
        if bitmap and not self._has_page(bitmap, block * pages + page):
            return None
        return self._entry_at(first + 4 + page * (self._page * self._entry_size + 4), inside)

    def _pointer(self, at: int) -> int | None:
        (address,) = struct.unpack("<Q", self._blocks.take(at, 8))
        return None if address == NOWHERE else int(address)
