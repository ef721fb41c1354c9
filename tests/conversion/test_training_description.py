import json
import warnings
import zipfile
from functools import partial
from pathlib import Path

import h5py
import pytest
import torch

from torch_keras_lstm import losses, metrics
from torch_keras_lstm.conversion import describe_training
from torch_keras_lstm.layers import LSTM, Dense, Input
from torch_keras_lstm.models import Model, Sequential, load_model


def model() -> Model:
    return Sequential([Input((4, 3)), LSTM(2), Dense(1)])


def fit(trained: Model) -> None:
    trained.fit(torch.rand(6, 4, 3), torch.rand(6, 1), verbose=0)


def own(y_true: torch.Tensor, y_pred: torch.Tensor) -> torch.Tensor:
    return (y_true - y_pred).abs().mean(-1)


def test_a_model_that_is_not_compiled_has_none() -> None:
    assert describe_training(model()) is None
    assert model().get_compile_config() == {}


def test_both_forms_of_what_compile_was_told(tmp_path: Path) -> None:
    compiled = model()
    compiled.compile("sgd", own, metrics=["accuracy", metrics.AUC(num_thresholds=3)], steps_per_execution=2)
    compiled.save(tmp_path / "m.keras")
    compiled.save(tmp_path / "m.h5")
    with zipfile.ZipFile(tmp_path / "m.keras") as archive:
        told = json.loads(archive.read("config.json"))["compile_config"]
    with h5py.File(tmp_path / "m.h5") as file:
        legacy = json.loads(file.attrs["training_config"])
    assert told["optimizer"]["module"] == "keras.optimizers"
    assert told["optimizer"]["config"]["learning_rate"] == 0.01
    assert told["loss"]["config"] == "own"
    assert told["metrics"][0] == "accuracy"
    assert told["metrics"][1]["class_name"] == "AUC"
    assert told["steps_per_execution"] == 2
    assert "optimizer" not in legacy
    assert legacy["optimizer_config"]["class_name"] == "SGD"
    assert legacy["loss"] == "own"
    assert legacy["metrics"][1].keys() == {"class_name", "config"}
    assert load_model(tmp_path / "m.keras", custom_objects={"own": own}).get_compile_config() == told


@pytest.mark.parametrize("name", ["m.keras", "m.h5", "m"])
def test_without_the_optimizer_a_file_says_nothing_of_the_training(tmp_path: Path, name: str) -> None:
    compiled = model()
    compiled.compile("adam", "mse")
    fit(compiled)
    compiled.save(tmp_path / name, include_optimizer=False)
    loaded = load_model(tmp_path / name)
    assert not loaded.compiled
    assert loaded.compile_error == ""


def test_a_loss_of_torch_is_its_name(tmp_path: Path) -> None:
    compiled = model()
    compiled.compile("adam", torch.nn.L1Loss())
    fit(compiled)
    compiled.save(tmp_path / "m.keras")
    loaded = load_model(tmp_path / "m.keras", custom_objects={"L1Loss": torch.nn.L1Loss()})
    assert loaded.optimizer.iterations == 1
    fit(loaded)
    with pytest.raises(ValueError, match=r"'L1Loss'.* One of your own goes into `custom_objects`"):
        fit(load_model(tmp_path / "m.keras"))


def test_a_loss_that_is_a_class(tmp_path: Path) -> None:
    compiled = model()
    compiled.compile("adam", losses.MeanAbsoluteError)
    assert compiled.get_compile_config()["loss"]["class_name"] == "MeanAbsoluteError"


@pytest.mark.parametrize("name", ["m.keras", "m.h5", "m"])
@pytest.mark.parametrize("optimizer", [torch.optim.Adam, partial(torch.optim.SGD, lr=0.1)], ids=["class", "partial"])
def test_an_optimizer_of_torch_leaves_the_training_out(tmp_path: Path, name: str, optimizer: object) -> None:
    compiled = model()
    compiled.compile(optimizer, "mse")
    fit(compiled)
    with pytest.warns(UserWarning, match=r"is saved without how it is compiled: torch's (Adam|SGD) has no config"):
        compiled.save(tmp_path / name)
    assert not load_model(tmp_path / name).compiled


def test_weights_alone_need_no_word_on_an_optimizer_of_torch(tmp_path: Path) -> None:
    compiled = model()
    compiled.compile(torch.optim.Adam, "mse")
    fit(compiled)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        compiled.save_weights(tmp_path / "m.weights.h5")
        compiled.load_weights(tmp_path / "m.weights.h5")


def test_an_optimizer_that_trains_more_than_the_weights_loses_its_state(tmp_path: Path) -> None:
    compiled = model()
    compiled.compile("adam", "mse")
    compiled.optimizer.build([*compiled.parameters(), torch.nn.Parameter(torch.ones(1))])
    with pytest.warns(UserWarning, match="is saved without the state of its optimizer: .* are no weights of Keras'"):
        compiled.save(tmp_path / "m.keras")
    assert load_model(tmp_path / "m.keras").optimizer.iterations == 0


def test_what_json_cannot_hold() -> None:
    compiled = model()
    compiled.compile("adam", "mse", loss_weights=[torch.tensor(2.0)])
    assert compiled.get_compile_config()["loss_weights"] == [2.0]


@pytest.mark.parametrize("name", ["m.keras", "m.h5", "m"])
def test_a_folder_and_a_file_can_be_overwritten(tmp_path: Path, name: str) -> None:
    compiled = model()
    compiled.compile("adam", "mse")
    for expected in (1, 2):
        fit(compiled)
        compiled.save(tmp_path / name)
        assert load_model(tmp_path / name).optimizer.iterations == expected
