"""Checkpoints of Keras' `OrbaxCheckpoint`, which tests/golden/make_orbax.py made."""

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorstore
import torch

from tests.tolerances import assert_close
from torch_keras_lstm.conversion import convert, inspect, load_model, load_weights
from torch_keras_lstm.conversion.model_folder import models_in
from torch_keras_lstm.conversion.optimizer_state import saved_state
from torch_keras_lstm.layers import LSTM, BatchNormalization, Bidirectional, Dense, Input
from torch_keras_lstm.models import Sequential

GOLDEN = Path(__file__).parents[1] / "golden" / "keras_3.15.1_orbax"
ANSWER = np.load(GOLDEN / "answer.npz")


def _answer(model: Any) -> Any:
    with torch.no_grad():
        return model(torch.from_numpy(ANSWER["x0"]))


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    """A copy of a whole checkpoint, to break."""
    return Path(shutil.copytree(GOLDEN / "whole", tmp_path / "whole"))


def test_a_whole_model_with_its_optimizer() -> None:
    """Keras 3.15.1 itself gives this model fresh weights: a loaded one has other names than those in the checkpoint."""
    model = load_model(GOLDEN / "whole", compile=True)
    assert_close(_answer(model), ANSWER["y0"], "float32 model")
    assert (model.loss, model.compile_error) == ("mse", "")
    kept = {name.partition("/")[2]: array for name, array in saved_state(model.optimizer, model, [*model.layers])}
    assert kept.keys() == {name.replace("sequential_", "") for name in ANSWER if name not in ("x0", "y0")}
    for name in kept:
        saved = ANSWER[name if name in ("iteration", "learning_rate") else f"sequential_{name}"]
        assert_close(kept[name], saved, "float32 elementwise", name)
    report = inspect(GOLDEN / "whole")
    assert (report.container, report.written_by) == ("Orbax checkpoint", "Keras 3")
    assert report.left == {"optimizer": 28, "metrics": 4, "random state": 3}


def _state(model: Any) -> dict[str, Any]:
    return {variable.path: variable.detach().numpy().copy() for variable in model.optimizer.variables}


def test_weights_alone(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="holds weights without an architecture"):
        load_model(GOLDEN / "weights")
    strings = GOLDEN / "whole" / "1" / "model_config" / "_strings.json"
    (tmp_path / "model.json").write_text(json.loads(strings.read_text())["config"])
    assert_close(_answer(load_model(tmp_path / "model.json", GOLDEN / "weights")), ANSWER["y0"], "float32 model")


@pytest.mark.parametrize("name", ["whole", "whole/1", "weights", "weights/1"])
def test_into_a_model_with_an_optimizer(name: str) -> None:
    model = load_model(GOLDEN / "whole", compile=True)
    before = _state(model)
    model.fit(ANSWER["x0"], np.zeros((6, 2), np.float32), verbose=0)
    load_weights(model, GOLDEN / name)
    assert_close(_answer(model.eval()), ANSWER["y0"], "float32 model")
    restored = all(np.array_equal(after, before[path]) for path, after in _state(model).items())
    assert restored == name.startswith("whole")


def test_names_are_not_guessed() -> None:
    """Orbax sorts the variables, so that their order tells nothing of the model's."""
    layers = [Bidirectional(LSTM(4, return_sequences=True), name="b"), BatchNormalization(name="n")]
    model = Sequential([Input((5, 3)), *layers, LSTM(3, name="l"), Dense(2, name="d")])
    with pytest.raises(ValueError, match=r"weights for 4 layers \(batch_normalization, bidirectional, dense, lstm_1\)"):
        load_weights(model, GOLDEN / "weights")


def test_the_latest_step_is_taken(whole: Path) -> None:
    shutil.copytree(GOLDEN / "whole" / "1", whole / "10")
    strings = whole / "10" / "model_config" / "_strings.json"
    strings.write_text(strings.read_text().replace("sequential", "of_step_ten"))
    (whole / "11").mkdir()  # a step that was begun
    assert load_model(whole).name == "of_step_ten"
    assert load_model(whole / "1").name == "sequential"


def test_in_a_folder_of_models(tmp_path: Path) -> None:
    shutil.copytree(GOLDEN, tmp_path / "models")
    (tmp_path / "models" / "answer.npz").unlink()
    found = models_in(tmp_path / "models")
    assert [file.path.name for file in found] == ["weights", "whole"]
    convert(found[1].path, tmp_path / "converted")
    model = load_model(tmp_path / "converted", compile=True)
    assert_close(_answer(model), ANSWER["y0"], "float32 model")
    assert _state(model)["adam/iteration"] == 6


