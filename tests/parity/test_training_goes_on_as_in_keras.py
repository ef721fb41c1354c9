"""A model trained in Keras and loaded here with its optimizer follows the curve that Keras follows from there."""

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
import tf_keras
import torch

from tests.parity.precision import float64
from tests.tolerances import assert_close
from torch_keras_lstm.conversion import load_model, load_training
from torch_keras_lstm.losses import mean_squared_error

BATCH, TIME, FEATURES, STEPS = 6, 2, 3, 6

# Keras' own variables, when Keras writes them; tf_keras about its own .h5
pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file:UserWarning"),
]

Maker = Callable[[Any], Any]

OF_KERAS_3: dict[str, tuple[str, Maker]] = {
    "adam": ("keras", lambda k: k.optimizers.Adam(0.01, amsgrad=True)),
    "momentum": ("h5", lambda k: k.optimizers.SGD(0.1, momentum=0.9)),
    "nadam": ("h5", lambda k: k.optimizers.Nadam(0.01)),
    "adafactor": ("keras", lambda k: k.optimizers.Adafactor(0.125)),
    "lamb": ("keras", lambda k: k.optimizers.Lamb(0.125)),
    "muon": ("keras", lambda k: k.optimizers.Muon(0.125, exclude_layers=["gru"])),
    "schedule-free": ("h5", lambda k: k.optimizers.ScheduleFreeAdamW(0.125, warmup_steps=5)),
    "loss scale": ("keras", lambda k: k.optimizers.LossScaleOptimizer(k.optimizers.Adam(0.125), 4.0, 5)),
    "several": ("keras", lambda k: k.optimizers.MultiOptimizer(
        k.optimizers.OptimizerMap(k.optimizers.Adam(0.125), {".*gru.*": k.optimizers.SGD(0.125, momentum=0.5)})
    )),
    "averages and sums": ("keras", lambda k: k.optimizers.AdamW(
        k.optimizers.schedules.InverseTimeDecay(0.01, 2, 0.5), use_ema=True, gradient_accumulation_steps=2
    )),
}  # fmt: skip
OF_TF_KERAS: dict[str, tuple[str, Maker]] = {
    "adam": ("h5", lambda k: k.optimizers.Adam(0.01, amsgrad=True)),
    "sgd": ("keras", lambda k: k.optimizers.SGD(0.1)),
    "rmsprop": ("keras", lambda k: k.optimizers.RMSprop(0.01, momentum=0.5, centered=True)),
    "nadam": ("keras", lambda k: k.optimizers.Nadam(0.01)),
    "adafactor": ("keras", lambda k: k.optimizers.Adafactor(0.125)),
    "adam by its name": ("keras", lambda k: "adam"),
    "nadam by its name": ("keras", lambda k: "nadam"),
    "sgd by its name": ("keras", lambda k: "sgd"),
    "legacy adam": ("h5", lambda k: k.optimizers.legacy.Adam(0.01, amsgrad=True)),
    "legacy nadam": ("h5", lambda k: k.optimizers.legacy.Nadam(0.01)),
    "legacy rmsprop": ("h5", lambda k: k.optimizers.legacy.RMSprop(0.01)),
    "legacy rmsprop, centered": ("h5", lambda k: k.optimizers.legacy.RMSprop(0.01, centered=True)),
    "legacy rmsprop, momentum": ("h5", lambda k: k.optimizers.legacy.RMSprop(0.01, momentum=0.5)),
    "legacy adagrad": ("h5", lambda k: k.optimizers.legacy.Adagrad(0.1)),
    "legacy ftrl": ("h5", lambda k: k.optimizers.legacy.Ftrl(0.1, l1_regularization_strength=0.001)),
}


def layers(k: Any) -> list[Any]:
    """Weights that are frozen, weights that are two parameters here, and both halves of a Bidirectional."""
    frozen = k.layers.Dense(5, activation="tanh", trainable=False)
    return [
        k.layers.Bidirectional(k.layers.LSTM(2, return_sequences=True)),
        frozen,
        k.layers.GRU(3, reset_after=True),
        k.layers.Dense(1),
    ]


