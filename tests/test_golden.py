"""Files that other Kerases and TF.js wrote themselves, against what they predicted; tests/golden/README.md says how."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.tolerances import TOLERANCES, largest_error
from torch_keras_lstm.conversion import load_model

FOLDER = Path(__file__).parent / "golden"
TFJS = sorted(FOLDER.glob("tfjs_4*/*"))
CONVERTED = sorted(FOLDER.glob("tfjs_converter_*/*"))
FILES = sorted(path for path in FOLDER.glob("*/*") if path.suffix in (".h5", ".keras", ".yaml"))


@pytest.mark.parametrize("path", FILES, ids=[f"{path.parent.name}/{path.name}" for path in FILES])
def test_a_file_of_another_keras(path: Path) -> None:
    model = load_model(path, path.with_suffix(".h5") if path.suffix == ".yaml" else None)
    with np.load(path.with_suffix(".npz")) as record, torch.no_grad():
        inputs = [torch.from_numpy(record[name]) for name in sorted(record) if name.startswith("x")]
        output = model(inputs if len(inputs) > 1 else inputs[0])
        assert largest_error(output, record["y0"]) <= TOLERANCES["float32 model"]


def _array(told: Any) -> torch.Tensor:
    return torch.from_numpy(np.array(told["values"], told["dtype"]).reshape(told["shape"]))


@pytest.mark.parametrize("folder", TFJS, ids=[folder.name for folder in TFJS])
def test_a_model_that_tfjs_saved(folder: Path) -> None:
    told = json.loads((folder / "answer.json").read_text())
    model, inputs = load_model(folder / "model.json"), [*map(_array, told["inputs"])]
    with torch.no_grad():
        outputs = model(inputs if len(inputs) > 1 else inputs[0])
    outputs = outputs if isinstance(outputs, list | tuple) else [outputs]
    for output, expected in zip(outputs, map(_array, told["outputs"]), strict=True):
        assert largest_error(output, expected) <= TOLERANCES["float32 model"]


@pytest.mark.parametrize("name", ["adagrad", "adam", "momentum", "sgd"])
def test_training_goes_on_as_in_tfjs(name: str) -> None:
    told = json.loads((FOLDER / "tfjs_4.22.0" / name / "answer.json").read_text())
    model = load_model(FOLDER / "tfjs_4.22.0" / name / "model.json", compile=True)
    assert not model.compile_error
    x, y = _array(told["inputs"][0]), _array(told["targets"])
    losses = [np.ravel(model.train_on_batch(x, y))[0] for _ in told["losses"]]
    assert largest_error(losses, told["losses"]) <= TOLERANCES["float32 curve"]


def test_an_optimizer_of_tfjs_that_is_none_of_keras() -> None:
    model = load_model(FOLDER / "tfjs_4.22.0" / "rmsprop" / "model.json", compile=True)
    assert model.optimizer is None
    assert "got 'RMSProp of TF.js'" in model.compile_error


@pytest.mark.parametrize("folder", CONVERTED, ids=[folder.name for folder in CONVERTED])
def test_a_model_that_was_converted_for_tfjs(folder: Path) -> None:
    """As TF.js answers it, where it does; a quantized model is not quite what Keras saved."""
    model = load_model(folder / "model.json", compile=True)
    assert model.compiled == ("compiled" in folder.name)
    with np.load(folder / "answer.npz") as record, torch.no_grad():
        output = model(torch.from_numpy(record["x0"]))
        assert ("t0" in record) == ("keras_3" not in folder.name)
        expected = record["t0" if "t0" in record else "y0"]
        assert largest_error(output, expected) <= TOLERANCES["float32 model"]


def test_every_release_is_there() -> None:
    assert [folder.name for folder in sorted(FOLDER.iterdir()) if folder.is_dir()] == [
        "keras_1.2.2_tensorflow",
        "keras_1.2.2_theano",
        "keras_2.2.4",
        "keras_3.15.1",
        "keras_3.15.1_orbax",
        "keras_3.16.0.dev",
        "tf.keras_2.13",
        "tfjs_4.22.0",
        "tfjs_converter_4.22.0",
    ]
