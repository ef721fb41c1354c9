"""The filters through which HDF5 keeps chunks, undone: deflate, shuffle, Fletcher's checksum, and h5py's LZF."""

import struct
import zlib
from collections.abc import Iterator, Sequence

import numpy as np

from torch_keras_lstm.conversion.hdf5_blocks import Unread

Filters = Sequence[tuple[int, Sequence[int]]]

_DEFLATE, _SHUFFLE, _CHECKSUM, _LZF = 1, 2, 3, 32000
_OTHERS = {
    4: "szip",
    5: "n-bit",
    6: "scale and offset",
    305: "LZO",
    307: "bzip2",
    32001: "Blosc",
    32004: "LZ4",
    32008: "bitshuffle",
    32013: "ZFP",
    32015: "Zstandard",
    32026: "Blosc2",
}


def filters_of(body: bytes) -> Iterator[tuple[int, Sequence[int]]]:
    """Number and values of each filter that a message tells of, in the order in which they were applied."""
    version, count = body[0], body[1]
    at = 8 if version == 1 else 2
    for _ in range(count):
        (kind,) = struct.unpack_from("<H", body, at)
        named = version == 1 or kind >= 256
        length = struct.unpack_from("<H", body, at + 2)[0] if named else 0
        at += 4 if named else 2
        values = struct.unpack_from("<2xH", body, at)[0]
        at += 4 + ((length + 7) // 8 * 8 if version == 1 else length)
        yield kind, struct.unpack_from(f"<{values}I", body, at)
        at += 4 * (values + values % 2 if version == 1 else values)


def unfiltered(body: bytes, filters: Filters, skipped: int, size: int, itemsize: int) -> bytes:
    """The bytes of a chunk, at most ``size`` and a checksum, with what was done to them undone."""
    for number, (kind, values) in reversed([*enumerate(filters)]):
        if skipped >> number & 1:
            continue
        if kind == _DEFLATE:
            inflater = zlib.decompressobj()
            body = inflater.decompress(body, size + 4)
        elif kind == _SHUFFLE:
            width = values[0] if values else itemsize
            if not 0 < width <= len(body):
                raise ValueError("a chunk is shuffled in a way that cannot be")
            whole = len(body) // width * width
            turned = np.frombuffer(body[:whole], np.uint8).reshape(width, -1).T.tobytes()
            body = turned + body[whole:]
        elif kind == _CHECKSUM:
            body, told = body[:-4], body[-4:]
            if _fletcher(body) != tuple(int(half) % 65535 for half in np.frombuffer(told, "<u2")):
                raise ValueError("a chunk does not have the checksum that the file tells")
        elif kind == _LZF:
            body = _lzf(body, size + 4)
        else:
            name = _OTHERS.get(kind, f"of number {kind}")
            raise Unread(f"an array is compressed by the filter {name}, which Keras never uses; `h5repack` undoes it")
    return body


def _fletcher(body: bytes) -> tuple[int, int]:
    """Fletcher's checksum of 32 bits: two sums of words, modulo 65535."""
    words = np.frombuffer(body + b"\0" * (len(body) % 2), ">u2").astype(np.uint64)
    weights = np.arange(len(words), 0, -1, dtype=np.uint64) % np.uint64(65535)
    return int(words.sum()) % 65535, int((words * weights).sum()) % 65535


def _lzf(body: bytes, most: int) -> bytes:
    """What LZF compressed, up to ``most`` bytes: stretches as they are, and stretches that were there before."""
    found = bytearray()
    at = 0
    while at < len(body) and len(found) < most:
        control = body[at]
        at += 1
        if control < 32:
            if at + control + 1 > len(body):
                raise ValueError("a chunk that LZF compressed is cut off")
            found += body[at : at + control + 1]
            at += control + 1
            continue
        length = control >> 5
        if length == 7:
            length += body[at]
            at += 1
        back = ((control & 31) << 8 | body[at]) + 1
        at += 1
        length += 2
        start = len(found) - back
        if start < 0:
            raise ValueError("a chunk that LZF compressed repeats what was not there")
        # It may repeat what it is about to write.
        stretch = bytes(found[start : start + length])
        found += (stretch * -(-length // len(stretch)))[:length]
    return bytes(found)
