from pathlib import Path

import h5py
import numpy as np
import pytest

from torch_keras_lstm.conversion.global_heap import check
from torch_keras_lstm.conversion.hdf5 import Hdf5File


@pytest.fixture
def good(tmp_path: Path) -> bytes:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.attrs["text"] = "some text " * 30
        file.attrs["names"] = np.array(["a", "bcd", "ef" * 40], h5py.string_dtype())
        file["numbers"] = np.random.default_rng(0).normal(size=(20, 30))
    return (tmp_path / "a.h5").read_bytes()


def test_sound_heaps_pass(good: bytes) -> None:
    assert good.count(b"GCOL") >= 1
    check(good)
    check(b"")
    check(b"GCOL in a text is no heap")


@pytest.mark.parametrize("size", [0, 2**40, 2**64 - 1])
def test_blocks_that_do_not_fill_their_heap_are_refused(good: bytes, tmp_path: Path, size: int) -> None:
    start = good.index(b"GCOL")
    free = bytes(8) + size.to_bytes(8, "little")  # size 0 here makes the HDF5 library loop for ever
    bad = good[: start + 16] + free + good[start + 32 :]
    (tmp_path / "b.h5").write_bytes(bad)
    for source in (bad, tmp_path / "b.h5"):
        with pytest.raises(
            OSError, match=rf"The HDF5 file is truncated or damaged: its heap of strings at byte {start} is broken"
        ):
            Hdf5File(source)


def test_overlapping_heaps_are_refused_before_they_cost_quadratic_time() -> None:
    pairs = 2000

    def pair(index: int) -> bytes:
        # The block's 16 bytes of data are the header of the next heap, which reaches to the end as this one does.
        header = b"GCOL\x01\x00\x00\x00" + (32 * (pairs - index)).to_bytes(8, "little")
        size = 16 if index < pairs - 1 else 0
        return header + b"\x01\x00" + bytes(6) + size.to_bytes(8, "little")

    check(pair(pairs - 1))
    with pytest.raises(OSError, match="is broken"):
        check(b"".join(map(pair, range(pairs))))
