"""Real models that other people published, when ``TORCH_KERAS_LSTM_CORPUS`` names their folder; ``-s`` prints a table.

The folder holds ``manifest.jsonl``, a line a model (``id``, ``format``, ``keras_version``, ``layer_classes``,
``extra_files``), and a folder of that name for each: the model's files, and ``ref_*.npz`` with inputs ``x0`` and the
outputs ``y0`` that the Keras which saved it gives. Without the variable nothing is collected.
"""

import json
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.tolerances import TOLERANCES, largest_error
from torch_keras_lstm.conversion import load_model
from torch_keras_lstm.conversion.build import LAYERS

FOLDER = Path(os.environ.get("TORCH_KERAS_LSTM_CORPUS", ""))
KNOWN = {*LAYERS, "InputLayer", "TimeDistributedDense"}

if os.environ.get("TORCH_KERAS_LSTM_CORPUS"):
    MODELS = [json.loads(line) for line in (FOLDER / "manifest.jsonl").read_text().splitlines()]

    @pytest.mark.parametrize("model", MODELS, ids=[model["id"] for model in MODELS])
    def test_a_published_model(model: dict[str, Any]) -> None:
        path, weights = _files(FOLDER / model["id"], model)
        references = sorted((FOLDER / model["id"]).glob("ref_*.npz"))
        # Keras 3 runs the hard_sigmoid of older models as another function, so it is a witness for its own files only.
        if not (model["keras_version"] or "").startswith("3"):
            references = [reference for reference in references if reference.name != "ref_k3.npz"]
        label = f"{model['id']:26}{model['keras_version'] or '':10}"
        obstacle = _obstacle(model, bool(references))
        if obstacle is not None:
            with pytest.raises(ValueError, match=obstacle) as raised:
                load_model(path, weights)
            assert all(name in str(raised.value) for name in _unknown_classes(model) if "Layers" in obstacle)
            print(f"{label}{str(raised.value).removeprefix(f'{path}: '):.100}")
            return
        converted = load_model(path, weights)
        for reference in references:
            error = _error(converted, reference)
            print(f"{label}{reference.name:18}off by {error:.1e} of the largest output")
            assert error <= TOLERANCES["float32 model"]


def _files(folder: Path, model: dict[str, Any]) -> tuple[Path, Path | None]:
    """The path to load, and the weights that belong to it."""
    files = [file for file in folder.iterdir() if file.name not in model["extra_files"]]
    found = {file.suffix.replace("hdf5", "h5"): file for file in files}
    if ".json" in found:
        return found[".json"], found.get(".h5")
    if "SavedModel" in model["format"]:
        return folder, None
    return (found.get(".keras") or found[".h5"]), None


def _unknown_classes(model: dict[str, Any]) -> set[str]:
    return {name for label in model["layer_classes"] for name in re.findall(r"\w+", label)} - KNOWN


def _obstacle(model: dict[str, Any], has_reference: bool) -> str | None:
    """The error that is expected for a sound model of this kind, or ``None`` when it must convert."""
    kind = model["format"]
    if "no architecture" in kind or kind.startswith(".weights.h5"):
        return "The file holds weights without an architecture"
    if kind.startswith("SavedModel"):
        return "SavedModel folders are not read yet"
    if _unknown_classes(model):
        return "Layers that are not supported: "
    # A graph that keeps dropout on for ever has no reference, because every call differs.
    return (
        None
        if has_reference
        else "each layer feeds just the next one, but here layer .* is called with `training=True`"
    )


def _error(model: torch.nn.Module, reference: Path) -> float:
    with np.load(reference) as record, torch.no_grad():
        return largest_error(model(torch.from_numpy(record["x0"])), record["y0"])
