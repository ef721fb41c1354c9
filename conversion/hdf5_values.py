"""The values in an HDF5 file: the types, shapes and storage of its arrays and attributes."""

import math
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from torch_keras_lstm.conversion.arrays import Array
from torch_keras_lstm.conversion.hdf5_blocks import NOWHERE, Blocks, Message, Unread
from torch_keras_lstm.conversion.hdf5_chunks import Chunks
from torch_keras_lstm.conversion.hdf5_filters import Filters, filters_of, unfiltered
from torch_keras_lstm.conversion.mapped_file import PIECE, MappedFile

DATASPACE, DATATYPE, LAYOUT, EXTERNAL, FILTERS, ATTRIBUTE, ATTRIBUTES = 0x01, 0x03, 0x08, 0x07, 0x0B, 0x0C, 0x15

_Shape = tuple[int, ...]

_CLASSES = ("integers", "floats", "times", "strings", "bit fields", "opaque bytes", "compounds", "references", "enums")
_MAX_RANK = 32
_PIECES_AT_ONCE = 4
# what is stored of an attribute: a list of names in one is the longest
_MAX_ATTRIBUTE = 64 * 2**20


class Type(NamedTuple):
    """The type of an array.

    Attributes:
        name: for an error.
        size: bytes of an entry.
        numpy: NumPy's; ``None`` where it has none, or numbers are laid out as no processor does.
        is_reference: whether an entry refers to a string in a heap.
    """

    name: str
    size: int
    numpy: np.dtype[Any] | None = None
    is_reference: bool = False


def type_of(body: bytes) -> Type:
    """What a message about a type says."""
    kind, bits, size = body[0] & 15, body[1] | body[2] << 8 | body[3] << 16, struct.unpack_from("<I", body, 4)[0]
    order = ">" if bits & 1 else "<"
    if kind == 0 and size in (1, 2, 4, 8) and struct.unpack_from("<HH", body, 8) == (0, 8 * size):
        return Type("integers", size, np.dtype(f"{order}{'i' if bits & 8 else 'u'}{size}"))
    if kind == 1:
        ieee = {2: (10, 5, 0, 10, 15), 4: (23, 8, 0, 23, 127), 8: (52, 11, 0, 52, 1023)}.get(size)
        known = ieee is not None and struct.unpack_from("<HHBBBBI", body, 8) == (0, 8 * size, *ieee) and not bits & 64
        return Type(f"floats of {size} bytes", size, np.dtype(f"{order}f{size}") if known else None)
    if kind == 3 and 0 < size <= _MAX_ATTRIBUTE:
        return Type("strings", size, np.dtype(f"S{size}"))
    if kind == 5 and 0 < size < 65536:
        return Type(f"|V{size}", size, np.dtype(f"V{size}"))
    if kind == 8 and size == 1:
        members = struct.unpack_from("<H", body, 1)[0]
        names = body[8 + 12 :]  # after the type that they have
        if members == 2 and body[8] & 15 == 0 and names[:6] == b"FALSE\0" and b"TRUE\0" in names:
            return Type("truth values", 1, np.dtype(bool))
    if kind == 9:
        text = bits & 15 == 1
        return Type("strings" if text else "lists", size, None, is_reference=text and size == 16)
    return Type(_CLASSES[kind] if kind < len(_CLASSES) else "a type of its own", size)


def shape_of(body: bytes) -> _Shape | None:
    """What a message about a shape says; ``None`` for no values at all."""
    version, rank = body[0], body[1]
    if version not in (1, 2) or rank > _MAX_RANK:
        raise ValueError("the shape of an array is not written as HDF5 does")
    if version == 2 and body[3] == 2:
        return None
    return struct.unpack_from(f"<{rank}Q", body, 8 if version == 1 else 4)


def _most_of(body: bytes, shape: _Shape) -> _Shape:
    """How far each axis may grow."""
    start = (8 if body[0] == 1 else 4) + 8 * len(shape)
    return struct.unpack_from(f"<{len(shape)}Q", body, start) if body[2] & 1 else shape


