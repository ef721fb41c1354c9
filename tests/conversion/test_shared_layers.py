"""Which layers are one in files of Keras 2; live Keras 3 and tf_keras are in tests/parity."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.conversion.handmade import Array, entry, keras_2_lstm, lstm, lstm_weights, sigmoid, write_legacy
from tests.tolerances import assert_close
from torch_keras_lstm.conversion import convert, load_model

B, T, U = 3, 6, 4
NAMES = ("kernel", "recurrent_kernel", "bias")


def arrays(scope: str, weights: list[Array]) -> dict[str, Array]:
    return {f"{scope}/{name}:0": array for name, array in zip(NAMES, weights, strict=True)}


def write(path: Path, inner: list[Array], outer: list[Array], **changes: Any) -> Path:
    """A file of Keras 2.2.4: LSTM `l` in the nested model `stack`, and an LSTM `l` behind it."""
    layer = keras_2_lstm("l", U, return_sequences=True, recurrent_activation="sigmoid", dtype="float64")
    other = json.loads(json.dumps(layer))
    other["config"] |= changes
    layer["config"]["batch_input_shape"] = [None, T, U]
    nested = {"class_name": "Sequential", "config": {"name": "stack", "layers": [layer]}}
    start = entry("InputLayer", "x", batch_input_shape=[None, T, U], dtype="float64")
    calls = {"x": [], "stack": [[["x", 0, 0, {}]]], "l": [[["stack", 1, 0, {}]]]}
    layers = [
        {**part, "name": name, "inbound_nodes": calls[name]}
        for name, part in zip(calls, (start, nested, other), strict=True)
    ]
    ends = {"input_layers": [["x", 0, 0]], "output_layers": [["l", 0, 0]]}
    config = {"class_name": "Model", "config": {"name": "m", "layers": layers, **ends}}
    groups = {"x": {}, "stack": arrays("l", inner), "l": arrays("l", outer)}
    return write_legacy(path, groups, config=config, keras_version="2.2.4")


@pytest.mark.parametrize("same", [True, False])
def test_equal_names_and_weights_make_one_layer(tmp_path: Path, same: bool) -> None:
    random = np.random.default_rng(6)
    inner, x = lstm_weights(random, U, U), random.normal(size=(B, T, U))
    outer = inner if same else [inner[0], inner[1], inner[2] + [1e-12] * 4 * U]
    path = write(tmp_path / "m.h5", inner, outer)
    convert(path, tmp_path / "out")
    for model in (load_model(path), load_model(tmp_path / "out")):
        with torch.no_grad():
            output = model(torch.from_numpy(x))
        assert_close(output, lstm(lstm(x, inner, sigmoid), outer, sigmoid), "float64")
        nested = model.get_layer("stack").get_submodule("layers.0")
        assert (nested is model.get_layer("l")) == same
        assert len(model.get_weights()) == (3 if same else 6)


def test_one_step_of_training_moves_both_places(tmp_path: Path) -> None:
    random = np.random.default_rng(6)
    model = load_model(write(tmp_path / "m.h5", *[lstm_weights(random, U, U)] * 2))
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    model(torch.from_numpy(random.normal(size=(B, T, U)))).sum().backward()
    optimizer.step()
    inside, outside = model.get_layer("stack").get_weights(), model.get_layer("l").get_weights()
    assert all(map(np.array_equal, inside, outside))


def test_another_configuration_is_another_layer(tmp_path: Path) -> None:
    weights = lstm_weights(np.random.default_rng(6), U, U)
    model = load_model(write(tmp_path / "m.h5", weights, weights, activation="relu"))
    assert len(model.get_weights()) == 6


@pytest.mark.parametrize(
    "listed", [5, [[["l", []]]], [[["stack", ["layers", "0"]], ["x", []]]], [[["l", []], ["l", []]]], [[]], ["ab"]]
)
def test_a_converted_folder_names_places_that_there_are(tmp_path: Path, listed: object) -> None:
    weights = lstm_weights(np.random.default_rng(6), U, U)
    convert(write(tmp_path / "m.h5", weights, weights), tmp_path / "out")
    document = json.loads((tmp_path / "out" / "config.json").read_text())
    assert document["shared_layers"] == [[["stack", ["layers", "0"]], ["l", []]]]
    (tmp_path / "out" / "config.json").write_text(json.dumps({**document, "shared_layers": listed}))
    with pytest.raises(ValueError, match=r"config\.json: `shared_layers` must list places at which the model has one"):
        load_model(tmp_path / "out")
