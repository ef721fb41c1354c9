"""How a model was compiled, in files of Keras' and for Keras: what cannot be had is named, the rest is there."""

import io
import zipfile
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
import tf_keras

from tests.tolerances import assert_close
from torch_keras_lstm import losses
from torch_keras_lstm.conversion import convert, inspect
from torch_keras_lstm.layers import LSTM, Dense, Input
from torch_keras_lstm.losses.serialization import _NAMES
from torch_keras_lstm.models import Sequential, load_model
from torch_keras_lstm.optimizers.rules_of_old import LegacyNadam

pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file:UserWarning"),
]
X, Y = np.linspace(-1, 1, 24, dtype="float32").reshape(2, 4, 3), np.ones((2, 2), "float32")


def of_keras(k: Any, optimizer: Any, loss: Any, metrics: Any = ()) -> Any:
    model = k.Sequential([k.layers.Input((4, 3)), k.layers.LSTM(2), k.layers.Dense(2)])
    model.compile(optimizer, loss, metrics=[*metrics])
    model.fit(X, Y, verbose=0)
    return model


# of "categorical_generalized_cross_entropy" Keras 3.15.1 knows neither the function nor the class again, and the focal
# loss of class numbers came with 3.16
@pytest.mark.parametrize(
    "name", [name for name in _NAMES if "generalized" not in name and "sparse_categorical_f" not in name]
)
def test_keras_reads_the_losses_of_an_h5_file(tmp_path: Path, name: str) -> None:
    """Of its own files it reads those alone that name a loss in full."""
    model = Sequential([Input((3,)), Dense(2)])
    model.compile("adam", name)
    model.save(tmp_path / "m.h5")
    theirs = keras.models.load_model(tmp_path / "m.h5")
    assert theirs.compiled
    assert theirs.loss.__name__ == losses.deserialize(name).__name__  # type: ignore[union-attr]


def test_several_losses_in_an_h5_file(tmp_path: Path) -> None:
    model = Sequential([Input((3,)), Dense(2, name="out")])
    for loss in (["mae"], {"out": "mae"}):
        model.compile("adam", loss)
        model.save(tmp_path / "m.h5")
        assert keras.models.load_model(tmp_path / "m.h5").compiled


def own(y_true: Any, y_pred: Any) -> Any:
    return abs(y_true - y_pred)


class OwnKerasLoss(keras.losses.Loss):  # type: ignore[misc]
    def call(self, y_true: Any, y_pred: Any) -> Any:
        return keras.ops.mean(abs(y_true - y_pred), -1)


@pytest.mark.parametrize("container", ["keras", "h5"])
@pytest.mark.parametrize("loss", [own, OwnKerasLoss()], ids=["function", "class"])
def test_a_loss_of_the_authors_own(tmp_path: Path, container: str, loss: Any) -> None:
    path = tmp_path / f"m.{container}"
    of_keras(keras, "adam", loss, ["mae"]).save(path)
    name = "own" if loss is own else "OwnKerasLoss"
    model = load_model(path)
    assert model.compiled
    assert name in model.compile_error
    assert model.optimizer.iterations == 1
    with pytest.raises(ValueError, match=rf"The loss cannot be had: .*'{name}'.*`custom_objects`"):
        model.fit(X, Y, verbose=0)
    model.save(tmp_path / "again.keras")  # the name is kept
    given = load_model(tmp_path / "again.keras", custom_objects={name: own})
    assert given.compile_error == ""
    given.fit(X, Y, verbose=0)
    assert given.optimizer.iterations == 2
    model.compile(model.optimizer, "mse")
    model.fit(X, Y, verbose=0)
    assert model.optimizer.iterations == 2


def test_a_metric_of_the_authors_own(tmp_path: Path) -> None:
    path = tmp_path / "m.keras"
    of_keras(keras, "adam", "mse", ["mae", own]).save(path)
    model = load_model(path)
    assert model.optimizer.iterations == 1
    assert "A metric cannot be had: `metrics`: expected the name of a Keras metric, got 'own'." in model.compile_error
    with pytest.raises(ValueError, match=r"A metric cannot be had: .*'own'"):
        model.evaluate(X, Y, verbose=0)
    assert load_model(path, custom_objects={"own": own}).evaluate(X, Y, verbose=0)


def test_an_optimizer_of_the_authors_own(tmp_path: Path) -> None:
    class Mine(keras.optimizers.SGD):  # type: ignore[misc]
        pass

    path = tmp_path / "m.keras"
    of_keras(keras, Mine(0.1), "mse", ["mae"]).save(path)
    model = load_model(path)
    assert {"loss", "mae"} <= model.evaluate(X, Y, verbose=0, return_dict=True).keys()
    with pytest.raises(ValueError, match=r"without an optimizer.*The optimizer cannot be had: .*'Mine'"):
        model.fit(X, Y, verbose=0)
    assert any("Mine" in note for note in inspect(path).notes)


