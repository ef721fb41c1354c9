"""Every layout in which h5py writes groups, attributes and arrays, read without it: equal arrays and attributes."""

import base64
import random
import tracemalloc
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from benchmarks import damaged_hdf5
from torch_keras_lstm.conversion.hdf5 import Hdf5File
from torch_keras_lstm.conversion.hdf5_blocks import NOWHERE, Blocks
from torch_keras_lstm.conversion.hdf5_values import dataset

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
        for name, options in storages.items():
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


# The list that HDF5 1.10 makes of chunks, by how far the axes may grow; each with filters and without.
LISTS: Mapping[str, Mapping[str, Any]] = {
    "one chunk": {"shape": (13, 9), "chunks": (13, 9)},
    "one chunk, larger": {"shape": (13, 9), "chunks": (15, 10), "maxshape": (40, 30)},
    "fixed": {"shape": (50, 21), "chunks": (7, 5)},
    "fixed, to grow": {"shape": (50, 21), "chunks": (7, 5), "maxshape": (64, 80)},
    "fixed, in pages": {"shape": (37, 41), "chunks": (1, 1)},
    "extensible": {"shape": (5, 9, 11), "chunks": (2, 4, 3), "maxshape": (None, 20, 13)},
    "extensible, the last axis": {"shape": (5, 9, 11), "chunks": (2, 4, 3), "maxshape": (7, 20, None)},
    "extensible, in blocks of blocks": {"shape": (3000,), "chunks": (2,), "maxshape": (None,)},
    "tree": {"shape": (37, 41), "chunks": (3, 2), "maxshape": (None, None)},
}
FILTERED: Mapping[str, Mapping[str, Any]] = {
    "plain": {},
    "gzip": {"compression": "gzip", "shuffle": True, "fletcher32": True},
    "lzf": {"compression": "lzf"},
}


@pytest.mark.parametrize("filters", FILTERED)
@pytest.mark.parametrize("name", LISTS)
def test_chunks_as_the_newest_files_list_them(tmp_path: Path, name: str, filters: str) -> None:
    draw = np.random.default_rng(4)
    options = {**LISTS[name], **FILTERED[filters]}
    # half of it repeats, so that LZF does something
    values = np.where(draw.random(options["shape"]) < 0.5, 1.5, draw.normal(size=options["shape"])).astype("f4")
    with h5py.File(tmp_path / "a.h5", "w", libver="latest") as file:
        file.create_dataset("x", data=values, **options)
    with Hdf5File(tmp_path / "a.h5") as file:
        assert np.array_equal(file.arrays()["x"].read(values.shape), values)


# `h5py.File(..., libver="latest")` of HDF5 2.0: "x" and "y", (5, 7), in chunks of (2, 3) with gzip; "y" may grow.
OF_HDF5_2 = (
    "c-rgqaB<`1lHy|K;9!7(|4<Oi3*j3;#ZyBkd-{901TisGFbN?mgaIxl21W)3HXa5b#aOW!stwAoOk;)$STK+cTBgYsf}H>~kWqz!"
    "fr*KckrgV(4yDog%pweof(r5sEMT4jgE$9+cs)oR(6!9m+&m17Ktn(-1gqc>0?RNnGBL9-bM0q@8Zv=l&;gr`vRm97JzN+VMYuSj"
    "Vqc-|wK7>ery?#nfuWJDTH)b=10NVVBxNKeSY#Mwb(uD~Il4G8Fv9$H8%j$dnZ26{LQ5lwU4x1VA&I?U!qm&ej437q6%#}f(}jwO"
    "B8fRc#l(=rBA{Y?NMd5))A~UED=0`v$Y6NH>aga)i314?NBH^}w2m{EfTS!Q9AIE)>@yH!kalF81QPKmNJ-FOc*Ld<$9P1#p`u-x"
    "!9<GXIY{OOP-X_h5#xp*3<C2R9&z_E*qmbR2gyV{IKjYf{vd}z_8H@EkU#~{q7O_R_6&wVuiNfst^o=DczEK#fd@wp9AG*E%tlHZ"
    "84rO(9~2}VU}9i1V(=!EWYIGciAh!*kz`pJfDTB}C}M${+&!q0Y{==O-A*CEB+CtQCNMC7PTd4`DklRh5g)nvpays1bqeuuW8j{_"
    "f|<zB!6qKeL<|G4e0`P&Gf~46GL*j0gJ~Bdn%bXu)WB$AUd&9uh-Q}xFJ`7-LbJ<~7c-MEp_%8;i<xPd(CDRGg!LIl!6+C7qhJ(_"
    "f*}EhP_qvJ5qIsP"
)


