import re
import subprocess
import sys
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
from sklearn.datasets import load_digits

FOLDER = Path(__file__).parents[2] / "examples" / "models"
FIRST_HELD_OUT = 1198


def check_layout(folder: Path, accuracy: float) -> None:
    with zipfile.ZipFile(folder / "digits_bilstm.keras") as archive:
        assert sorted(archive.namelist()) == ["config.json", "metadata.json", "model.weights.h5"]
    with h5py.File(folder / "digits_bilstm.h5") as file:
        assert {"backend", "keras_version", "model_config", "training_config"} <= set(file.attrs)
        layers = [name.partition("_")[0] for name in file["model_weights"].attrs["layer_names"]]
        assert layers == ["masking", "bidirectional", "lstm", "dense"]
    with np.load(folder / "digits_bilstm.record.npz") as record:
        assert sorted(record) == ["x0", "y0"]
        images, answers = record["x0"], record["y0"]
    digits = load_digits()
    held_out = slice(FIRST_HELD_OUT, FIRST_HELD_OUT + 64)
    assert images.dtype == answers.dtype == np.float32
    np.testing.assert_array_equal(images, digits.images[held_out].transpose(0, 2, 1) / 16)
    assert answers.shape == (64, 10)
    assert np.mean(answers.argmax(axis=1) == digits.target[held_out]) > accuracy
    for path in folder.glob("digits_bilstm.*"):
        assert path.stat().st_size < 200_000, path.name


def test_the_committed_files_are_a_well_trained_model_and_its_record() -> None:
    check_layout(FOLDER, accuracy=0.95)


@pytest.mark.slow
def test_one_epoch_writes_all_three_files(tmp_path: Path) -> None:
    command = [sys.executable, str(FOLDER / "train_digits.py"), "--epochs", "1", "--folder", str(tmp_path)]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    figures = re.search(r"held-out accuracy ([\d.]+), of the majority class ([\d.]+) \(599 images\)", printed)
    assert figures is not None, printed
    accuracy, majority = map(float, figures.groups())
    assert accuracy > majority
    check_layout(tmp_path, accuracy=majority)
