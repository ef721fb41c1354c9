"""TensorFlow's checkpoint files, written byte by byte: tables, bundles and the graph that names their tensors."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from tests.conversion.handmade import Array

TYPES = {"float32": 1, "float64": 2, "int32": 3, "int64": 9, "float16": 19}
TEXT, BFLOAT16 = 7, 14
GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"
Node = tuple[Mapping[str, int], Sequence[tuple[str, str]]]

MAGIC = bytes.fromhex("57fb808b247547db")


def checksum(data: bytes) -> int:
    """CRC-32C a bit at a time, masked as LevelDB masks it."""
    register = 0xFFFFFFFF
    for byte in data:
        register ^= byte
        for _ in range(8):
            register = (register >> 1) ^ (0x82F63B78 if register & 1 else 0)
    crc = register ^ 0xFFFFFFFF
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def varint(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def field(number: int, value: int | bytes) -> bytes:
    """A field of a message: a number as a varint, bytes with their length."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def fixed32(number: int, value: int) -> bytes:
    return varint(number << 3 | 5) + value.to_bytes(4, "little")


def table(pairs: Mapping[str, bytes], pack: Callable[[bytes], bytes] | None = None) -> bytes:
    """A sorted table of two blocks of pairs, whose keys share their beginnings."""
    out = bytearray()

    def block(entries: Sequence[tuple[bytes, bytes]]) -> bytes:
        body, before = bytearray(), b""
        for key, value in entries:
            shared = next((n for n, (a, b) in enumerate(zip(key, before, strict=False)) if a != b), None)
            shared = min(len(key), len(before)) if shared is None else shared
            body += varint(shared) + varint(len(key) - shared) + varint(len(value)) + key[shared:] + value
            before = key
        body += (0).to_bytes(4, "little") + (1).to_bytes(4, "little")
        stored = (pack(bytes(body)) + b"\x01") if pack else (bytes(body) + b"\x00")
        handle = varint(len(out)) + varint(len(stored) - 1)
        out.extend(stored + checksum(stored).to_bytes(4, "little"))
        return handle

    entries = sorted((key.encode(), value) for key, value in pairs.items())
    halves = [entries[: len(entries) // 2], entries[len(entries) // 2 :]]
    listed = block([(half[-1][0], block(half)) for half in halves if half])
    handles = block([]) + listed
    return bytes(out) + handles.ljust(40, b"\x00") + MAGIC


def entry(kind: int, shape: Sequence[int], shard: int, offset: int, data: bytes, crc: int) -> bytes:
    """A ``BundleEntryProto``."""
    sizes = b"".join(field(2, field(1, size)) for size in shape)
    place = field(3, shard) + field(4, offset) + field(5, len(data))
    return field(1, kind) + field(2, sizes) + place + fixed32(6, crc)


def write_bundle(
    prefix: Path, tensors: Mapping[str, Array | bytes], shards: int = 1, pack: Callable[[bytes], bytes] | None = None
) -> Path:
    """A checkpoint of these tensors; bytes are one string, arrays of uint16 are bfloat16."""
    files = [bytearray() for _ in range(shards)]
    pairs = {"": field(1, shards)}
    for number, (name, value) in enumerate(tensors.items()):
        file = files[number % shards]
        if isinstance(value, bytes):
            length = len(value).to_bytes(4, "little")
            data = varint(len(value)) + checksum(length).to_bytes(4, "little") + value
            crc = checksum(length + data[len(varint(len(value))) :])
            pairs[name] = entry(TEXT, (), number % shards, len(file), data, crc)
        else:
            data = value.astype(value.dtype.newbyteorder("<")).tobytes()
            kind = TYPES.get(value.dtype.name, BFLOAT16)
            pairs[name] = entry(kind, value.shape, number % shards, len(file), data, checksum(data))
        file += data
    for number, file in enumerate(files):
        prefix.with_name(f"{prefix.name}.data-{number:05}-of-{shards:05}").write_bytes(file)
    prefix.with_name(f"{prefix.name}.index").write_bytes(table(pairs, pack))
    return prefix


def graph(nodes: Sequence[Node]) -> bytes:
    """An object graph: for each node its children by name, and its tensors as (full name, checkpoint's name)."""
    messages = []
    for children, tensors in nodes:
        message = b"".join(field(1, field(1, child) + field(2, name.encode())) for name, child in children.items())
        message += b"".join(
            field(2, field(1, b"VARIABLE_VALUE") + field(2, full.encode()) + field(3, key.encode()))
            for full, key in tensors
        )
        messages.append(field(1, message))
    return b"".join(messages)


def random_tensors(random: np.random.Generator) -> dict[str, Array]:
    return {
        "layer/kernel": random.normal(size=(3, 5)),
        "layer/bias": random.normal(size=4).astype(np.float32),
        "half": random.normal(size=(2, 1, 3)).astype(np.float16),
        "count": np.array(7, np.int64),
        "brain": (random.normal(size=(4, 2)).astype(np.float32).view(np.uint32) >> 16).astype(np.uint16),
    }
