import pytest

from torch_keras_lstm.conversion import strict_json
from torch_keras_lstm.conversion.strict_json import decode, parse_object


def test_an_object_is_read_with_all_its_kinds_of_values() -> None:
    text = '{"a": [1, 2.5, null, true], "b": {"c": "d"}, "e": -3}'
    assert parse_object(text, "x") == {"a": [1, 2.5, None, True], "b": {"c": "d"}, "e": -3}


def test_the_order_of_a_norm_alone_may_be_infinite() -> None:
    assert parse_object('{"a": {"ord": -Infinity}}', "x") == {"a": {"ord": float("-inf")}}
    for text in ('{"ord": NaN}', '{"ord": [Infinity]}', '{"order": Infinity}'):
        with pytest.raises(ValueError, match="is not a number that a configuration may hold"):
            parse_object(text, "x")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": 1', r"`x\.json` is not valid JSON: .*line 1"),
        ("", r"`x\.json` is not valid JSON"),
        ('{"a": NaN}', "NaN is not a number that a configuration may hold"),
        ('{"a": -Infinity}', "-Infinity is not a number"),
        ('{"a": [1, [NaN]]}', "NaN is not a number"),
        ('{"a": 1e999}', "1e999 is beyond the range of numbers"),
        ('{"a": 1, "b": 2, "a": 3}', "key 'a' stands twice in one object"),
        ('{"a": {"b": 1, "b": 1}}', "key 'b' stands twice"),
        ("[1]", "must hold a JSON object, got an array"),
        ('"text"', "must hold a JSON object, got a string"),
        ("null", "must hold a JSON object, got null"),
        ("true", "must hold a JSON object, got a truth value"),
        ("7", "must hold a JSON object, got a number"),
        ('{"a":' + "9" * 5000 + "}", "is not valid JSON"),
        ('{"a":' * 150 + "1" + "}" * 150, "nested too deeply; at most 100 levels"),
        ('{"a":' + "[" * 2000 + "]" * 2000 + "}", "nested too deeply"),
    ],
)
def test_what_is_no_sound_configuration_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_object(text, "`x.json`")


def test_the_number_of_characters_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strict_json, "MAX_CHARACTERS", 20)
    with pytest.raises(ValueError, match="x has 21 characters; a model's configuration has at most 20"):
        parse_object('{"a":' + " " * 14 + "1}", "x")


def test_bytes_are_utf_8_with_or_without_a_mark() -> None:
    assert decode(b'\xef\xbb\xbf{"\xc3\xa9": 1}', "x") == '{"é": 1}'
    with pytest.raises(ValueError, match=r"x is not UTF-8 text \(byte 3\)"):
        decode(b"abc\xff", "x")
