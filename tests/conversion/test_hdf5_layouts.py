"""Every layout in which h5py writes groups, attributes and arrays, read without it: equal arrays and attributes."""

import random
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from benchmarks import damaged_hdf5
from torch_keras_lstm.conversion.hdf5 import Hdf5File

LIBVERS = ["earliest", "v108", "v110", "latest"]
OBJECTS = 300


def write(path: Path, libver: str, in_order: bool) -> None:
    """Many groups and attributes, short and long, and arrays of each storage whose lists are read."""
    draw = np.random.default_rng(3)
    with h5py.File(path, "w", libver=libver, track_order=in_order) as file:
        for number in range(40):
            file.attrs[f"text_{number}"] = f"value {number} " * number
        file.attrs["names"] = np.array([f"layer_{number}".encode() for number in range(OBJECTS)])
        if libver != "earliest":
            file.attrs["long"] = np.bytes_(b"x" * 100_000)
        for number in range(OBJECTS):
            group = file.create_group(f"group_{number:03d}", track_order=in_order)
            group["kernel:0"] = draw.normal(size=(number % 7 + 1, 3)).astype("f4")
            group.attrs["weight_names"] = [b"kernel:0"]
        storages: Mapping[str, Mapping[str, Any]] = {
            "chunks": {"chunks": (7, 5)},
            "compressed": {"compression": "gzip", "shuffle": True},
            "checked": {"chunks": (9, 9), "fletcher32": True},
            "growing": {"chunks": (4, 4), "maxshape": (None, None)},
        }
        for name, options in storages.items() if libver in ("earliest", "v108") else ():
            file.create_dataset(name, data=draw.normal(size=(50, 21)).astype("f4"), **options)
        for kind in ("f2", "f4", "f8", ">f4", "i1", ">i8", "u2", "?"):
            file[f"kind_{kind}"] = (draw.normal(size=(2, 3)) * 3).astype(kind)
        file["scalar"], file["none"] = np.float64(3), np.zeros((0, 4))


@pytest.mark.parametrize("in_order", [False, True])
@pytest.mark.parametrize("libver", LIBVERS)
def test_what_h5py_writes_is_read_without_it(tmp_path: Path, libver: str, in_order: bool) -> None:
    path = tmp_path / "a.h5"
    write(path, libver, in_order)
    with h5py.File(path) as file, Hdf5File(path) as ours:
        arrays = ours.arrays()
        seen: dict[str, Any] = {}
        file.visititems(lambda name, item: seen.update({name: item[()]} if isinstance(item, h5py.Dataset) else {}))
        assert arrays.keys() == seen.keys()
        for name, expected in seen.items():
            got = arrays[name].read(np.shape(expected))
            assert (got.dtype, got.tolist()) == (expected.dtype.newbyteorder("="), expected.tolist())
        for name in file.attrs:
            if name != "names":
                told = file.attrs[name]
                assert ours.text(name) == (told if isinstance(told, str) else told.decode())
        assert ours.names("names") == [f"layer_{number}" for number in range(OBJECTS)]
        assert ours.groups() == sorted(file)
        assert ours.names("weight_names", "group_007") == ["kernel:0"]


def test_chunks_of_the_newest_lists_are_refused_by_name(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w", libver="latest") as file:
        file.create_dataset("x", data=np.ones((50, 20)), chunks=(7, 5))
    with Hdf5File(tmp_path / "a.h5") as file, pytest.raises(ValueError, match=r"only the newest HDF5 does.*`h5repack`"):
        file.arrays()


def test_a_wrong_checksum_of_a_chunk_is_damage(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    values = np.arange(2000.0)
    with h5py.File(path, "w") as file:
        file.create_dataset("x", data=values, chunks=(2000,), fletcher32=True)
    good = path.read_bytes()
    at = good.index(values.tobytes())
    with Hdf5File(good) as file:
        assert np.array_equal(file.arrays()["x"].read((2000,)), values)
    with Hdf5File(good[: at + 9] + b"\x7f" + good[at + 10 :]) as file, pytest.raises(OSError, match="checksum"):
        file.arrays()["x"].read((2000,))


def test_a_chunk_is_unpacked_no_further_than_its_size(tmp_path: Path) -> None:
    """What a chunk unpacks to is bounded by its size, not by what is in it."""
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset(
            "x", data=np.random.default_rng(0).normal(size=(4, 100)), chunks=(1, 100), compression="gzip"
        )
        identifier = file["x"].id
        identifier.write_direct_chunk((0, 0), zlib.compress(bytes(5000), 9))
    with Hdf5File(path) as file, pytest.raises(OSError, match="a chunk has 804 bytes in place of 800"):
        file.arrays()["x"].read((4, 100))


def test_an_array_of_a_file_is_mapped_and_may_be_written(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["x"] = np.ones(3)
    before = path.read_bytes()
    with Hdf5File(path) as file:
        values = file.arrays()["x"].read((3,))
    assert values.base is not None
    values += 1
    assert values.tolist() == [2, 2, 2]
    assert path.read_bytes() == before


@pytest.mark.parametrize("kind", damaged_hdf5.KINDS)
def test_damaged_files_are_read_or_refused(kind: str) -> None:
    """``python -m benchmarks.damaged_hdf5`` does the same a hundred thousand times."""
    good, draw = damaged_hdf5.sound(kind), random.Random(kind)
    assert damaged_hdf5.read(good) == "read"
    ended = [damaged_hdf5.read(damaged_hdf5.damaged(good, draw)) for _ in range(60)]
    assert {"read", "refused"} == {*ended}