def test_another_optimizer_begins_anew(whole: Path) -> None:
    strings = whole / "1" / "model_config" / "_strings.json"
    config = json.loads(json.loads(strings.read_text())["config"])
    config["compile_config"]["optimizer"]["config"]["amsgrad"] = True
    strings.write_text(json.dumps({"config": json.dumps(config)}))
    with pytest.warns(UserWarning, match="_velocity_hat` is only in one of them.* The optimizer begins anew"):
        assert _state(load_model(whole, compile=True))["adam/iteration"] == 0


def _metadata(change: Callable[[Any], None]) -> Callable[[Path], None]:
    def damage(step: Path) -> None:
        path = step / "pytree" / "_METADATA"
        table = json.loads(path.read_text())
        change(table)
        path.write_text(json.dumps(table))

    return damage


def _described(change: Callable[[Any], None]) -> Callable[[Path], None]:
    """Another description of an array, in the store itself."""

    def damage(step: Path) -> None:
        base = {"driver": "ocdbt", "base": f"file://{step / 'pytree'}/"}
        store, key = tensorstore.KvStore.open(base).result(), "trainable_variables.sequential.dense.kernel/zarr.json"
        table = json.loads(store.read(key).result().value)
        change(table)
        store.write(key, json.dumps(table)).result()

    return damage


def _first(table: Any) -> Any:
    return next(iter(table["tree_metadata"].values()))["key_metadata"]


def _write_strings(text: str) -> Callable[[Path], None]:
    def damage(step: Path) -> None:
        (step / "model_config" / "_strings.json").write_text(text)

    return damage


def _link(step: Path) -> None:
    (step / "pytree" / "manifest.ocdbt").rename(step / "elsewhere")
    (step / "pytree" / "manifest.ocdbt").symlink_to(step / "elsewhere")


def _cut(step: Path) -> None:
    (step / "pytree" / "manifest.ocdbt").write_bytes(b"12")


BROKEN: dict[str, tuple[Callable[[Path], None], str]] = {
    "somebody else's": (
        _metadata(lambda table: _first(table)[0].update(key="params")),
        "was not written by Keras' `OrbaxCheckpoint`: it has `params`, not trainable_variables",
    ),
    "an array that is not there": (
        _metadata(lambda table: _first(table)[1].update(key="nothing")),
        "lists an array `metrics_variables.nothing.count` that it does not hold",
    ),
    "no names": (_metadata(lambda table: _first(table).clear()), "must have `key_metadata`, a list of at least two"),
    "no tree": (_metadata(lambda table: table.update(tree_metadata=[])), "`tree_metadata` of .* must be an object of"),
    "another layout": (_metadata(lambda table: table.update(use_zarr3=False)), "in a layout that no Keras writes"),
    "a link": (_link, r"`pytree/manifest.ocdbt` is a link, and links are not followed"),
    "no store": (_cut, "cannot be read: "),
    "no configuration": (_write_strings("{}"), "must hold the model's configuration as text, under `config`"),
    "a huge array": (
        _described(lambda table: table.update(shape=[10**9, 10**9])),
        r"weight `kernel` of layer `dense` needs shape \(3, 2\), but .* has \(1000000000, 1000000000\)",
    ),
    "a huge chunk": (
        _described(lambda table: table["chunk_grid"]["configuration"].update(chunk_shape=[10**6, 10**6])),
        r"has the shape \(3, 2\), but chunks of \(1000000, 1000000\)",
    ),
    "no shape": (_described(lambda table: table.update(shape=None)), "must give its shape, and that of its chunks"),
    "text": (_described(lambda table: table.update(data_type="string")), "has type 'string'; numbers are expected"),
    "a codec": (_described(lambda table: table.update(codecs=[])), r"kernel` cannot be read: "),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_broken_checkpoints(whole: Path, kind: str) -> None:
    damage, message = BROKEN[kind]
    damage(whole / "1")
    with pytest.raises(ValueError, match=message) as raised:
        load_model(whole)
    assert str(raised.value).startswith(f"{whole}: ")
    assert "\n" not in str(raised.value)


def test_without_tensorstore(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorstore", None)
    with pytest.raises(ValueError, match=r"`tensorstore`, which is not installed: `pip install 'torch-keras-lstm\[orb"):
        load_model(GOLDEN / "whole")
