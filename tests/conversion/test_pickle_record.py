"""What a pickle says is recorded; what it would do does not happen."""

import os
import pickle
import struct
from pathlib import Path
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


class Command:
    """A pickle of this runs a command when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("protocol", [3, 4, 5])
def test_a_command_is_recorded_and_not_run(tmp_path: Path, protocol: int) -> None:
    data = pickle.dumps(Command(tmp_path / "proof"), protocol)
    made = record(data)
    assert made.maker.name.endswith(".mkdir")
    assert made.args == (str(tmp_path / "proof"),)
    assert not (tmp_path / "proof").exists()
    pickle.loads(data)  # what a reader that unpickles would have done
    assert (tmp_path / "proof").exists()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "truncated pickle|exhausted"),
        (b"\x80\x04N", "exhausted|truncated"),
        (b"\x80\x04.", "it ends too early"),
        (b"\x80\x04(N.", "it ends too early"),
        (b"cos\nsystem\n(S'true'\ntR.", "operation STRING"),
        (b"(i__main__\nX\n.", "operation INST"),
        (b"cos\nsystem\nN\x81.", "arguments are no tuple"),
        (b"N\x85\x86.", "lacks what it works on"),
        (b"(NR.", "lacks what it works on"),
        (b"t.", "a mark is missing"),
        (b"h\x05.", "refers to what it does not hold"),
        (b"}N]b.", "a Made is missing"),
        (b"}(K\x01Nu.", "keys that are not text"),
        (b"}(\x8c\x01au.", "keys that are not text"),
        (b"N\x82\x01.", "operation EXT1"),
        (b"\x8c\x02os\x8c\x06system\x93)RNb}b}b.", "given its state twice"),
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
        recorder.record(b"\x80\x04]" + b"\x94" * 100_000 + b".", "It")
    recorder = PickleRecorder()
    recorder.record(b"N" + b"\x85" * 4000 + b".", "One")
    with pytest.raises(ValueError, match="more than 5000 operations"):  # counted over all pickles of a file
        recorder.record(b"N" + b"\x85" * 4000 + b".", "Two")


def test_webs_of_references_are_walked_once() -> None:
    """Each of forty pairs holds the one before twice, which is 2 ** 40 ways through; a list may hold itself."""
    web = b"]" + b"".join(b"\x94h" + bytes([number]) + b"\x86" for number in range(40)) + b"."
    made = Made(Name("a.b"), (record(web),))
    assert [*made_inside(made, set())] == [made]
    itself = record(b"]\x94h\x00a.")
    assert itself[0] is itself
    assert [*made_inside(itself, set())] == []


def test_depth_costs_no_stack() -> None:
    deep = record(b"N" + b"\x85" * 50_000 + b".")
    assert [*made_inside(deep, set())] == []
