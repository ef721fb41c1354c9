import pytest

from tests.conversion.handmade_bundle import field, fixed32, varint
from torch_keras_lstm.conversion.protobuf import Message, read_varint


def test_fields_by_number() -> None:
    inner = field(1, 300) + field(2, "läyer".encode())
    message = Message(field(5, inner) + field(5, b"") + field(3, 2**64 - 1) + fixed32(6, 77) + field(3, 8), "m")
    first, second = message.messages(5)
    assert (first.integer(1), first.text(2)) == (300, "läyer")
    assert (second.integer(1), second.text(2)) == (0, "")
    assert message.integer(3) == 8  # the last one counts
    assert message.integer(6) == 77
    assert message.message(9).integer(1) == 0
    assert 6 in message
    assert 9 not in message


@pytest.mark.parametrize("value", [0, 1, 127, 128, 300, 2**32, 2**64 - 1])
def test_varints(value: int) -> None:
    assert read_varint(memoryview(b"\x01" + varint(value) + b"\x05"), 1, "m") == (value, 1 + len(varint(value)))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\x80", "an integer has no end"),
        (b"\xff" * 11, "an integer has no end"),
        (field(1, b"abc")[:-1], "reaches beyond its end"),
        (b"\x0a\xff\xff\xff\xff\x0f", "reaches beyond its end"),
        (fixed32(1, 5)[:-1], "reaches beyond its end"),
        (b"\x0b", "wire type 3"),
    ],
)
def test_damage_is_a_value_error(data: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=f"^The index is .*{message}"):
        Message(data, "The index")


def test_a_field_of_another_kind() -> None:
    message = Message(field(1, 3) + field(2, b"\xff"), "m")
    with pytest.raises(ValueError, match="a field that is a number must hold bytes"):
        message.text(1)
    with pytest.raises(ValueError, match="field 2 must be an integer"):
        message.integer(2)
    with pytest.raises(ValueError, match="field 2 must be UTF-8 text"):
        message.text(2)
