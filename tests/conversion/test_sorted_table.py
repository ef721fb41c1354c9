import builtins
from typing import Any

import cramjam
import pytest

from tests.conversion.handmade_bundle import MAGIC, table
from torch_keras_lstm.conversion.sorted_table import read_table

PAIRS = {f"layer_with_weights-{index}/kernel": bytes([index]) * (index % 7) for index in range(40)}


def _packed(block: bytes) -> bytes:
    return bytes(cramjam.snappy.compress_raw(block))


@pytest.mark.parametrize("pack", [None, _packed], ids=["plain", "snappy"])
def test_pairs_come_back(pack: Any) -> None:
    assert {name: bytes(value) for name, value in read_table(table(PAIRS, pack)).items()} == PAIRS


def test_snappy_needs_a_package(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without_cramjam(name: str, *arguments: Any, **keywords: Any) -> Any:
        if name == "cramjam":
            raise ImportError(name)
        return real(name, *arguments, **keywords)

    monkeypatch.setattr(builtins, "__import__", without_cramjam)
    with pytest.raises(ValueError, match=r"compressed with snappy, .* `pip install 'torch-keras-lstm\[snappy\]'`"):
        read_table(table(PAIRS, _packed))


def test_a_block_that_claims_too_much_is_not_unpacked() -> None:
    with pytest.raises(ValueError, match=r"claims 1073741824 bytes out of \d+ compressed ones; refused"):
        read_table(table(PAIRS, lambda block: b"\x80\x80\x80\x80\x04" + _packed(block)[2:]))


def test_damage_anywhere_is_a_value_error_or_harmless() -> None:
    good = table(PAIRS)
    refused = 0
    for position in range(len(good)):
        bad = bytearray(good)
        bad[position] ^= 0x20
        try:
            pairs = read_table(bytes(bad))
        except ValueError:
            refused += 1
        else:
            assert {name: bytes(value) for name, value in pairs.items()} == PAIRS
    # The footer's padding and the unused list of filters are all that no checksum covers.
    assert refused > len(good) - 60


def test_truncation_and_other_files() -> None:
    good = table(PAIRS)
    for cut in (0, 10, len(good) // 2, len(good) - 1):
        with pytest.raises(ValueError, match="is truncated or damaged: it does not end as a table does"):
            read_table(good[:cut])
    with pytest.raises(ValueError, match="truncated or damaged"):
        read_table(b"\xff" * 40 + MAGIC)
    with pytest.raises(ValueError, match="truncated or damaged"):
        read_table(good[:-48][: len(good) // 3] + good[-48:])
