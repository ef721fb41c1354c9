"""Files that other Kerases wrote themselves, against what they predicted; tests/golden/README.md says how."""

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.tolerances import TOLERANCES, largest_error
from torch_keras_lstm.conversion import load_model

FOLDER = Path(__file__).parent / "golden"
FILES = sorted(path for path in FOLDER.glob("*/*") if path.suffix in (".h5", ".keras", ".yaml"))


@pytest.mark.parametrize("path", FILES, ids=[f"{path.parent.name}/{path.name}" for path in FILES])
def test_a_file_of_another_keras(path: Path) -> None:
    model = load_model(path, path.with_suffix(".h5") if path.suffix == ".yaml" else None)
    with np.load(path.with_suffix(".npz")) as record, torch.no_grad():
        inputs = [torch.from_numpy(record[name]) for name in sorted(record) if name.startswith("x")]
        output = model(inputs if len(inputs) > 1 else inputs[0])
        assert largest_error(output, record["y0"]) <= TOLERANCES["float32 model"]


def test_every_release_is_there() -> None:
    assert [folder.name for folder in sorted(FOLDER.iterdir()) if folder.is_dir()] == [
        "keras_1.2.2_tensorflow",
        "keras_1.2.2_theano",
        "keras_2.2.4",
        "keras_3.15.1",
        "keras_3.16.0.dev",
        "tf.keras_2.13",
    ]
