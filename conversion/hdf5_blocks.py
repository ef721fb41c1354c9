"""The blocks of an HDF5 file: superblock, object headers with their messages, groups with their links, heaps.

Pure Python over the file's bytes, which are mapped and never trusted: every offset is checked where it is used, what is
walked over is counted, and a block that was seen is not walked over again. After the "HDF5 File Format Specification
Version 3.0" of The HDF Group, for what the library writes by default and with ``libver="latest"``; file format 1.4 and
earlier, shared messages and filtered heaps are refused.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple, Protocol

SIGNATURE = b"\x89HDF\r\n\x1a\n"
NOWHERE = 2**64 - 1

# Far more than Keras writes, and little enough to walk over in a second.
_MAX_MESSAGES = 65_536
_MAX_NODES = 500_000
_MAX_LEVELS = 32


class Unread(ValueError):
    """Something that HDF5 has and is not read here."""


class Data(Protocol):
    """The file's bytes, in memory or mapped."""

    def __len__(self) -> int: ...
    def __getitem__(self, place: slice, /) -> bytes | memoryview: ...


class Message(NamedTuple):
    """A message of an object header: what it is about, and its bytes."""

    kind: int
    body: bytes


class Link(NamedTuple):
    """A name in a group: where its object is, or the kind of a link that is no hard one."""

    address: int
    kind: str


