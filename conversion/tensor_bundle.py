"""TensorFlow's checkpoints as named, lazily read arrays, without TensorFlow.

A checkpoint is an index, ``prefix.index``, and files of raw numbers, ``prefix.data-00000-of-00002``. The index gives
for each tensor its type, shape, place and checksum.
"""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from torch_keras_lstm.conversion.arrays import Array, SavedArray, widen_bfloat16
from torch_keras_lstm.conversion.crc32c import crc32c, masked
from torch_keras_lstm.conversion.protobuf import Message, read_varint
from torch_keras_lstm.conversion.sorted_table import MAX_BYTES, read_table

MAX_TENSORS = 100_000
MAX_TEXT_BYTES = 64 * 2**20

# The numbers of TensorFlow's types in `types.proto`.
_TEXT = 7
_BFLOAT16 = 14
_NUMBERS = {
    1: "float32",
    2: "float64",
    3: "int32",
    4: "uint8",
    5: "int16",
    6: "int8",
    9: "int64",
    10: "bool",
    17: "uint16",
    19: "float16",
    22: "uint32",
    23: "uint64",
}


@dataclass(frozen=True)
class _Entry:
    """Where a tensor lies: a ``BundleEntryProto``."""

    kind: int
    shape: tuple[int, ...]
    shard: Path
    offset: int
    size: int
    checksum: int
    sliced: bool

    def read(self, name: str) -> bytearray:
        data = bytearray(self.size)
        with self.shard.open("rb") as file:
            file.seek(self.offset)
            count = file.readinto(data)
        if count < self.size:
            raise ValueError(f"Tensor `{name}` is truncated: `{self.shard.name}` ends inside of it.")
        return data


class TensorBundle:
    """A checkpoint, its index read.

    Args:
        prefix: the path that the names of its files begin with.

    Raises:
        OSError: when a file cannot be opened.
        ValueError: when the index is damaged, or claims more than the data files hold.
    """

    def __init__(self, prefix: Path) -> None:
        index = prefix.with_name(f"{prefix.name}.index")
        if index.stat().st_size > MAX_BYTES:
            raise ValueError(f"The index of a checkpoint has at most {MAX_BYTES} bytes.")
        table = read_table(index.read_bytes())
        header = Message(table.pop("", b""), "The header of the checkpoint")
        shards = header.integer(1)
        if header.integer(2) != 0 or not 0 < shards <= MAX_TENSORS or len(table) > MAX_TENSORS:
            raise ValueError("The checkpoint is big-endian, has no header, or has more tensors than are read.")
        sizes: dict[Path, int] = {}
        self._entries: dict[str, _Entry] = {}
        for name, value in table.items():
            entry = _entry(prefix, shards, name, Message(value, f"The entry of tensor `{name}`"))
            if entry.shard not in sizes:
                sizes[entry.shard] = entry.shard.stat().st_size
            if entry.offset + entry.size > sizes[entry.shard]:
                raise ValueError(f"Tensor `{name}` lies beyond the end of `{entry.shard.name}`, which is truncated.")
            self._entries[name] = entry
        claimed = sum(entry.size for entry in self._entries.values())
        if claimed > sum(sizes.values()):
            raise ValueError(f"The tensors claim {claimed} bytes together, but the data files hold fewer; refused.")

    def text(self, name: str) -> bytes | None:
        """The bytes of a tensor that holds one string; ``None`` when there is no such tensor."""
        entry = self._entries.get(name)
        if entry is None:
            return None
        if entry.kind != _TEXT or entry.shape or entry.size > MAX_TEXT_BYTES:
            raise ValueError(f"Tensor `{name}` must be one string of at most {MAX_TEXT_BYTES} bytes.")
        data = entry.read(name)
        length, start = read_varint(memoryview(data), 0, f"Tensor `{name}`")
        # The checksum runs over the length as four bytes, and over what stands behind the length in the file.
        if len(data) != start + 4 + length:
            raise ValueError(f"Tensor `{name}` is damaged: its string has another length than it says.")
        _check(name, length.to_bytes(8, "little")[:4] + data[start:], entry.checksum)
        return bytes(data[start + 4 :])

    def arrays(self) -> dict[str, SavedArray]:
        """Every tensor of numbers by its name in the checkpoint, none of them read."""
        return {name: _saved_array(name, entry) for name, entry in self._entries.items() if _is_number(entry)}


def _entry(prefix: Path, shards: int, name: str, message: Message) -> _Entry:
    shard = message.integer(3)
    if shard >= shards:
        raise ValueError(f"Tensor `{name}` lies in shard {shard} of {shards}.")
    shape = tuple(size.integer(1) for size in message.message(2).messages(2))
    entry = _Entry(
        kind=message.integer(1),
        shape=shape,
        shard=prefix.with_name(f"{prefix.name}.data-{shard:05}-of-{shards:05}"),
        offset=message.integer(4),
        size=message.integer(5),
        checksum=message.integer(6),
        sliced=7 in message,
    )
    if _is_number(entry) and not entry.sliced and entry.size != math.prod(shape) * _item_size(entry.kind):
        raise ValueError(f"Tensor `{name}` of shape {shape} has {entry.size} bytes, which does not fit its type.")
    return entry


def _is_number(entry: _Entry) -> bool:
    return entry.kind in _NUMBERS or entry.kind == _BFLOAT16


def _item_size(kind: int) -> int:
    return 2 if kind == _BFLOAT16 else np.dtype(_NUMBERS[kind]).itemsize


def _saved_array(name: str, entry: _Entry) -> SavedArray:
    def read() -> Array:
        if entry.sliced:
            raise ValueError(f"Tensor `{name}` is partitioned; save the model in one piece.")
        data = entry.read(name)
        _check(name, data, entry.checksum)
        kind = np.dtype(_NUMBERS.get(entry.kind, "uint16")).newbyteorder("<")
        values = np.frombuffer(data, kind).reshape(entry.shape)
        return widen_bfloat16(values) if entry.kind == _BFLOAT16 else values.astype(kind.newbyteorder("="), copy=False)

    return SavedArray(name, entry.shape, _NUMBERS.get(entry.kind, "bfloat16"), read)


def _check(name: str, data: bytes | bytearray, checksum: int) -> None:
    if masked(crc32c(data)) != checksum:
        raise ValueError(f"Tensor `{name}` is damaged: its checksum does not fit its bytes.")