def data() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(21)
    return rng.normal(size=(BATCH, TIME, FEATURES)), rng.normal(size=(BATCH, 1))


def trained(k: Any, optimizer: Any) -> Any:
    model = k.Sequential([k.layers.Input((TIME, FEATURES)), *layers(k)])
    model.compile(optimizer=optimizer, loss="mean_squared_error", metrics=["mae"], run_eagerly=True)
    for _ in range(3):
        model.train_on_batch(*data())
    return model


def goes_on(path: Path) -> list[float]:
    """The losses of further steps here."""
    model = load_model(path)
    training = load_training(path, model)
    assert training is not None
    assert (training.loss, training.metrics) == ("mean_squared_error", ["mae"])
    assert training.steps_per_execution == 1  # null in the .keras files of tf.keras
    optimizer = training.optimizer
    assert optimizer is not None
    assert optimizer.iterations > 0
    inputs, targets = (torch.tensor(array) for array in data())
    losses = []
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss = mean_squared_error(targets, model(inputs)).mean()
        optimizer.scale_loss(loss).backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def compare(k: Any, optimizer: Maker, path: Path) -> None:
    with float64(k):
        theirs = trained(k, optimizer(k))
        theirs.save(path)
        expected = theirs.fit(*data(), batch_size=BATCH, epochs=STEPS, shuffle=False, verbose=0).history["loss"]
    got = goes_on(path)
    for step, (mine, keras_loss) in enumerate(zip(got, expected, strict=True)):
        assert_close([mine], [keras_loss], "float64 curve", f"loss of step {step}")


@pytest.mark.parametrize("name", OF_KERAS_3)
def test_keras_3(tmp_path: Path, name: str) -> None:
    container, optimizer = OF_KERAS_3[name]
    compare(keras, optimizer, tmp_path / f"m.{container}")


@pytest.mark.parametrize("name", ["adam", "nadam"])
def test_the_name_alone_in_early_releases_of_keras_3(tmp_path: Path, name: str) -> None:
    """What 3.0 to 3.2 wrote: the string that `compile` was given, and Nadam's product before the other arrays."""
    path = tmp_path / "m.keras"
    with float64(keras):
        theirs = trained(keras, name)
        theirs.save(path)
        expected = theirs.fit(*data(), batch_size=BATCH, epochs=STEPS, shuffle=False, verbose=0).history["loss"]
    edit(path, name, "3.2.1")
    assert_close(goes_on(path), expected, "float64 curve")
    edit(path, name, None)
    with pytest.raises(ValueError, match=f"The optimizer is '{name}' alone, and the file does not tell which Keras"):
        load_training(path, load_model(path))


def edit(path: Path, optimizer: str, version: str | None) -> None:
    """Make a file of Keras 3.15 one of an early release of Keras 3."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(members["config.json"])
    buffer = io.BytesIO(members["model.weights.h5"])
    if config["compile_config"]["optimizer"] != optimizer and optimizer == "nadam":
        with h5py.File(buffer, "a") as file:
            group = file["optimizer/vars"]
            kept = [group[str(number)][()] for number in range(len(group))]
            for number, array in enumerate([*kept[:2], kept[-1], *kept[2:-1]]):
                del group[str(number)]
                group[str(number)] = array
    config["compile_config"]["optimizer"] = optimizer
    members["config.json"] = json.dumps(config).encode()
    members["metadata.json"] = json.dumps({} if version is None else {"keras_version": version}).encode()
    members["model.weights.h5"] = buffer.getvalue()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


@pytest.mark.parametrize("name", OF_TF_KERAS)
def test_tf_keras(tmp_path: Path, name: str) -> None:
    container, optimizer = OF_TF_KERAS[name]
    compare(tf_keras, optimizer, tmp_path / f"m.{container}")
