"""The wire format of protocol buffers: fields by number, without the schema that names them.

Submessages are views into the one buffer, parsed when somebody asks, so that nothing is ever larger than the file.
"""

from collections.abc import Iterator

_VARINT, _FIXED_64, _BYTES, _FIXED_32 = 0, 1, 2, 5

Value = int | memoryview


class Message:
    """A parsed message.

    Args:
        data: its bytes.
        what: how an error names it.

    Raises:
        ValueError: when they are not a protocol buffer.
    """

    def __init__(self, data: bytes | memoryview, what: str) -> None:
        self._what = what
        self._fields: dict[int, list[Value]] = {}
        for number, value in _fields(memoryview(data), what):
            self._fields.setdefault(number, []).append(value)

    def messages(self, number: int) -> "list[Message]":
        """The submessages in a repeated field."""
        return [Message(self._bytes(value), self._what) for value in self._fields.get(number, [])]

    def message(self, number: int) -> "Message":
        """The submessage in a field; an empty one when it is left out, as in protocol buffers."""
        return Message(self.bytes(number), self._what)

    def bytes(self, number: int) -> memoryview:
        """The bytes in a field, empty when it is left out; the last of several, as in protocol buffers."""
        return self._bytes(self._fields.get(number, [memoryview(b"")])[-1])

    def text(self, number: int) -> str:
        """The text in a field, empty when it is left out."""
        try:
            return str(self.bytes(number), "utf-8")
        except UnicodeDecodeError:
            raise ValueError(f"{self._what}: field {number} must be UTF-8 text.") from None

    def integer(self, number: int) -> int:
        """The integer in a field, 0 when it is left out."""
        value = self._fields.get(number, [0])[-1]
        if not isinstance(value, int):
            raise ValueError(f"{self._what}: field {number} must be an integer.")
        return value

    def __contains__(self, number: int) -> bool:
        return number in self._fields

    def _bytes(self, value: Value) -> memoryview:
        if isinstance(value, int):
            raise ValueError(f"{self._what}: a field that is a number must hold bytes.")
        return value


def read_varint(data: memoryview, position: int, what: str) -> tuple[int, int]:
    """A variable-length integer of up to 64 bits, and the position behind it.

    Raises:
        ValueError: when the bytes end inside of it, or it is longer.
    """
    value = 0
    for index in range(10):
        if position + index >= len(data):
            break
        byte = data[position + index]
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return value, position + index + 1
    raise ValueError(f"{what} is truncated or damaged: an integer has no end.")


def _fields(data: memoryview, what: str) -> Iterator[tuple[int, Value]]:
    position = 0
    while position < len(data):
        key, position = read_varint(data, position, what)
        kind = key & 7
        if kind == _VARINT:
            value, position = read_varint(data, position, what)
            yield key >> 3, value
            continue
        if kind == _BYTES:
            size, position = read_varint(data, position, what)
        elif kind in (_FIXED_32, _FIXED_64):
            size = 4 if kind == _FIXED_32 else 8
        else:
            raise ValueError(f"{what} is damaged: wire type {kind} is none of protocol buffers'.")
        if size > len(data) - position:
            raise ValueError(f"{what} is truncated or damaged: a field reaches beyond its end.")
        field = data[position : position + size]
        position += size
        yield key >> 3, field if kind == _BYTES else int.from_bytes(field, "little")
