"""``load_model(path, mmap=True)``: weights that stay in their file, and those that cannot."""

import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from torch_keras_lstm import conversion
from torch_keras_lstm.conversion.crc32 import checksum, joined
from torch_keras_lstm.conversion.mapped_file import PIECE, MappedFile
from torch_keras_lstm.layers import LSTM, BatchNormalization, Dense, Embedding
from torch_keras_lstm.models import Model, Sequential, load_model
from torch_keras_lstm.models.model import as_layer

FILES = ["model.h5", "model.keras", "model.json"]
LYING = {("embedding", "weight"), ("lstm", "bias_ih_l0"), ("hidden", "weight"), ("hidden", "bias")}
LYING |= {("dense", "weight"), ("dense", "bias")}
LYING |= {("batch_normalization", name) for name in ("weight", "bias", "running_mean", "running_var")}


def _model() -> Sequential:
    torch.manual_seed(5)
    layers = [Embedding(11, 5, name="embedding"), LSTM(3, name="lstm"), BatchNormalization(name="batch_normalization")]
    model = Sequential([*layers, Dense(7, name="hidden"), Dense(2, name="dense")])
    model.compile("adam", "mse")
    model.fit(torch.randint(11, (4, 6)), torch.randn(4, 2), verbose=0)
    return model


def _written(model: Sequential, folder: Path, name: str) -> tuple[Path, Path | None]:
    """The file to load and, for an architecture, its weights."""
    path = folder / name
    if name != "model.json":
        model.save(path)
        return path, None
    path.write_text(model.to_json())
    model.save_weights(folder / "model.weights.h5")
    return path, folder / "model.weights.h5"


def _mapped_in(model: Model, path: Path) -> set[tuple[str, str]]:
    """Layers and names of the tensors that lie where the process has the file in its memory."""
    places = []
    for line in Path("/proc/self/maps").read_text().splitlines():
        bounds, *_, name = line.split(maxsplit=5)
        if name == str(path):
            places.append([int(bound, 16) for bound in bounds.split("-")])
    return {
        (layer.name, name)
        for layer in map(as_layer, model.layers)
        for name, tensor in layer.state_dict().items()
        if any(start <= tensor.data_ptr() < stop for start, stop in places)
    }


