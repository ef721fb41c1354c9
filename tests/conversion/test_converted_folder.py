import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.conversion.handmade import entry, keras_2_lstm, lstm_weights, sequential, write_legacy
from torch_keras_lstm.conversion import convert, load_model
from torch_keras_lstm.conversion.converted_folder import is_converted, is_ours_alone
from torch_keras_lstm.layers import LSTM, Bidirectional

T, F, U = 6, 3, 4


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    random = np.random.default_rng(5)
    config = sequential(
        entry("Masking", "m", mask_value=0.0, batch_input_shape=[2, None, F]),
        entry("Bidirectional", "b", layer=keras_2_lstm("l", U, return_sequences=True), merge_mode="mul"),
        entry("TimeDistributed", "t", layer=entry("Dense", "d", units=2, activation="hard_sigmoid")),
    )
    arrays = {
        f"b/{half}_l/{name}:0": array
        for half in ("forward", "backward")
        for name, array in zip(("kernel", "recurrent_kernel", "bias"), lstm_weights(random, F, U), strict=True)
    }
    dense = {"t/kernel:0": random.normal(size=(U, 2)), "t/bias:0": random.normal(size=2)}
    path = write_legacy(tmp_path / "m.h5", {"m": {}, "b": arrays, "t": dense}, config=config, keras_version="2.2.4")
    convert(path, tmp_path / "deep" / "out")
    return tmp_path / "deep" / "out"


def test_what_is_read_back_is_the_model_that_was_converted(folder: Path) -> None:
    original, again = load_model(folder.parent.parent / "m.h5"), load_model(folder)
    x = torch.randn(2, T, F)
    x[1, 3:] = 0
    assert torch.equal(again(x), original(x))
    assert not again.training
    assert again.batch_input_shape == original.batch_input_shape == (2, None, F)
    assert again.get_config()["layers"][1:] == original.get_config()["layers"][1:]
    half = again.get_submodule("layers.1")
    assert isinstance(half, Bidirectional)
    assert half.zero_output_for_mask is False
    assert isinstance(half.forward_layer, LSTM)
    assert half.forward_layer.get_config()["recurrent_activation"] == "hard_sigmoid_keras2"


def test_the_folder_holds_two_readable_files(folder: Path) -> None:
    assert sorted(entry.name for entry in folder.iterdir()) == ["config.json", "model.safetensors"]
    assert [entry.name for entry in folder.parent.iterdir()] == ["out"]  # nothing is left of the writing
    document = json.loads((folder / "config.json").read_text())
    assert {name: document[name] for name in ("format", "format_version", "source")} == {
        "format": "torch_keras_lstm",
        "format_version": 1,
        "source": {
            "file": "m.h5",
            "container": "whole model (.h5)",
            "keras_version": "2.2.4",
            "written_by": "Keras 2 (2.2.4)",
        },
    }
    assert [layer["class_name"] for layer in document["model"]["config"]["layers"]] == [
        "InputLayer",
        "Masking",
        "Bidirectional",
        "TimeDistributed",
    ]
    state = load_file(folder / "model.safetensors")
    model = load_model(folder)
    assert state.keys() == model.state_dict().keys()
    assert all(torch.equal(state[name], tensor) for name, tensor in model.state_dict().items())


def test_a_converted_model_takes_no_other_weights(folder: Path) -> None:
    with pytest.raises(ValueError, match="out: a converted model has its weights beside it; `weights` cannot be given"):
        load_model(folder, weights="w.h5")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": "pytorch"}, r"config\.json: The file must say `format` 'torch_keras_lstm' and `format_version` 1"),
        ({"format_version": 2}, "it says 'torch_keras_lstm' and 2"),
        ({"model": []}, "The file must hold the model's configuration under `model`"),
        ({"model": {"class_name": "Sequential", "config": {"layers": 3}}}, "must hold `layers`, a list of objects"),
    ],
)
def test_another_configuration_is_refused(folder: Path, changes: dict[str, object], message: str) -> None:
    document = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**document, **changes}))
    with pytest.raises(ValueError, match=message):
        load_model(folder)


def test_tensors_that_do_not_fit_are_all_listed(folder: Path) -> None:
    state = load_file(folder / "model.safetensors")
    state["extra"] = torch.ones(2)
    state["layers.2.layer.weight"] = torch.ones(3, 4)
    del state["layers.1.forward_layer.weight_ih_l0"]
    save_file(state, folder / "model.safetensors")
    message = (
        "model.safetensors: The tensors do not fit `config.json`: `extra` belongs to no layer; "
        "`layers.1.forward_layer.weight_ih_l0` is missing; `layers.2.layer.weight` needs (2, 4), but has (3, 4)."
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        load_model(folder)


def test_a_truncated_file_is_refused_at_every_eighth(folder: Path) -> None:
    good = (folder / "model.safetensors").read_bytes()
    for eighth in range(8):
        (folder / "model.safetensors").write_bytes(good[: len(good) * eighth // 8])
        with pytest.raises(ValueError, match="The file is not in the safetensors format, or is truncated"):
            load_model(folder)


def test_which_folders_are_converted_models(folder: Path, tmp_path: Path) -> None:
    assert is_converted(folder)
    assert is_ours_alone(folder)
    assert not is_converted(tmp_path)
    (folder / "readme.txt").write_text("mine")
    assert is_converted(folder)
    assert not is_ours_alone(folder)
    (folder / "readme.txt").unlink()
    (folder / "config.json").write_text('{"architectures": ["Another"]}')
    assert not is_ours_alone(folder)
