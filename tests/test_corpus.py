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
from torch_keras_lstm.conversion.python_source import source_of
from torch_keras_lstm.layers import LSTM

FOLDER = Path(os.environ.get("TORCH_KERAS_LSTM_CORPUS", ""))
KNOWN = {*LAYERS, "CuDNNLSTM", "InputLayer", "TimeDistributedDense"}


class ReversedLSTM(LSTM):
    """What one model there calls by this name: an LSTM backwards, its outputs put back into the order of time."""

    def forward(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        return super().forward(inputs, *args, **kwargs).flip(1)


CUSTOM_OBJECTS = {"ReversedLSTM": ReversedLSTM}

if os.environ.get("TORCH_KERAS_LSTM_CORPUS"):
    MODELS = [json.loads(line) for line in (FOLDER / "manifest.jsonl").read_text().splitlines()]

    @pytest.mark.parametrize("model", MODELS, ids=[model["id"] for model in MODELS])
    def test_a_published_model(model: dict[str, Any], tmp_path: Path) -> None:
        path, weights = _files(FOLDER / model["id"], model)
        references = sorted((FOLDER / model["id"]).glob("ref_*.npz"))
        # Keras 3 runs the hard_sigmoid of older models as another function, so it is a witness for its own files only.
        if not (model["keras_version"] or "").startswith("3"):
            references = [reference for reference in references if reference.name != "ref_k3.npz"]
        label = f"{model['id']:26}{model['keras_version'] or '':10}"
        obstacle = _obstacle(model)
        if obstacle is not None:
            with pytest.raises(ValueError, match=obstacle) as raised:
                load_model(path, weights)
            print(f"{label}{str(raised.value).removeprefix(f'{path}: '):.100}")
            return
        unknown = _unknown_classes(model)
        if unknown:
            with pytest.raises(ValueError, match="Layers that are not supported: ") as raised:
                load_model(path, weights)
            assert all(name in str(raised.value) for name in unknown)
        converted = load_model(path, weights, CUSTOM_OBJECTS)
        if not references:  # a graph that keeps dropout on for ever answers differently at every call
            print(f"{label}loads, and has no reference")
        for reference in references:
            error = _error(converted, reference)
            print(f"{label}{reference.name:18}off by {error:.1e} of the largest output")
            assert error <= TOLERANCES["float32 model"]
            if not unknown:  # classes of one's own have no plain form
                assert _error(_as_plain_pytorch(converted, tmp_path), reference) <= TOLERANCES["float32 model"]


def _as_plain_pytorch(converted: Any, folder: Path) -> torch.nn.Module:
    """The ``Model`` of the source that is written of it, called with several inputs in one list."""
    text, state = source_of(converted, "A published model")
    torch.save(state, folder / "model.pt")
    scope: dict[str, Any] = {"__name__": "model", "__file__": str(folder / "model.py")}
    exec(compile(text, "model.py", "exec"), scope)
    plain = scope["load"]()

    class OfOneList(torch.nn.Module):
        def forward(self, inputs: Any) -> Any:
            return plain(*inputs) if isinstance(inputs, list) else plain(inputs)

    return OfOneList()


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


def _obstacle(model: dict[str, Any]) -> str | None:
    """The error that is expected for a sound model of this kind, or ``None`` when it must convert."""
    kind = model["format"]
    if "no architecture" in kind or kind.startswith(".weights.h5"):
        return "The file holds weights without an architecture"
    return "This is an architecture without weights" if kind.endswith("only") else None


def _error(model: torch.nn.Module, reference: Path) -> float:
    with np.load(reference) as record, torch.no_grad():
        inputs = [torch.from_numpy(record[name]) for name in sorted(record) if name.startswith("x")]
        outputs = model(inputs if len(inputs) > 1 else inputs[0])
        outputs = [outputs] if isinstance(outputs, torch.Tensor) else outputs
        return max(largest_error(output, record[f"y{index}"]) for index, output in enumerate(outputs))