@dataclass(frozen=True)
class Dataset:
    """An array of a file, none of which is read.

    Attributes:
        shape: ``None`` when it has a type and no values.
        type: of its entries.
        is_elsewhere: whether its values are in other files.
        stored: how many bytes of the file hold it.
    """

    blocks: Blocks
    shape: _Shape | None
    type: Type
    is_elsewhere: bool
    stored: int
    _layout: bytes
    _filters: Filters
    _most: _Shape

    def read(self) -> Array:
        """The values, as they are stored; what is contiguous stays where the file is mapped.

        The caller has checked that ``shape`` is what it expects, and its size beside ``stored``.
        """
        assert self.shape is not None
        assert self.type.numpy is not None
        kind, dtype = self._layout[1], self.type.numpy
        if kind == 0:
            size = struct.unpack_from("<H", self._layout, 2)[0]
            return self._entries(self._layout[4 : 4 + size], 0)
        if kind == 1:
            (address,) = struct.unpack_from("<Q", self._layout, 2)
            if math.prod(self.shape) and address + math.prod(self.shape) * dtype.itemsize > len(self.blocks.data):
                raise ValueError("the values lie beyond the end of the file")
            data = self.blocks.data
            return self._entries(data.view() if isinstance(data, MappedFile) else data, address)
        return self._chunked(dtype)

    def pieces(self) -> Iterator[Array]:
        """The values as :meth:`read` gives them, some of the first axis after the others.

        Of a large array that lies contiguous in a mapped file only the last pieces are in memory.
        """
        values, data = self.read(), self.blocks.data
        if self._layout[1] != 1 or not isinstance(data, MappedFile) or values.nbytes <= PIECE:
            yield values
            return
        (address,) = struct.unpack_from("<Q", self._layout, 2)
        step = max(1, PIECE * len(values) // values.nbytes)
        size = step * values.nbytes // len(values)
        for number, start in enumerate(range(0, len(values), step)):
            yield values[start : start + step]
            if number % _PIECES_AT_ONCE == 0:  # all so far, because another thread may still have read one of them
                data.release(address, address + number * size)

    def chunks(self) -> Chunks:
        """The chunks of an array that is kept in such."""
        assert self.shape is not None
        return Chunks.of(self._layout, len(self.shape))

    def _entries(self, data: Any, start: int) -> Array:
        assert self.shape is not None
        assert self.type.numpy is not None
        count = math.prod(self.shape)
        found = np.frombuffer(data, self.type.numpy, count, start if count else 0).reshape(self.shape)
        return found if found.flags.writeable else found.copy()  # torch knows no arrays that cannot be written

    def _chunked(self, dtype: np.dtype[Any]) -> Array:
        assert self.shape is not None
        chunks = self.chunks()
        chunk, size = chunks.shape, math.prod(chunks.shape) * dtype.itemsize
        # Beside a small array a chunk may be larger than it, but not by much.
        if not size or size > max(2**20, 2 * math.prod(self.shape) * dtype.itemsize):
            raise ValueError(f"the chunks of {chunk} are too large")
        values = np.zeros(self.shape, dtype)
        filled = 0
        for length, skipped, place, address in chunks.stored(self.blocks, self.shape, self._most, bool(self._filters)):
            if any(at % step or at >= end for at, step, end in zip(place, chunk, self.shape, strict=True)):
                raise ValueError(f"a chunk at {place} lies beyond the array")
            whole = chunks.whole_edges and any(
                at + step > end for at, step, end in zip(place, chunk, self.shape, strict=True)
            )
            filters = () if whole else self._filters
            body = unfiltered(self.blocks.take(address, length), filters, skipped, size, dtype.itemsize)
            if len(body) != size:
                raise ValueError(f"a chunk has {len(body)} bytes in place of {size}")
            part = tuple(slice(at, at + step) for at, step in zip(place, chunk, strict=True))
            target = values[part]
            target[...] = np.frombuffer(body, dtype).reshape(chunk)[tuple(slice(end) for end in target.shape)]
            filled += 1
        if filled < math.prod(-(-end // step) for end, step in zip(self.shape, chunk, strict=True)):
            raise ValueError("chunks of the array are missing")
        return values


def dataset(blocks: Blocks, messages: Sequence[Message]) -> Dataset | None:
    """The array that an object header describes; ``None`` when it describes none."""
    bodies = {message.kind: message.body for message in messages}
    if LAYOUT not in bodies or abs(DATATYPE) not in map(abs, bodies) or DATASPACE not in bodies:
        return None
    if DATATYPE not in bodies:
        raise Unread("the type of an array stands elsewhere in the file")
    layout, shape = bodies[LAYOUT], shape_of(bodies[DATASPACE])
    filters = tuple(filters_of(bodies[FILTERS])) if FILTERS in bodies else ()
    most = () if shape is None else _most_of(bodies[DATASPACE], shape)
    virtual = layout[0] in (4, 5) and layout[1] == 3
    if layout[0] not in (3, 4, 5) or layout[1] > 3:
        raise Unread(f"version {layout[0]} of the storage of arrays is not read")
    elsewhere = virtual or EXTERNAL in bodies or -EXTERNAL in bodies
    stored = 0 if elsewhere else _stored(blocks, layout, shape, most, bool(filters))
    return Dataset(blocks, shape, type_of(bodies[DATATYPE]), elsewhere, stored, layout, filters, most)


def attributes(blocks: Blocks, messages: Sequence[Message]) -> dict[str, Any]:
    """The attributes of an object: arrays and scalars of NumPy, ``bytes`` for strings of any length."""
    found = {}
    for message in messages:
        if message.kind == ATTRIBUTE:
            name, value = _attribute(blocks, message.body)
            found[name] = value
        elif message.kind == ATTRIBUTES:
            found.update(_attribute(blocks, body) for body in blocks.dense_attributes(message.body))
        elif message.kind in (-ATTRIBUTE, -ATTRIBUTES):
            raise Unread("an attribute is shared between objects")
    return found


def _attribute(blocks: Blocks, body: bytes) -> tuple[str, Any]:
    version, flags = body[0], body[1]
    if version not in (1, 2, 3) or (version > 1 and flags & 3):
        raise Unread("an attribute is of another version, or has a type that stands elsewhere")
    sizes = struct.unpack_from("<HHH", body, 2)
    at = 9 if version == 3 else 8
    parts = []
    for size in sizes:
        if at + size > len(body):
            raise ValueError("an attribute is cut off")
        parts.append(body[at : at + size])
        at += (size + 7) // 8 * 8 if version == 1 else size
    name, kind, shape = parts[0].split(b"\0")[0].decode(), type_of(parts[1]), shape_of(parts[2])
    if shape is None:
        return name, None
    count = math.prod(shape)
    if count * kind.size > len(body) - at:
        raise ValueError(f"attribute `{name}` is cut off")
    values = body[at : at + count * kind.size]
    if kind.is_reference:
        texts = [blocks.text_of_variable_length(values[16 * entry : 16 * entry + 16]) for entry in range(count)]
        if sum(map(len, texts)) > _MAX_ATTRIBUTE:
            raise ValueError(f"attribute `{name}` has more than {_MAX_ATTRIBUTE} bytes")
        array = np.empty(count, object)
        array[:] = texts
        return name, array.reshape(shape) if shape else texts[0]
    if kind.numpy is None:
        return name, values
    array = np.frombuffer(values, kind.numpy, count).reshape(shape)
    return name, array if shape else array[()]


def _stored(blocks: Blocks, layout: bytes, shape: _Shape | None, most: _Shape, filtered: bool) -> int:
    if layout[1] == 0:
        return min(int(struct.unpack_from("<H", layout, 2)[0]), len(layout) - 4)
    if layout[1] == 1:
        address, size = struct.unpack_from("<QQ", layout, 2)
        return 0 if address == NOWHERE else int(size)
    if shape is None:
        raise ValueError("the chunks of an array have another rank than it")
    chunks = Chunks.of(layout, len(shape))
    return sum(chunk.size for chunk in chunks.stored(blocks, shape, most, filtered))
