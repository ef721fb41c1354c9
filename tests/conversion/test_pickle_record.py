"""What a pickle says is recorded; what it names is not called."""

import inspect
import pickle
import struct
import sys
from typing import Any

import numpy as np
import pytest

from torch_keras_lstm.conversion import pickle_record
from torch_keras_lstm.conversion.pickle_record import Made, Name, PickleRecorder, made_inside


def record(data: bytes) -> Any:
    return PickleRecorder().record(data, "Member 'a.npy'")


@pytest.mark.parametrize("protocol", [3, 4, 5])
def test_plain_data_comes_back(protocol: int) -> None:
    table = {"0": [1, -2, 300, 70_000, 2**70, 2.5, None, True, False], "1": ((), (1,), (1, 2), (1, 2, 3, 4))}
    data = {**table, "same": table["0"], "text": "\u00e4" * 300, "bytes": [b"a", b"b" * 300]}
    assert record(pickle.dumps(data, protocol)) == data


@pytest.mark.parametrize("protocol", [3, 4, 5])
def test_an_array_is_calls_by_name(protocol: int) -> None:
    made = record(pickle.dumps(np.arange(6.0).reshape(2, 3)[:, :2], protocol))
    assert isinstance(made, Made)
    assert isinstance(made.maker, Name)
    assert made.maker.name.startswith("numpy.")
    names = {inner.maker.name for inner in made_inside(made, set()) if isinstance(inner.maker, Name)}
    assert "numpy.dtype" in names


_calls: list[str] = []


def count(text: str) -> None:
    """What a reader that unpickles would call."""
    _calls.append(text)


class Counted:
    def __reduce__(self) -> Any:
        return count, ("once",)


@pytest.mark.parametrize("protocol", [3, 4, 5])
def test_a_call_is_recorded_and_not_made(protocol: int) -> None:
    data = pickle.dumps(Counted(), protocol)
    _calls.clear()
    made = record(data)
    assert made.maker.name.endswith(".count")
    assert made.args == ("once",)
    assert not _calls
    pickle.loads(data)
    assert _calls == ["once"]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "truncated pickle|exhausted"),
        (b"\x80\x04N", "exhausted|truncated"),
        (b"\x80\x04.", "it ends too early"),
        (b"\x80\x04(N.", "it ends too early"),
        (b"cnowhere\nfunction\n(S'x'\ntR.", "operation STRING"),
        (b"(i__main__\nX\n.", "operation INST"),
        (b"cnowhere\nfunction\nN\x81.", "arguments are no tuple"),
        (b"N\x85\x86.", "lacks what it works on"),
        (b"(NR.", "lacks what it works on"),
        (b"t.", "a mark is missing"),
        (b"h\x05.", "refers to what it does not hold"),
        (b"}N]b.", "a Made is missing"),
        (b"}(K\x01Nu.", "keys that are not text"),
        (b"}(\x8c\x01au.", "keys that are not text"),
        (b"N\x82\x01.", "operation EXT1"),
        (b"\x8c\x07nowhere\x8c\x08function\x93)RNb}b}b.", "given its state twice"),
        (b"Pfile\n.", "operation PERSID"),
        (b"B" + struct.pack("<I", 2**31) + b"abc", "expected 2147483648 bytes"),
        (b"\x8e" + struct.pack("<Q", 2**62) + b"abc", r"expected \d+ bytes"),
    ],
)
def test_all_else_is_refused_by_its_name(data: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        record(data)
    assert str(caught.value).startswith("Member 'a.npy' is ")


def test_pickles_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pickle_record, "MAX_OPERATIONS", 5000)
    recorder = PickleRecorder()
    with pytest.raises(ValueError, match="more than 5000 operations"):
        recorder.record(b"\x80\x04]" + b"\x94" * 6000 + b".", "It")
    recorder = PickleRecorder()
    recorder.record(b"N" + b"\x85" * 4000 + b".", "One")
    with pytest.raises(ValueError, match="more than 5000 operations"):  # counted over all pickles of a file
        recorder.record(b"N" + b"\x85" * 4000 + b".", "Two")


def test_webs_of_references_are_walked_once() -> None:
    """Each of twelve pairs holds the one before twice, which is 2 ** 12 ways through; a list may hold itself."""
    web = b"]" + b"".join(b"\x94h" + bytes([number]) + b"\x86" for number in range(12)) + b"."
    made = Made(Name("a.b"), (record(web),))
    seen: set[int] = set()
    assert [*made_inside(made, seen)] == [made]
    assert len(seen) == 1 + 1 + 12 + 1  # what is made, its arguments, the pairs, the list
    itself = record(b"]\x94h\x00a.")
    assert itself[0] is itself
    assert [*made_inside(itself, set())] == []


def test_depth_costs_no_stack() -> None:
    frames = len(inspect.stack())
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(frames + 100)
    try:
        deep = record(b"N" + b"\x85" * 400 + b".")
        assert [*made_inside(deep, set())] == []
    finally:
        sys.setrecursionlimit(limit)