def test_chunks_as_hdf5_2_lists_them(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    path.write_bytes(zlib.decompress(base64.b85decode(OF_HDF5_2)))
    with Hdf5File(path) as file:
        for array in file.arrays().values():
            assert array.read((5, 7)).tolist() == np.arange(35.0).reshape(5, 7).tolist()
        assert file.arrays().keys() == {"x", "y"}


def _early(file: h5py.File, values: Any, most: tuple[int, ...]) -> None:
    """An array whose chunks lie one after the other, without a list."""
    made = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    made.set_chunk((7, 5))
    made.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    space = h5py.h5s.create_simple(values.shape, most)
    h5py.Dataset(h5py.h5d.create(file.id, b"x", h5py.h5t.IEEE_F32LE, space, made))[...] = values


@pytest.mark.parametrize("most", [(50, 21), (90, 64)])
def test_chunks_without_a_list(tmp_path: Path, most: tuple[int, ...]) -> None:
    values = np.random.default_rng(5).normal(size=(50, 21)).astype("f4")
    with h5py.File(tmp_path / "a.h5", "w", libver="latest") as file:
        _early(file, values, most)
    with Hdf5File(tmp_path / "a.h5") as file:
        assert np.array_equal(file.arrays()["x"].read(values.shape), values)


@pytest.mark.parametrize("most", [None, 140_000])
def test_the_pages_of_a_long_list_of_chunks(tmp_path: Path, most: int | None) -> None:
    """Of 140,000 chunks three are stored, far enough from each other that most pages are not."""
    stored = [3, 70_000, 139_999]
    with h5py.File(tmp_path / "a.h5", "w", libver="latest") as file:
        array = file.create_dataset("x", (140_000,), "f4", chunks=(1,), maxshape=(most,))
        for number in stored:
            array[number] = number
        file["y"] = np.zeros(140_000)  # there is room for a list of all
    blocks = Blocks((tmp_path / "a.h5").read_bytes())
    link = dict(blocks.links(blocks.messages(blocks.root())))["x"]
    found = dataset(blocks, blocks.messages(link.address))
    assert found is not None
    listed = {chunk.place: chunk for chunk in found.chunks().stored(blocks, (140_000,), (most or NOWHERE,), False)}
    assert [*listed] == [(number,) for number in stored]
    for (number,), chunk in listed.items():
        assert np.frombuffer(blocks.take(chunk.address, chunk.size), "f4").tolist() == [number]


def test_a_list_of_chunks_longer_than_the_file_is_not_walked_over(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w", libver="latest") as file:
        array = file.create_dataset("y", (2**40, 2), "i1", chunks=(2, 1), maxshape=(None, 3))
        array[0] = 1
    with Hdf5File(tmp_path / "a.h5") as file, pytest.raises(OSError, match="more chunks than the file has room"):
        file.arrays()


def test_an_array_without_entries_has_no_chunks_to_look_for(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w", libver="latest") as file:
        array = file.create_dataset("x", (1, 10**7), "i1", chunks=(1, 1), maxshape=(3, 10**7))
        array[0, 0] = 1
        array.resize((0, 10**7))
    tracemalloc.start()
    with Hdf5File(tmp_path / "a.h5") as file:
        assert file.arrays()["x"].read((0, 10**7)).shape == (0, 10**7)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10**6


def test_a_filter_that_is_not_undone_is_named(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("x", data=np.arange(100, dtype="i4"), chunks=(50,), scaleoffset=0)
    with Hdf5File(tmp_path / "a.h5") as file:
        array = file.arrays()["x"]
        with pytest.raises(ValueError, match="by the filter scale and offset, which Keras never uses; `h5repack`"):
            array.read((100,))


@pytest.mark.parametrize("body", [b"\x05ab", b"\x20\x05", b"\xe0", b"\x00a\x20"])
def test_what_lzf_cannot_have_made_is_damage(tmp_path: Path, body: bytes) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("x", data=np.zeros(100), chunks=(100,), compression="lzf")
        file["x"].id.write_direct_chunk((0,), body)
    with Hdf5File(tmp_path / "a.h5") as file, pytest.raises(OSError, match="Cannot read array `/x`"):
        file.arrays()["x"].read((100,))


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
