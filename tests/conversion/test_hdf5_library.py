"""Files that only the HDF5 library reads, with harmless ones: refused by a sentence that says the word for it."""

import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from torch_keras_lstm_command import main

from tests.conversion.handmade import entry, sequential, write_legacy
from torch_keras_lstm.conversion import convert, hdf5_by, inspect, load_model, load_weights
from torch_keras_lstm.models import load_model as load_as_in_keras

KERNEL = np.arange(12, dtype=np.float32).reshape(4, 3) - 5


@pytest.fixture
def scaled(tmp_path: Path) -> Path:
    """A model whose kernel stands there in whole numbers of half a bit, which is HDF5's filter of scale and offset."""
    layer = entry("Dense", "d", units=3, batch_input_shape=[None, 4], use_bias=False)
    path = write_legacy(
        tmp_path / "m.h5", {"d": {"d/kernel:0": KERNEL}}, config=sequential(layer), keras_version="2.8.0"
    )
    with h5py.File(path, "a") as file:
        del file["model_weights/d/d/kernel:0"]
        file.create_dataset("model_weights/d/d/kernel:0", data=KERNEL, chunks=(2, 3), scaleoffset=2)
    return path


def test_what_is_not_read_here_is_read_where_the_caller_says_so(scaled: Path, tmp_path: Path) -> None:
    message = (
        r"compressed by the filter scale and offset.*`load_model\(..., hdf5='h5py'\)`, on the command line `--hdf5 "
    )
    with pytest.raises(ValueError, match=message):
        load_model(scaled)
    for load in (load_model, load_as_in_keras):
        model: Any = load(scaled, hdf5="h5py")
        np.testing.assert_array_equal(model.get_weights()[0], KERNEL)
    with hdf5_by("h5py"):
        assert inspect(scaled).problem is None
        convert(scaled, tmp_path / "out")
        model.set_weights([KERNEL * 0])
        load_weights(model, scaled)
    np.testing.assert_array_equal(model.get_weights()[0], KERNEL)
    np.testing.assert_array_equal(load_model(tmp_path / "out").get_weights()[0], KERNEL)


def test_types_that_stand_elsewhere(scaled: Path) -> None:
    with h5py.File(scaled, "a") as file:
        file["kind"] = np.dtype("<f4")
        del file["model_weights/d/d/kernel:0"]
        file["model_weights/d/d"].create_dataset("kernel:0", data=KERNEL, dtype=file["kind"])
    with pytest.raises(ValueError, match="the type of an array stands elsewhere in the file"):
        load_model(scaled)
    np.testing.assert_array_equal(load_model(scaled, hdf5="h5py").get_weights()[0], KERNEL)


def test_links_and_other_files_are_not_followed_either_way(scaled: Path) -> None:
    with h5py.File(scaled, "a") as file:
        file["model_weights/soft"] = h5py.SoftLink("/model_weights/d")
    with pytest.raises(ValueError, match="`/model_weights/soft` is a link, and links are not followed"):
        load_model(scaled, hdf5="h5py")
    with h5py.File(scaled, "a") as file:
        del file["model_weights/soft"]
        layout = h5py.VirtualLayout((4, 3), "f4")
        layout[:] = h5py.VirtualSource("other.h5", "x", (4, 3))
        file.create_virtual_dataset("model_weights/v", layout)
    with pytest.raises(ValueError, match="numbers of `/model_weights/v` stand in another file, which is not opened"):
        load_model(scaled, hdf5="h5py")
    scaled.write_bytes(scaled.read_bytes()[:900])
    with pytest.raises(OSError, match="The HDF5 library cannot read the file: "):
        load_model(scaled, hdf5="h5py")
    with pytest.raises(ValueError, match="`hdf5` must be 'h5py', for files that you trust, or None, got 'c'"):
        load_model(scaled, hdf5="c")  # type: ignore[arg-type]


def test_on_the_command_line(
    scaled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for options, code in ([], 1), (["--hdf5", "h5py"], 0):
        monkeypatch.setattr(
            sys, "argv", ["torch-keras-lstm", "convert", str(scaled), "-o", str(tmp_path / "out"), *options]
        )
        with pytest.raises(SystemExit) as ended:
            main()
        assert (ended.value.code or 0) == code
    assert "--hdf5 h5py" in capsys.readouterr().err