@pytest.mark.parametrize("name", FILES)
def test_what_can_lie_in_the_file_does_and_the_numbers_are_the_same(tmp_path: Path, name: str) -> None:
    path, weights = _written(_model(), tmp_path, name)
    copied, mapped = (load_model(path, weights, mmap=mmap) for mmap in (False, True))
    assert _mapped_in(mapped, weights or path) == LYING
    assert not _mapped_in(copied, weights or path)
    for one, other in zip(mapped.get_weights(), copied.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    x = torch.randint(11, (4, 6))
    torch.testing.assert_close(mapped(x), copied(x), rtol=1e-6, atol=1e-7)  # a product may sum in another order


@pytest.mark.parametrize("name", FILES)
def test_training_goes_on_and_leaves_the_file_alone(tmp_path: Path, name: str) -> None:
    path, weights = _written(_model(), tmp_path, name)
    before = (weights or path).read_bytes()
    copied, mapped = (load_model(path, weights, mmap=mmap) for mmap in (False, True))
    for model in (copied, mapped):
        model.compile("adam", "mse")
    x, y = torch.randint(11, (4, 6)), torch.randn(4, 2)
    histories = [model.fit(x, y, epochs=3, verbose=0).history["loss"] for model in (copied, mapped)]
    np.testing.assert_allclose(histories[1], histories[0], rtol=1e-5)
    for one, other in zip(mapped.get_weights(), copied.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)
    assert (weights or path).read_bytes() == before
    mapped.save(tmp_path / "again")  # a folder of contiguous tensors
    np.testing.assert_array_equal(load_model(tmp_path / "again").get_weights()[0], mapped.get_weights()[0])


def test_a_file_that_is_replaced_stays_the_models(tmp_path: Path) -> None:
    path, _ = _written(_model(), tmp_path, "model.keras")
    mapped = load_model(path, mmap=True)
    expected = load_model(path).get_weights()
    Sequential([Dense(3, input_shape=(4,))]).save(path)  # which writes another file and gives it the name
    for one, other in zip(mapped.get_weights(), expected, strict=True):
        np.testing.assert_array_equal(one, other)


def _rewritten(path: Path, put: Callable[[h5py.Group, str, np.ndarray], None]) -> None:
    """Each array of a legacy file written anew by ``put``."""
    with h5py.File(path, "r+") as file:
        names: list[str] = []
        file["model_weights"].visititems(lambda name, item: names.append(name) if hasattr(item, "shape") else None)
        for name in names:
            values = file["model_weights"][name][()]
            del file["model_weights"][name]
            put(file["model_weights"], name, values)


@pytest.mark.parametrize(
    "put",
    [
        lambda group, name, values: group.create_dataset(name, data=values, chunks=values.shape),
        lambda group, name, values: group.create_dataset(name, data=values, compression="gzip"),
        lambda group, name, values: group.create_dataset(name, data=values.astype(">f4")),
        lambda group, name, values: group.create_dataset(name, data=values.astype("<f8")),
    ],
    ids=["chunks", "compressed", "big-endian", "float64"],
)
def test_what_does_not_lie_there_as_it_is_needed_is_read(tmp_path: Path, put: Callable[..., None]) -> None:
    path, _ = _written(_model(), tmp_path, "model.h5")
    expected = load_model(path, compile=False).get_weights()
    _rewritten(path, put)
    mapped = load_model(path, mmap=True, compile=False)
    assert not _mapped_in(mapped, path)
    for one, other in zip(mapped.get_weights(), expected, strict=True):
        np.testing.assert_array_equal(one, other)
    mapped.compile("sgd", "mse")
    mapped.fit(torch.randint(11, (4, 6)), torch.randn(4, 2), verbose=0)


def _archived_at(path: Path, start: int) -> None:
    """The archive with its weights at a multiple of 64 and ``start``."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with path.open("wb") as buffer, zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            member = zipfile.ZipInfo(name)
            padding = bytes((start - buffer.tell() - 30 - len(name) - 4) % 64)
            member.extra = struct.pack("<HH", 0xD935, len(padding)) + padding
            archive.writestr(member, content)


@pytest.mark.parametrize(("start", "lying"), [(4, LYING), (2, set()), (3, set())])
def test_numbers_that_begin_amid_a_word_are_copied(tmp_path: Path, start: int, lying: set[tuple[str, str]]) -> None:
    path, _ = _written(_model(), tmp_path, "model.keras")
    expected = load_model(path).get_weights()
    _archived_at(path, start)
    mapped = load_model(path, mmap=True)
    assert _mapped_in(mapped, path) == lying
    for one, other in zip(mapped.get_weights(), expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_one_array_under_two_names_is_not_shared(tmp_path: Path) -> None:
    model = Sequential([Dense(4, input_shape=(4,), name="first"), Dense(4, name="second")])
    path, _ = _written(model, tmp_path, "model.h5")
    with h5py.File(path, "r+") as file:
        kept = file["model_weights/first/first"]
        for name in ("kernel", "kernel:0"):
            if name in file["model_weights/second/second"]:
                del file["model_weights/second/second"][name]
                file["model_weights/second/second"][name] = kept[name]  # a hard link
    mapped = load_model(path, mmap=True)
    first, _, second, _ = mapped.parameters()
    torch.testing.assert_close(first, second, rtol=0, atol=0)
    with torch.no_grad():
        first.zero_()
    assert second.abs().sum() > 0


@pytest.mark.parametrize("name", ["model.h5", "model.keras"])
def test_a_truncated_file_is_refused(tmp_path: Path, name: str) -> None:
    path, _ = _written(_model(), tmp_path, name)
    path.write_bytes(path.read_bytes()[:-5000])
    with pytest.raises((OSError, ValueError), match=r"truncated or damaged|damaged or truncated"):
        load_model(path, mmap=True)


def test_checksums_are_computed_of_what_is_copied_alone(tmp_path: Path) -> None:
    path, _ = _written(_model(), tmp_path, "model.keras")
    whole = bytearray(path.read_bytes())
    embedding = load_model(path).get_weights()[0].tobytes()
    whole[whole.index(embedding)] ^= 1
    path.write_bytes(whole)
    with pytest.raises(ValueError, match="Bad CRC-32"):
        load_model(path)
    assert load_model(path, mmap=True).get_weights()[0].tobytes() != embedding


def test_weights_of_another_device_or_type_are_copied(tmp_path: Path) -> None:
    path, _ = _written(_model(), tmp_path, "model.h5")
    with torch.device("meta"):
        assert {weight.device.type for weight in conversion.load_model(path, mmap=True).parameters()} == {"meta"}


def test_the_checksum_of_two_stretches(tmp_path: Path) -> None:
    data = np.random.default_rng(3).bytes(2 * PIECE + 5)
    (tmp_path / "data").write_bytes(data)
    assert checksum(MappedFile(tmp_path / "data")) == zlib.crc32(data)
    for size in (0, 1, 77):
        assert joined(zlib.crc32(data[:size]), zlib.crc32(data[size:]), len(data) - size) == zlib.crc32(data)


def test_large_arrays_are_copied_whole(tmp_path: Path) -> None:
    """Of more than two pieces, the last of which is a part, in both orders of axes."""
    model = Sequential([Embedding(1801, 1000), Dense(901)])
    model.build((2, 3))
    model.save(tmp_path / "model.keras")
    for one, other in zip(load_model(tmp_path / "model.keras").get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
