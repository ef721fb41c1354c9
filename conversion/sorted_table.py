"""LevelDB's sorted string table, in which TensorFlow keeps the index of a checkpoint.

Blocks of key-value pairs, each with a checksum, and a block that lists them; the footer points at the list. Keys share
their beginnings with the key before.
"""

from collections.abc import Iterator
from typing import Any

from torch_keras_lstm.conversion.crc32c import crc32c, masked
from torch_keras_lstm.conversion.protobuf import read_varint

MAX_BYTES = 64 * 2**20
# Names share so much that snappy packs them well, but not beyond what its format can do.
_MAX_SNAPPY_RATIO = 64

_FOOTER = 48
_MAGIC = bytes.fromhex("57fb808b247547db")
_TRAILER = 5  # a byte that names the compression, four of checksum
_UNCOMPRESSED, _SNAPPY = 0, 1
_WHAT = "The checkpoint's index"


def read_table(data: bytes) -> dict[str, memoryview]:
    """The pairs of a table.

    Raises:
        ValueError: when the bytes are no table, are damaged, or need a decompressor that is not installed.
    """
    if len(data) < _FOOTER or not data.endswith(_MAGIC):
        raise ValueError(f"{_WHAT} is truncated or damaged: it does not end as a table does.")
    view = memoryview(data)
    footer = view[-_FOOTER:]
    position = 0
    for _ in range(2):  # the list of filters, which TensorFlow does not use
        _, position = read_varint(footer, position, _WHAT)
    pairs: dict[str, memoryview] = {}
    for _, handle in _pairs(_block(view, footer[position:])):
        for key, value in _pairs(_block(view, handle)):
            name = key.decode("utf-8", "backslashreplace")
            if name in pairs:
                raise ValueError(f"{_WHAT} is damaged: it holds {name!r} twice.")
            pairs[name] = value
    return pairs


def _block(table: memoryview, handle: memoryview) -> memoryview:
    offset, position = read_varint(handle, 0, _WHAT)
    size, _ = read_varint(handle, position, _WHAT)
    if offset + size + _TRAILER > len(table):
        raise ValueError(f"{_WHAT} is truncated or damaged: a block lies beyond its end.")
    block, trailer = table[offset : offset + size], table[offset + size : offset + size + _TRAILER]
    if masked(crc32c(bytes(table[offset : offset + size + 1]))) != int.from_bytes(trailer[1:], "little"):
        raise ValueError(f"{_WHAT} is damaged: the checksum of a block does not fit its bytes.")
    if trailer[0] == _SNAPPY:
        return _unpacked(block)
    if trailer[0] != _UNCOMPRESSED:
        raise ValueError(f"{_WHAT} is damaged: {trailer[0]} is no way of compression.")
    return block


def _unpacked(block: memoryview) -> memoryview:
    try:
        import cramjam
    except ImportError:
        raise ValueError(
            f"{_WHAT} is compressed with snappy, which needs cramjam: `pip install 'torch-keras-lstm[snappy]'`."
        ) from None
    size, _ = read_varint(block, 0, _WHAT)
    if size > min(MAX_BYTES, _MAX_SNAPPY_RATIO * len(block)):
        raise ValueError(f"{_WHAT} claims {size} bytes out of {len(block)} compressed ones; refused.")
    output: Any = bytearray(size)
    try:
        written = cramjam.snappy.decompress_raw_into(block, output)
    except cramjam.DecompressionError as error:
        raise ValueError(f"{_WHAT} is damaged: {error}.") from None
    if written != size:
        raise ValueError(f"{_WHAT} is damaged: a block unpacks to {written} bytes, not to {size}.")
    return memoryview(bytes(output))


def _pairs(block: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    restarts = int.from_bytes(block[-4:], "little")
    end = len(block) - 4 * (restarts + 1)
    position, key = 0, b""
    if end < 0:
        raise ValueError(f"{_WHAT} is damaged: a block is shorter than its list of restarts.")
    entries = block[:end]
    while position < end:
        shared, position = read_varint(entries, position, _WHAT)
        fresh, position = read_varint(entries, position, _WHAT)
        size, position = read_varint(entries, position, _WHAT)
        if shared > len(key) or position + fresh + size > end:
            raise ValueError(f"{_WHAT} is damaged: an entry reaches beyond its block.")
        key = key[:shared] + bytes(entries[position : position + fresh])
        yield key, entries[position + fresh : position + fresh + size]
        position += fresh + size
