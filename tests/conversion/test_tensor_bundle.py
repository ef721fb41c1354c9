from pathlib import Path

import numpy as np
import pytest

from tests.conversion.handmade_bundle import TYPES, checksum, entry, field, random_tensors, table, write_bundle
from torch_keras_lstm.conversion.tensor_bundle import TensorBundle


@pytest.mark.parametrize("shards", [1, 3])
def test_every_type_comes_back(tmp_path: Path, shards: int) -> None:
    tensors = random_tensors(np.random.default_rng(0))
    bundle = TensorBundle(write_bundle(tmp_path / "ck-1", {**tensors, "text": b"hello" * 50}, shards))
    arrays = bundle.arrays()
    assert arrays.keys() == tensors.keys()
    for name, tensor in tensors.items():
        values = arrays[name].read(tensor.shape)
        if name == "brain":
            assert (arrays[name].dtype, values.dtype.name) == ("bfloat16", "float32")
            tensor = (tensor.astype(np.uint32) << 16).view(np.float32)
        assert np.array_equal(values, tensor)
        assert values.flags.writeable
    assert bundle.text("text") == b"hello" * 50
    assert bundle.text("none") is None


def test_an_array_of_another_shape_is_not_read(tmp_path: Path) -> None:
    bundle = TensorBundle(write_bundle(tmp_path / "p", {"a": np.ones((2, 3))}))
    with pytest.raises(ValueError, match=r"`a` must have shape \(3, 2\), but has \(2, 3\)"):
        bundle.arrays()["a"].read((3, 2))


@pytest.mark.parametrize("name", ["kernel", "text"])
def test_a_flipped_bit_is_found(tmp_path: Path, name: str) -> None:
    kernel = np.random.default_rng(1).normal(size=(5, 7))
    write_bundle(tmp_path / "p", {"kernel": kernel, "text": b"some text"})
    path = tmp_path / "p.data-00000-of-00001"
    data = bytearray(path.read_bytes())
    data[100 if name == "kernel" else -3] ^= 4
    path.write_bytes(data)
    bundle = TensorBundle(tmp_path / "p")
    with pytest.raises(ValueError, match=f"Tensor `{name}` is damaged: its checksum does not fit its bytes"):
        bundle.text(name) if name == "text" else bundle.arrays()[name].read(kernel.shape)


def test_truncated_data_is_found_before_it_is_read(tmp_path: Path) -> None:
    write_bundle(tmp_path / "p", {"kernel": np.ones((5, 7))})
    path = tmp_path / "p.data-00000-of-00001"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ValueError, match=r"Tensor `kernel` lies beyond the end of `p\.data-00000-of-00001`"):
        TensorBundle(tmp_path / "p")
    path.unlink()
    with pytest.raises(FileNotFoundError):
        TensorBundle(tmp_path / "p")


def _index(path: Path, **entries: bytes) -> Path:
    path.with_name(f"{path.name}.index").write_bytes(table({"": field(1, 1), **entries}))
    path.with_name(f"{path.name}.data-00000-of-00001").write_bytes(bytes(64))
    return path


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"a": entry(TYPES["float64"], (2**40, 2**40), 0, 0, bytes(8), 0)}, r"of shape \(\d+, \d+\) has 8 bytes"),
        ({"a": entry(TYPES["float32"], (2**64 - 1,), 0, 0, bytes(8), 0)}, "has 8 bytes, which does not fit its type"),
        ({"a": entry(TYPES["float32"], (2,), 1, 0, bytes(8), 0)}, "lies in shard 1 of 1"),
        ({"a": entry(TYPES["float32"], (2,), 0, 60, bytes(8), 0)}, "lies beyond the end"),
        (
            {name: entry(TYPES["float32"], (16,), 0, 0, bytes(64), 0) for name in "abc"},
            "claim 192 bytes together, but the data files hold fewer; refused",
        ),
        ({"": field(1, 1) + field(2, 1)}, "The checkpoint is big-endian, has no header, or has more tensors"),
        ({"": b""}, "The checkpoint is big-endian, has no header"),
    ],
)
def test_an_index_that_claims_what_cannot_be_is_refused(
    tmp_path: Path, entries: dict[str, bytes], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        TensorBundle(_index(tmp_path / "p", **entries))


def test_partitioned_tensors_are_named(tmp_path: Path) -> None:
    sliced = entry(TYPES["float32"], (4,), 0, 0, b"", 0) + field(7, b"")
    array = TensorBundle(_index(tmp_path / "p", a=sliced)).arrays()["a"]
    with pytest.raises(ValueError, match="Tensor `a` is partitioned"):
        array.read((4,))


def test_text_must_be_one_string(tmp_path: Path) -> None:
    write_bundle(tmp_path / "p", {"a": np.ones(3, np.float32)})
    with pytest.raises(ValueError, match="Tensor `a` must be one string"):
        TensorBundle(tmp_path / "p").text("a")
    data = b"\x09" + bytes(8)
    with pytest.raises(ValueError, match="Tensor `a` is damaged: its string has another length"):
        TensorBundle(_index(tmp_path / "p", a=entry(7, (), 0, 0, data, checksum(data)))).text("a")
