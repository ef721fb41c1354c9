import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from torch_keras_lstm.conversion import hdf5
from torch_keras_lstm.conversion.hdf5 import Hdf5File


def _refused(path: Path, message: str) -> None:
    with Hdf5File(path) as file, pytest.raises(ValueError, match=message):
        file.arrays()


def test_arrays_are_listed_by_path_and_read_on_demand(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=(3, 5)).astype(np.float32)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["model/lstm/kernel:0"] = values
        file["model/b"] = np.float64(7)
        file.create_group("empty")
    with Hdf5File(tmp_path / "a.h5") as opened:
        arrays = opened.arrays("/model")
        assert arrays.keys() == {"lstm/kernel:0", "b"}
        kernel = arrays["lstm/kernel:0"]
        assert (kernel.shape, kernel.dtype, kernel.size, kernel.path) == ((3, 5), "float32", 15, "/model/lstm/kernel:0")
        assert np.array_equal(kernel.read((3, 5)), values)
        assert arrays["b"].read(()) == 7
        assert opened.has("model/lstm")
        assert not opened.has("model/gru")
        assert not opened.has("model/b/c")


def test_the_whole_file_can_come_as_bytes(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["x"] = np.arange(6.0).reshape(2, 3)
    with Hdf5File((tmp_path / "a.h5").read_bytes()) as opened:
        assert opened.arrays()["x"].read((2, 3))[1, 0] == 3


def test_an_array_of_another_shape_is_not_read(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["x"] = np.zeros((2, 3))
    message = r"Array `/x` must have shape \(3, 2\), but has \(2, 3\)"
    with Hdf5File(tmp_path / "a.h5") as opened, pytest.raises(ValueError, match=message):
        opened.arrays()["x"].read((3, 2))


@pytest.mark.parametrize("dtype", ["<f2", "<f4", ">f4", "<f8", ">f8", "<i4", ">i8", "u1", "?"])
def test_numbers_come_in_their_own_type_and_native_order(tmp_path: Path, dtype: str) -> None:
    values = (np.random.default_rng(0).normal(size=11) * 3).astype(dtype)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["x"] = values
    with Hdf5File(tmp_path / "a.h5") as opened:
        array = opened.arrays()["x"]
        assert array.dtype == np.dtype(dtype).newbyteorder("=").name
        read = array.read((11,))
    assert read.dtype.isnative
    assert np.array_equal(read, values)


def test_bfloat16_is_two_bytes_widened_to_float32(tmp_path: Path) -> None:
    exact = np.array([[1.5, -2.0, 0.15625]], dtype=np.float32)  # few digits, so that the upper halves hold them all
    upper = (exact.view(np.uint32) >> 16).astype(np.uint16)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("marked", data=upper.view("V2")).attrs["dtype"] = "bfloat16"
        file.create_dataset("bare", data=upper.view("V2"))
    with Hdf5File(tmp_path / "a.h5") as opened:
        arrays = opened.arrays()
        assert arrays.keys() == {"marked", "bare"}
        for array in arrays.values():
            assert array.dtype == "bfloat16"
            assert np.array_equal(array.read((1, 3)), exact)
    for mark, values in (("int2", upper.view("V2")), ("bfloat16", np.zeros(3, "V3"))):
        with h5py.File(tmp_path / "a.h5", "w") as file:
            file.create_dataset("x", data=values).attrs["dtype"] = mark
        _refused(tmp_path / "a.h5", r"`/x` holds \|V\d, not numbers of a type that Keras saves")


@pytest.mark.parametrize("value", ["text", b"bytes", np.bytes_(b"bytes"), np.array(["text"], h5py.string_dtype())])
def test_text_attributes_come_in_any_of_keras_spellings(tmp_path: Path, value: Any) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.attrs["t"] = value
    with Hdf5File(tmp_path / "a.h5") as opened:
        assert opened.text("t") in ("text", "bytes")
        assert opened.text("u") is None


def test_text_that_is_none_is_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.attrs["number"] = 3
        file.attrs["latin"] = np.bytes_(b"\xe9")
        file.attrs["grid"] = np.zeros((2, 2))
    with Hdf5File(tmp_path / "a.h5") as opened:
        with pytest.raises(ValueError, match="Attribute `number` of `/` must be text, got int64"):
            opened.text("number")
        with pytest.raises(ValueError, match="Attribute `latin` of `/` is not UTF-8 text"):
            opened.text("latin")
        with pytest.raises(ValueError, match="Attribute `grid` of `/` must be a list of names"):
            opened.names("grid")


def test_lists_of_names_may_be_chunked(tmp_path: Path) -> None:
    names = [f"layer_{index}" for index in range(25)]
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.attrs["whole"] = np.array([name.encode() for name in names])
        for chunk in range(3):
            file.attrs[f"split{chunk}"] = np.array([name.encode() for name in names[10 * chunk : 10 * chunk + 10]])
        file.attrs["none"] = np.zeros(0)
    with Hdf5File(tmp_path / "a.h5") as opened:
        assert opened.names("whole") == names
        assert opened.names("split") == names
        assert opened.names("none") == []
        assert opened.names("absent") is None


def test_soft_and_external_links_are_refused(tmp_path: Path) -> None:
    for name, link in {"soft": h5py.SoftLink("/x"), "external": h5py.ExternalLink("nowhere.h5", "/x")}.items():
        with h5py.File(tmp_path / "a.h5", "w") as file:
            file["x"] = np.zeros(3)
            file["group/inner"] = link
        _refused(tmp_path / "a.h5", f"`inner` is an? {name} link, and links are not followed")
        with Hdf5File(tmp_path / "a.h5") as opened, pytest.raises(ValueError, match="links are not followed"):
            opened.names("weight_names", "/group/inner")


def test_values_in_other_files_are_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("x", (3,), "f8", external=[(str(tmp_path / "nowhere.bin"), 0, 24)])
    _refused(tmp_path / "a.h5", "Array `/x` keeps its values in other files, which are not opened")
    layout = h5py.VirtualLayout((3,), "f8")
    layout[:] = h5py.VirtualSource(tmp_path / "nowhere.h5", "x", (3,))
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_virtual_dataset("x", layout)
    _refused(tmp_path / "a.h5", "Array `/x` keeps its values in other files")


def test_sizes_that_the_file_does_not_hold_are_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("x", (2**17, 2**17), "f4", chunks=(64, 64))
    _refused(tmp_path / "a.h5", r"Array `/x` claims 68719476736 bytes, but the file holds at most 0 of them")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("x", (5,), "f4")
    _refused(tmp_path / "a.h5", "claims 20 bytes, but the file holds at most 0")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("x", data=np.zeros(2**23, "f4"), compression="gzip")
    _refused(tmp_path / "a.h5", r"claims 33554432 bytes, but the file holds at most \d+ of them")


def test_compressed_arrays_of_a_sane_ratio_are_read(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=(50, 20)).astype("f4")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("x", data=values, compression="gzip", shuffle=True)
    with Hdf5File(tmp_path / "a.h5") as opened:
        assert np.array_equal(opened.arrays()["x"].read((50, 20)), values)


@pytest.mark.parametrize(
    "value", [np.array(["a", "b"], h5py.string_dtype()), np.ones(2, "c8"), np.array([(1, 2.0)], "i4,f4")]
)
def test_what_is_not_numbers_is_refused(tmp_path: Path, value: Any) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["x"] = value
    _refused(tmp_path / "a.h5", "Array `/x` holds .*, not numbers of a type that Keras saves")


def test_an_array_without_a_shape_and_a_named_type_are_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["x"] = h5py.Empty("f4")
    _refused(tmp_path / "a.h5", "Array `/x` is empty")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["t"] = np.dtype("f8")
    _refused(tmp_path / "a.h5", "`t` is neither a group nor an array")


def test_cycles_and_crowds_of_objects_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_group("a")["b"] = file["/"]
    _refused(tmp_path / "a.h5", "nested more than 64 deep")
    monkeypatch.setattr(hdf5, "MAX_OBJECTS", 4)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for index in range(5):
            file.create_group(f"g{index}")
    _refused(tmp_path / "a.h5", "more than 4 objects")


def test_what_is_not_hdf5_is_an_os_error_without_h5pys_words_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    for content in (b"", b"not hdf5 at all", b"\x89HDF\r\n\x1a\n" + bytes(100)):
        path.write_bytes(content)
        with pytest.raises(OSError, match="Cannot open the file: it is not HDF5, or is truncated or damaged"):
            Hdf5File(path)
    with pytest.raises(FileNotFoundError):
        Hdf5File(tmp_path / "nowhere.h5")


def test_a_truncated_file_is_an_os_error_at_every_length(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.attrs["model_config"] = json.dumps({"a": "b" * 3000})
        for index in range(6):
            file[f"group/x{index}"] = random.normal(size=(40, 30))
    good = (tmp_path / "a.h5").read_bytes()
    for eighth in range(8):
        (tmp_path / "a.h5").write_bytes(good[: len(good) * eighth // 8])
        with pytest.raises(OSError, match="truncated or damaged"):
            Hdf5File(tmp_path / "a.h5")


def test_damage_inside_is_a_clean_error_or_the_array(tmp_path: Path) -> None:
    """HDF5 has no checksum over plain data: a flipped byte is an error or changes a value, and nothing else."""
    random = np.random.default_rng(0)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.attrs["model_config"] = "{}"
        file["group/x"] = random.normal(size=(7, 5))
    good = (tmp_path / "a.h5").read_bytes()
    for at in random.integers(0, len(good), 300):
        bad = bytearray(good)
        bad[at] ^= 1 << random.integers(8)
        with suppress(OSError, ValueError), Hdf5File(bytes(bad)) as opened:
            opened.text("model_config")
            for array in opened.arrays().values():
                array.read(array.shape)
