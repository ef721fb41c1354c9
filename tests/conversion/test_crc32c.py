import numpy as np
import pytest

from tests.conversion.handmade_bundle import checksum
from torch_keras_lstm.conversion import crc32c as module
from torch_keras_lstm.conversion.crc32c import crc32c, masked


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", 0),
        (b"a", 0xC1D04330),
        (b"123456789", 0xE3069283),
        (bytes(32), 0x8A9136AA),
        (bytes([255] * 32), 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
    ],
)
def test_published_values(data: bytes, expected: int) -> None:
    assert crc32c(data) == expected


@pytest.mark.parametrize("size", [1, 2, 3, 17, 1000, 4097, 65_537])
def test_every_length_agrees_with_the_checksum_bit_by_bit(size: int) -> None:
    data = np.random.default_rng(size).integers(0, 256, size, np.uint8).tobytes()
    assert masked(crc32c(data)) == checksum(data)


def test_blocks_are_joined(monkeypatch: pytest.MonkeyPatch) -> None:
    data = np.random.default_rng(0).integers(0, 256, 10_001, np.uint8)
    whole = crc32c(data)
    monkeypatch.setattr(module, "_BLOCK", 999)
    assert crc32c(data) == whole
