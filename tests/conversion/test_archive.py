import zipfile
from pathlib import Path

import numpy as np
import pytest

from torch_keras_lstm.conversion import archive
from torch_keras_lstm.conversion.archive import KerasArchive


def _write(path: Path, members: list[tuple[str, bytes]], compression: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as file:
        for name, data in members:
            file.writestr(name, data)
    return path


def test_members_are_read_stored_and_deflated(tmp_path: Path) -> None:
    data = np.random.default_rng(0).bytes(50_000) + bytes(1000)
    for compression in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        path = _write(tmp_path / "m.keras", [("config.json", b"{}"), ("model.weights.h5", data)], compression)
        with KerasArchive(path) as opened:
            assert opened.names() == ["config.json", "model.weights.h5"]
            assert opened.read_text("config.json") == b"{}"
            assert opened.read("model.weights.h5") == data


def test_a_missing_member_is_named_with_those_that_are_there(tmp_path: Path) -> None:
    with (
        KerasArchive(_write(tmp_path / "m.keras", [("a", b""), ("b", b"")])) as opened,
        pytest.raises(ValueError, match=r"The archive has no member 'config\.json', only 'a', 'b'"),
    ):
        opened.read("config.json")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_doubled_member_is_refused(tmp_path: Path) -> None:
    path = _write(tmp_path / "m.keras", [("config.json", b"{}"), ("x", b""), ("config.json", b"[]")])
    with pytest.raises(ValueError, match=r"holds 'config\.json' more than once"):
        KerasArchive(path)


def _declare(path: Path, size: int) -> Path:
    """Let the central directory say that its first member has ``size`` bytes; it has what it had."""
    data = path.read_bytes()
    at = data.index(b"PK\x01\x02") + 24
    path.write_bytes(data[:at] + size.to_bytes(4, "little") + data[at + 4 :])
    return path


def test_a_member_that_declares_too_much_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    path = _write(tmp_path / "m.keras", [("model.weights.h5", bytes(2000))], zipfile.ZIP_DEFLATED)
    with (
        KerasArchive(_declare(path, 32 * 2**20)) as opened,
        pytest.raises(ValueError, match=r"claims 33554432 bytes out of \d+ in the arch"),
    ):
        opened.read("model.weights.h5")


def test_what_members_declare_together_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "FREE_BYTES", 2000)
    monkeypatch.setattr(archive, "MAX_RATIO", 1)
    path = _write(tmp_path / "m.keras", [(name, bytes(900)) for name in "abc"], zipfile.ZIP_DEFLATED)
    with KerasArchive(path.read_bytes()) as opened:
        assert opened.read("a") + opened.read("b") == bytes(1800)
        with pytest.raises(
            ValueError, match=r"The members claim 2700 bytes together, out of an archive of \d+; refused"
        ):
            opened.read("c")


def test_a_member_that_lies_about_its_size_is_refused(tmp_path: Path) -> None:
    data = b"configuration" * 20
    path = _declare(_write(tmp_path / "m.keras", [("config.json", data)], zipfile.ZIP_DEFLATED), 10)
    with KerasArchive(path) as opened, pytest.raises(ValueError, match=r"damaged or truncated|does not hold"):
        opened.read("config.json")


def test_text_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MAX_TEXT_BYTES", 10)
    with (
        KerasArchive(_write(tmp_path / "m.keras", [("config.json", bytes(11))])) as opened,
        pytest.raises(ValueError, match=r"'config\.json' claims 11 bytes; at most 10 are read"),
    ):
        opened.read_text("config.json")


def test_the_number_of_members_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MAX_MEMBERS", 2)
    with pytest.raises(ValueError, match="The archive has 3 members; at most 2 are read"):
        KerasArchive(_write(tmp_path / "m.keras", [("a", b""), ("b", b""), ("c", b"")]))


@pytest.mark.parametrize("compression", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_compressions_that_keras_never_uses_are_refused(tmp_path: Path, compression: int) -> None:
    with (
        KerasArchive(_write(tmp_path / "m.keras", [("config.json", b"{}")], compression)) as opened,
        pytest.raises(ValueError, match="compressed in a way that Keras does not use"),
    ):
        opened.read("config.json")


def test_damage_is_a_value_error_wherever_the_file_ends_or_a_byte_is_wrong(tmp_path: Path) -> None:
    data = np.random.default_rng(1).bytes(4000)
    good = _write(tmp_path / "m.keras", [("config.json", b'{"a": 1}'), ("model.weights.h5", data)]).read_bytes()
    path = tmp_path / "bad.keras"
    for length in [*range(0, len(good), len(good) // 40)]:
        path.write_bytes(good[:length])
        with pytest.raises(ValueError, match="The zip archive is damaged or truncated"):
            KerasArchive(path)
    flipped = bytearray(good)
    flipped[good.index(data) + 2000] ^= 1
    path.write_bytes(flipped)
    with KerasArchive(path) as opened, pytest.raises(ValueError, match=r"damaged or truncated.*CRC"):
        opened.read("model.weights.h5")


def test_a_missing_file_is_the_systems_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        KerasArchive(tmp_path / "nowhere.keras")
