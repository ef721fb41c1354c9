"""The checksum of a zip archive's members, of large ones by two threads at once."""

import zlib
from concurrent.futures import ThreadPoolExecutor

from torch_keras_lstm.conversion.mapped_file import PIECE, MappedFile

_POLYNOMIAL = 0xEDB88320  # x^0 is the highest bit


def checksum(data: MappedFile) -> int:
    """The CRC-32 of the bytes."""
    half = len(data) // 2
    if half < PIECE:
        return _one_by_one(data)
    with ThreadPoolExecutor(2) as threads:
        first, second = threads.map(_one_by_one, (data.part(0, half), data.part(half, len(data) - half)))
    return joined(first, second, len(data) - half)


def _one_by_one(data: MappedFile) -> int:
    found = 0
    for piece in data.pieces():
        found = zlib.crc32(piece, found)
    return found


def joined(first: int, second: int, size: int) -> int:
    """The checksum of two stretches of bytes by those of each, the second of which has ``size`` bytes.

    A checksum is the remainder of a polynomial over one bit; what comes before others is multiplied by a power of x.
    """
    power, square = 1 << 31, 1 << 23  # x^0 and x^8, a byte
    while size:
        if size & 1:
            power = _product(power, square)
        square = _product(square, square)
        size >>= 1
    return _product(first, power) ^ second


def _product(one: int, other: int) -> int:
    found = 0
    for bit in range(31, -1, -1):
        if one >> bit & 1:
            found ^= other
        other = other >> 1 ^ (_POLYNOMIAL if other & 1 else 0)
    return found