@pytest.mark.parametrize("container", ["keras", "h5"])
def test_convert_keeps_the_compilation(tmp_path: Path, container: str) -> None:
    path = tmp_path / f"m.{container}"
    of_keras(keras, keras.optimizers.Adam(0.05), "mean_squared_error", ["mae"]).save(path)
    report = convert(path, tmp_path / "converted")
    assert "optimizer" not in report.left
    curves = [load_model(place).fit(X, Y, epochs=3, verbose=0).history for place in (path, tmp_path / "converted")]
    assert curves[0] == curves[1]
    assert "mae" in curves[0]


def test_convert_says_what_of_the_compilation_it_loses(tmp_path: Path) -> None:
    path = tmp_path / "m.keras"
    of_keras(keras, "adam", own).save(path)
    report = convert(path, tmp_path / "converted")
    assert any("How it was compiled is not all kept: The loss cannot be had" in note for note in report.notes)
    again = load_model(tmp_path / "converted", custom_objects={"own": own})
    assert again.fit(X, Y, verbose=0)
    assert again.optimizer.iterations == 2


def test_a_rule_that_keras_3_has_not(tmp_path: Path) -> None:
    path = tmp_path / "m.h5"
    of_keras(tf_keras, tf_keras.optimizers.legacy.Nadam(0.05), "mean_squared_error").save(path)
    model = load_model(path)
    assert isinstance(model.optimizer, LegacyNadam)
    with pytest.warns(UserWarning, match=r"without how it is compiled: .*LegacyNadam.*`model.save\('folder'\)` keeps"):
        model.save(tmp_path / "m.keras")
    assert not keras.models.load_model(tmp_path / "m.keras").compiled
    model.save(tmp_path / "folder")
    curves = [load_model(place).fit(X, Y, epochs=3, verbose=0).history for place in (path, tmp_path / "folder")]
    assert curves[0] == curves[1]


WHOLE: dict[str, Any] = {
    "Adafactor": lambda k: k.optimizers.Adafactor(0.05),
    "Lamb": lambda k: k.optimizers.Lamb(0.05),
    "Muon": lambda k: k.optimizers.Muon(0.05),
    "LossScaleOptimizer": lambda k: k.optimizers.LossScaleOptimizer(k.optimizers.Adam(0.05), initial_scale=8.0),
}


@pytest.mark.parametrize("name", WHOLE)
def test_optimizers_that_keep_variables_of_whole_weights_go_on(tmp_path: Path, name: str) -> None:
    path = tmp_path / "m.keras"
    theirs = of_keras(keras, WHOLE[name](keras), "mean_squared_error")
    theirs.save(path)
    ours = load_model(path)
    assert ours.compile_error == ""
    assert ours.optimizer.iterations == 1
    got, expected = (model.fit(X, Y, epochs=4, shuffle=False, verbose=0).history["loss"] for model in (ours, theirs))
    assert_close(got, expected, "float32 curve")


@pytest.mark.parametrize("name", ["Lamb", "LossScaleOptimizer"])
def test_their_damaged_states_are_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / "m.keras"
    of_keras(keras, WHOLE[name](keras), "mean_squared_error").save(path)
    with zipfile.ZipFile(path) as archive:
        members = {member: archive.read(member) for member in archive.namelist()}
    buffer = io.BytesIO(members["model.weights.h5"])
    with h5py.File(buffer, "a") as file:
        places = [place for place in file["optimizer/vars"] if file["optimizer/vars"][place].ndim == 2]
        velocity = sorted(places, key=int)[1]
        file[f"optimizer/vars/{velocity}"][...] = -1.0
    with zipfile.ZipFile(path, "w") as archive:
        for member, content in members.items():
            archive.writestr(member, buffer.getvalue() if member == "model.weights.h5" else content)
    assert "_velocity` needs numbers that are not negative, but the file has -1." in load_model(path).compile_error


def test_a_state_laid_out_by_cudnn_begins_anew(tmp_path: Path) -> None:
    """Two biases are trained where there is one here."""
    path = tmp_path / "m.h5"
    ours = Sequential([Input((4, 3)), LSTM(2), Dense(2)])
    ours.compile("adam", "mean_squared_error")
    ours.fit(X, Y, verbose=0)
    ours.save(path)
    two_biases(path)
    with pytest.warns(UserWarning, match=r"layer `lstm\w*` was trained by cuDNN with two biases.*begins anew"):
        loaded = load_model(path)
    assert loaded.optimizer.iterations == 0
    loaded.fit(X, Y, verbose=0)


def two_biases(path: Path) -> None:
    """The optimizer's arrays of the LSTM's bias, and the bias itself, as `CuDNNLSTM` of Keras 2 has them."""
    with h5py.File(path, "a") as file:
        found: list[str] = []
        file.visititems(lambda name, item: found.append(name) if "lstm" in name and "bias" in name else None)
        for name in found:
            if isinstance(file[name], h5py.Dataset) and file[name].shape == (8,):
                values = file[name][()]
                del file[name]
                file[name] = np.concatenate([values / 2, values / 2])