@dataclass
class Blocks:
    """The blocks of a file.

    Raises:
        ValueError, struct.error: wherever something is not as the format has it.
    """

    data: Data

    def __post_init__(self) -> None:
        self._nodes = 0
        self._heaps: dict[int, dict[int, bytes]] = {}

    def take(self, start: int, size: int) -> bytes:
        """``size`` bytes from ``start`` on."""
        if start < 0 or size < 0 or start + size > len(self.data):
            raise ValueError(f"{size} bytes at {start} lie beyond the end of the file")
        return bytes(self.data[start : start + size])

    def root(self) -> int:
        """The address of the root group's object header."""
        if self.take(0, 8) != SIGNATURE:
            raise ValueError("the signature is missing")
        version = self.take(8, 1)[0]
        if version in (0, 1):
            head = self.take(0, 100 if version else 96)
            sizes, start = head[13:15], 28 if version else 24
            base, end = struct.unpack_from("<Q8xQ", head, start)
            (root,) = struct.unpack_from("<Q", head, start + 40)
        elif version in (2, 3):
            head = self.take(0, 48)
            sizes = head[9:11]
            base, _, end, root = struct.unpack_from("<QQQQ", head, 12)
        else:
            raise Unread(f"version {version} of the superblock is not known")
        if sizes != b"\x08\x08" or base != 0:
            raise ValueError("addresses are not of 8 bytes from the start of the file")
        if end > len(self.data):
            raise ValueError(f"the file has {len(self.data)} bytes of {end}")
        return int(root)

    def messages(self, address: int) -> list[Message]:
        """The messages of the object header at ``address``, without those that say nothing."""
        is_new = self.take(address, 4) == b"OHDR"
        found = self._messages_2(address) if is_new else self._messages_1(address)
        return [message for message in found if message.kind]

    def _messages_1(self, address: int) -> Iterator[Message]:
        version, count, size = struct.unpack("<BxH4xI4x", self.take(address, 16))
        if version != 1:
            raise ValueError(f"there is no object header at {address}")
        blocks, seen = [(address + 16, size)], 0
        for start, length in blocks:  # which grows on the way
            body, at = self.take(start, length), 0
            while at + 8 <= length and seen < count:
                kind, size, flags = struct.unpack_from("<HHB", body, at)
                seen += 1
                yield from self._message(kind, body[at + 8 : at + 8 + size], size, flags, blocks)
                at += 8 + size

    def _messages_2(self, address: int) -> Iterator[Message]:
        version, flags = self.take(address + 4, 2)
        if version != 2:
            raise ValueError(f"version {version} of an object header is not known")
        at = address + 6 + (16 if flags & 0x20 else 0) + (4 if flags & 0x10 else 0)
        width = 1 << (flags & 3)
        size = int.from_bytes(self.take(at, width), "little")
        head = 6 if flags & 4 else 4
        blocks, first = [(at + width, size)], True
        for start, length in blocks:  # which grows on the way
            if not first:
                if self.take(start, 4) != b"OCHK":
                    raise ValueError(f"an object header does not go on at {start}")
                start, length = start + 4, length - 8
            first = False
            body, at = self.take(start, length), 0
            while at + head <= length:
                kind, size, marks = struct.unpack_from("<BHB", body, at)
                yield from self._message(kind, body[at + head : at + head + size], size, marks, blocks)
                at += head + size

    def _message(
        self, kind: int, body: bytes, size: int, flags: int, blocks: list[tuple[int, int]]
    ) -> Iterator[Message]:
        self.count()
        if len(body) != size:
            raise ValueError("a message is longer than its object header")
        if kind == 0x10:
            blocks.append(struct.unpack_from("<QQ", body))
            if len(blocks) > _MAX_MESSAGES or sum(length for _, length in blocks) > len(self.data):
                raise ValueError("an object header goes on and on")
        elif flags & 2:
            yield Message(-kind, body)  # kept elsewhere, and shared
        else:
            yield Message(kind, body)

    def links(self, messages: list[Message]) -> Iterator[tuple[str, Link]]:
        """What is in the group with these messages, by name, in no order."""
        for message in messages:
            if message.kind == 0x11:
                tree, heap = struct.unpack_from("<QQ", message.body)
                yield from self._old_links(tree, heap)
            elif message.kind == 0x06:
                yield _link(message.body)
            elif message.kind == 0x02:
                heap, tree = struct.unpack_from("<QQ", message.body, 10 if message.body[1] & 1 else 2)
                if heap != NOWHERE:
                    for body in self._dense(heap, tree, {5: 4, 6: 8}):
                        yield _link(body)

    def _old_links(self, tree: int, heap: int) -> Iterator[tuple[str, Link]]:
        head = self.take(heap, 32)
        if head[:4] != b"HEAP":
            raise ValueError(f"there is no heap of names at {heap}")
        size, _, start = struct.unpack_from("<QQQ", head, 8)
        names = self.take(start, size)
        for _, node in self.tree_1(tree, kind=0, key=8):
            signature, count = struct.unpack("<4s2xH", self.take(node, 8))
            if signature != b"SNOD":
                raise ValueError(f"there is no list of names at {node}")
            for entry in range(count):
                self.count()
                at, address, cache = struct.unpack("<QQI", self.take(node + 8 + 40 * entry, 20))
                if at >= size:
                    raise ValueError("a name lies beyond its heap")
                name = names[at : names.index(b"\0", at)].decode()
                yield name, Link(address, "soft" if cache == 2 else "hard")

    def tree_1(self, address: int, kind: int, key: int) -> Iterator[tuple[bytes, int]]:
        """The leaves' keys (the one before each child) and children of a B-tree of version 1."""
        pending, seen = [(address, _MAX_LEVELS)], set[int]()
        while pending:
            node, most = pending.pop()
            if node in seen:
                raise ValueError("a tree leads back to itself")
            seen.add(node)
            signature, found, level, count = struct.unpack("<4sBBH", self.take(node, 8))
            if signature != b"TREE" or found != kind or level >= most:
                raise ValueError(f"there is no tree at {node}")
            body = self.take(node + 24, count * (key + 8))
            children = []
            for at in range(0, len(body), key + 8):
                self.count()
                (child,) = struct.unpack_from("<Q", body, at + key)
                children.append((body[at : at + key], child))
            if level:
                pending += [(child, level) for _, child in reversed(children)]
            else:
                yield from children

    def dense_attributes(self, body: bytes) -> Iterator[bytes]:
        """The attributes of an object that has so many that they stand in a heap: the bodies of their messages."""
        heap, tree = struct.unpack_from("<QQ", body, 4 if body[1] & 1 else 2)
        if heap != NOWHERE:
            yield from self._dense(heap, tree, {8: 0, 9: 0})

    def _dense(self, heap: int, tree: int, places: dict[int, int]) -> Iterator[bytes]:
        objects = _FractalHeap(self, heap)
        for kind, record in self.tree_2(tree):
            if kind not in places:
                raise ValueError(f"a tree of kind {kind} holds neither links nor attributes")
            at = places[kind]
            yield objects.get(record[at : at + objects.id_size])

    def tree_2(self, address: int) -> Iterator[tuple[int, bytes]]:
        """Kind and bytes of each record in a B-tree of version 2."""
        head = self.take(address, 38)
        if head[:4] != b"BTHD":
            raise ValueError(f"there is no tree at {address}")
        kind, node_size, record, depth = struct.unpack_from("<BIHH", head, 5)
        root, count, total = struct.unpack_from("<QHQ", head, 16)
        if depth > 8 or not record or node_size > len(self.data):
            raise ValueError("a tree has sizes that cannot be")
        most = [(node_size - 10) // record]  # records of a node, by its level
        sums = [most[0]]
        for level in range(1, depth + 1):
            pointer = 8 + _width(most[0]) + (_width(sums[level - 1]) if level > 1 else 0)
            most.append((node_size - 10 - pointer) // (record + pointer))
            sums.append((most[level] + 1) * sums[level - 1] + most[level])
        pending = [(root, count, depth)] if total else []
        while pending:
            node, count, level = pending.pop()
            self.count()
            if self.take(node, 4) != (b"BTIN" if level else b"BTLF") or count > most[level]:
                raise ValueError(f"there is no node of a tree at {node}")
            body = self.take(node + 6, count * record)
            for at in range(0, len(body), record):
                self.count()
                yield kind, body[at : at + record]
            if level:
                widths = _width(most[0]), _width(sums[level - 1]) if level > 1 else 0
                pointers = self.take(node + 6 + count * record, (count + 1) * (8 + sum(widths)))
                for at in range(0, len(pointers), 8 + sum(widths)):
                    child = int.from_bytes(pointers[at : at + 8], "little")
                    pending.append((child, int.from_bytes(pointers[at + 8 : at + 8 + widths[0]], "little"), level - 1))

    def text_of_variable_length(self, reference: bytes) -> bytes:
        """What a reference of 16 bytes into a global heap means."""
        length, heap, index = struct.unpack("<IQI", reference)
        if not length:
            return b""
        objects = self._heaps.get(heap)
        if objects is None:
            objects = self._heaps[heap] = dict(self._global_heap(heap))
        if index not in objects or length > len(objects[index]):
            raise ValueError(f"the heap of strings at {heap} does not hold what is looked for")
        return objects[index][:length]

    def _global_heap(self, address: int) -> Iterator[tuple[int, bytes]]:
        signature, size = struct.unpack("<4s4xQ", self.take(address, 16))
        if signature != b"GCOL":
            raise ValueError(f"there is no heap of strings at {address}")
        heap, at = self.take(address, size), 16
        while at + 16 <= size:
            self.count()
            index, length = struct.unpack_from("<H6xQ", heap, at)
            if not index:
                return
            if at + 16 + length > size:
                raise ValueError(f"the heap of strings at {address} is broken")
            yield index, heap[at + 16 : at + 16 + length]
            at += 16 + (length + 7) // 8 * 8

    def count(self) -> None:
        """Take one more thing that is walked over into account."""
        self._nodes += 1
        if self._nodes > _MAX_NODES:
            raise ValueError(f"more than {_MAX_NODES} nodes and messages have to be walked over")


class _FractalHeap:
    """A heap of links or attributes: of those that lie in its blocks, in the identifier, or, the longest, beside."""

    def __init__(self, blocks: Blocks, address: int) -> None:
        head = blocks.take(address, 142)
        if head[:4] != b"FRHP":
            raise ValueError(f"there is no heap at {address}")
        self._blocks = blocks
        self.id_size, filters, _, largest_object = struct.unpack_from("<HHBI", head, 5)
        (self._huge,) = struct.unpack_from("<Q", head, 22)
        self._columns, self._first, self._largest, bits = struct.unpack_from("<HQQH", head, 110)
        _, self._root, self._rows = struct.unpack_from("<HQH", head, 130)
        if filters or not self._columns or not self._first or bits > 64 or self._largest < self._first:
            raise ValueError("a heap has filters, or sizes that cannot be")
        self._offset_width = (bits + 7) // 8
        self._length_width = _width(min(self._largest, largest_object))

    def get(self, identifier: bytes) -> bytes:
        """The object that an identifier means."""
        if len(identifier) != self.id_size or identifier[0] >> 6:
            raise ValueError("an object of a heap is not where such objects are")
        if identifier[0] & 0x20:
            return identifier[1 : 2 + (identifier[0] & 15)]
        if identifier[0] & 0x10:
            return self._huge_object(identifier[1:])
        at = 1 + self._offset_width
        offset = int.from_bytes(identifier[1:at], "little")
        length = int.from_bytes(identifier[at : at + self._length_width], "little")
        start, block, size = self._find(self._root, self._rows, 0, offset, 8)
        if offset + length > start + size:
            raise ValueError("an object of a heap is longer than its block")
        return self._blocks.take(block + offset - start, length)

    def _huge_object(self, key: bytes) -> bytes:
        for kind, record in self._blocks.tree_2(self._huge):
            if kind != 1:
                raise Unread("a heap has filters")
            address, length, found = struct.unpack("<QQQ", record)
            if found == int.from_bytes(key, "little"):
                return self._blocks.take(address, length)
        raise ValueError("an object of a heap is not in its tree")

    def _find(self, address: int, rows: int, start: int, offset: int, most: int) -> tuple[int, int, int]:
        """Offset in the heap, address and size of the block that holds ``offset``."""
        if not rows:
            if self._blocks.take(address, 4) != b"FHDB":
                raise ValueError(f"there is no block of a heap at {address}")
            return start, address, self._first
        if self._blocks.take(address, 4) != b"FHIB" or rows > 64 or not most:
            raise ValueError(f"there is no block of a heap at {address}")
        at, entry = start, address + 13 + self._offset_width
        for row in range(rows):
            size = self._first << max(row - 1, 0)
            for _ in range(self._columns):
                self._blocks.count()
                if at <= offset < at + size:
                    (child,) = struct.unpack("<Q", self._blocks.take(entry, 8))
                    if size <= self._largest:
                        if self._blocks.take(child, 4) != b"FHDB":
                            raise ValueError(f"there is no block of a heap at {child}")
                        return at, child, size
                    inner = (size // (self._first * self._columns)).bit_length()
                    return self._find(child, inner, at, offset, most - 1)
                at, entry = at + size, entry + 8
        raise ValueError("an object of a heap lies beyond its blocks")


def _link(body: bytes) -> tuple[str, Link]:
    version, flags = body[0], body[1]
    if version != 1:
        raise ValueError(f"version {version} of a link is not known")
    at = 2
    kind = body[at] if flags & 8 else 0
    at += (1 if flags & 8 else 0) + (8 if flags & 4 else 0) + (1 if flags & 16 else 0)
    width = 1 << (flags & 3)
    length = int.from_bytes(body[at : at + width], "little")
    at += width
    if at + length > len(body):
        raise ValueError("a link's name is longer than the link")
    name = body[at : at + length].decode()
    if kind:
        return name, Link(NOWHERE, {1: "soft", 64: "external"}.get(kind, "user-defined"))
    return name, Link(struct.unpack_from("<Q", body, at + length)[0], "hard")


def _width(largest: int) -> int:
    """How many bytes a number up to ``largest`` takes."""
    return max((largest.bit_length() + 7) // 8, 1)
