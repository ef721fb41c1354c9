"""Every container that Keras 3 and tf_keras write today, written by them and read without them."""

import pickle
import shutil
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras
import torch
from keras.src.saving import saving_lib
from tf_keras.src.saving import saving_lib as tf_keras_saving
from tf_keras.src.saving.legacy import hdf5_format

from tests.parity.precision import float64
from tests.tolerances import assert_close
from torch_keras_lstm.conversion import inspect, load_model
from torch_keras_lstm.conversion.cudnn import cudnn_layouts
from torch_keras_lstm.layers import LSTM, Bidirectional, Dense, Dropout
from torch_keras_lstm.models import Model, Sequential

B, T, F, U, V = 3, 6, 5, 4, 2

pytestmark = pytest.mark.filterwarnings(
    "ignore:You are saving your model as an HDF5 file",
    "ignore:The save_format. argument is deprecated",
    "ignore:Skipping variable loading",
    "ignore:__array__ implementation",  # TensorFlow's own arrays
    "ignore::DeprecationWarning:google",
)


@pytest.fixture(scope="module", autouse=True)
def _float64() -> Iterator[None]:
    with float64(keras, tf_keras):
        yield


@pytest.fixture(scope="module")
def originals() -> dict[str, Any]:
    """A trained model of either library, made once."""
    return {library.__name__: _original(library) for library in (keras, tf_keras)}


@pytest.fixture(scope="module")
def folder(originals: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SavedModel of tf_keras with its metadata, saved once: that takes seconds."""
    path = tmp_path_factory.mktemp("saved") / "folder"
    originals["tf_keras"].save(str(path), save_format="tf")
    return path


def _original(library: Any) -> Any:
    layers = library.layers
    model = library.Sequential(
        [
            library.Input((T, F)),
            layers.LSTM(U, return_sequences=True, name="enc"),
            layers.Dropout(0.5, name="drop"),
            layers.Bidirectional(layers.LSTM(V), name="both"),
            layers.Dense(3, activation="softmax", name="out"),
        ]
    )
    random = np.random.default_rng(4)
    model.set_weights([random.normal(size=weight.shape) for weight in model.get_weights()])
    model.compile("adam", "mse", run_eagerly=True)  # for one batch a graph takes far longer
    model.train_on_batch(random.normal(size=(B, T, F)), random.normal(size=(B, 3)))
    return model


def _ours(names: tuple[str, str, str] = ("enc", "both", "out")) -> Sequential:
    """The same model in PyTorch, with other weights."""
    enc, both, out = names
    return Sequential(
        [
            LSTM(U, return_sequences=True, input_shape=(T, F), dtype="float64", name=enc),
            Dropout(0.5, dtype="float64"),
            Bidirectional(LSTM(V, dtype="float64"), dtype="float64", name=both),
            Dense(3, activation="softmax", dtype="float64", name=out),
        ]
    ).eval()


def _assert_same(ours: Model, original: Any) -> None:
    x = np.random.default_rng(1).normal(size=(B, T, F))
    with torch.no_grad():
        got = ours(torch.from_numpy(x))
    assert_close(got, original(x, training=False), "float64")


def _checkpoint(model: Any, path: Path) -> Path:
    return Path(tf.train.Checkpoint(model=model).save(str(path / "checkpoint")))


def _exported(model: Any, path: Path) -> Path:
    model.export(str(path / "folder"), verbose=False)
    return path / "folder"


def _weights(name: str, **options: Any) -> Callable[[Any, Path], Path]:
    def save(model: Any, path: Path) -> Path:
        model.save_weights(str(path / name), **options)
        return path / name

    return save


def _whole(name: str) -> Callable[[Any, Path], Path]:
    def save(model: Any, path: Path) -> Path:
        model.save(str(path / name))
        return path / name

    return save


WEIGHTS = [
    pytest.param(library, save, id=f"{library.__name__}-{name}")
    for library, name, save in (
        (keras, "weights.h5", _weights("w.weights.h5")),
        (keras, "sharded", _weights("w.weights.json", max_shard_size=2e-6)),
        (keras, "keras", _whole("m.keras")),
        (keras, "h5", _whole("m.h5")),
        (keras, "export", _exported),
        (keras, "checkpoint", _checkpoint),
        (tf_keras, "weights.h5", _weights("w.weights.h5")),
        (tf_keras, "legacy", _weights("w.h5")),
        (tf_keras, "save_weights-tf", _weights("prefix", save_format="tf")),
        (tf_keras, "keras", _whole("m.keras")),
        (tf_keras, "h5", _whole("m.h5")),
        (tf_keras, "checkpoint", _checkpoint),
    )
]


@pytest.mark.parametrize(("library", "save"), WEIGHTS)
def test_weights_into_a_model_of_other_names(
    tmp_path: Path, originals: dict[str, Any], library: Any, save: Callable[[Any, Path], Path]
) -> None:
    original = originals[library.__name__]
    ours = _ours(names=("lstm_7", "bidirectional_3", "dense_1"))
    ours.load_weights(save(original, tmp_path))
    _assert_same(ours, original)


def test_a_saved_model_with_keras_metadata_is_a_whole_model(originals: dict[str, Any], folder: Path) -> None:
    _assert_same(load_model(folder), originals["tf_keras"])
    report = inspect(folder)
    assert (report.container, [layer.name for layer in report.layers]) == ("SavedModel", ["enc", "drop", "both", "out"])
    assert report.left["optimizer"] > 20
    ours = _ours()
    ours.load_weights(folder)
    _assert_same(ours, originals["tf_keras"])


def test_an_architecture_and_a_checkpoint(tmp_path: Path, originals: dict[str, Any]) -> None:
    original = originals["tf_keras"]
    (tmp_path / "a.json").write_text(original.to_json())
    prefix = _checkpoint(original, tmp_path)
    for weights in (prefix, prefix.with_name(f"{prefix.name}.index"), tmp_path):
        _assert_same(load_model(tmp_path / "a.json", weights), original)


def test_a_saved_model_without_keras_metadata_is_weights(
    tmp_path: Path, originals: dict[str, Any], folder: Path
) -> None:
    path = tmp_path / "plain"
    shutil.copytree(folder, path)
    (path / "keras_metadata.pb").unlink()
    with pytest.raises(ValueError, match=r"without an architecture\. .* `model\.load_weights\('.*plain'\)`"):
        load_model(path)
    ours = _ours()
    ours.load_weights(path)
    _assert_same(ours, originals["tf_keras"])


@pytest.mark.parametrize(
    ("library", "save"), [(keras, _exported), (tf_keras, _checkpoint)], ids=["export", "checkpoint"]
)
def test_what_has_no_architecture_says_so(
    tmp_path: Path, originals: dict[str, Any], library: Any, save: Callable[[Any, Path], Path]
) -> None:
    path = save(originals[library.__name__], tmp_path)
    with pytest.raises(ValueError, match=r"architecture.* `model\.load_weights\('.*(folder|checkpoint-1)'\)`"):
        load_model(path)


def test_sharded_weights_inside_of_an_archive(tmp_path: Path, originals: dict[str, Any]) -> None:
    original = originals["keras"]
    original.save(tmp_path / "m.keras")
    original.save_weights(tmp_path / "model.weights.json", max_shard_size=2e-6)
    shards = [*tmp_path.glob("model*.weights.h5")]
    assert len(shards) > 2
    _replace_weights(tmp_path, ["model.weights.json", *(shard.name for shard in shards)])
    _assert_same(load_model(tmp_path / "new.keras"), original)


def _replace_weights(folder: Path, names: list[str]) -> None:
    with zipfile.ZipFile(folder / "m.keras") as old, zipfile.ZipFile(folder / "new.keras", "w") as new:
        for name in ("metadata.json", "config.json"):
            new.writestr(name, old.read(name))
        for name in names:
            new.write(folder / name, name)


def _with_npz(original: Any, path: Path) -> Path:
    """A ``.keras`` archive with pickled weights: no public function of Keras writes one, its savers do."""
    if isinstance(original, keras.Model):
        with path.open("wb") as file:
            saving_lib._save_model_to_fileobj(original, file, "npz")
    else:
        tf_keras_saving.save_model(original, str(path), weights_format="npz")
    return path


@pytest.mark.parametrize("library", ["keras", "tf_keras"])
def test_pickled_weights_are_read_without_unpickling(
    tmp_path: Path, originals: dict[str, Any], library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keras 3 pickles its own ``Variable`` with TensorFlow's inside, tf_keras NumPy's arrays."""
    original = originals[library]
    path = _with_npz(original, tmp_path / "m.keras")
    monkeypatch.setattr(pickle, "load", None)
    monkeypatch.setattr(pickle, "loads", None)
    _assert_same(load_model(path), original)
    assert inspect(path).left["optimizer"] > 10
    ours = _ours()
    ours.load_weights(path)
    _assert_same(ours, original)


def test_a_model_that_keras_did_not_zip(tmp_path: Path, originals: dict[str, Any]) -> None:
    original = originals["keras"]
    original.save(tmp_path / "folder", zipped=False)
    _assert_same(load_model(tmp_path / "folder"), original)
    assert inspect(tmp_path / "folder").container == ".keras folder"
    ours = _ours()
    ours.load_weights(tmp_path / "folder")
    _assert_same(ours, original)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.parametrize("name", ["m.keras", "npz.keras", "w.weights.h5", "checkpoint"])
def test_half_precision_weights_come_as_they_are(tmp_path: Path, dtype: str, name: str) -> None:
    layers = keras.layers
    original = keras.Sequential(
        [keras.Input((T, F), dtype=dtype), layers.LSTM(U, recurrent_initializer="zeros", dtype=dtype, name="enc")]
    )
    random = np.random.default_rng(6)
    for weight in original.weights:
        weight.assign(random.normal(size=weight.shape))
    if name == "checkpoint":
        path = _checkpoint(original, tmp_path)
    elif name == "npz.keras":
        path = _with_npz(original, tmp_path / name)
    else:
        path = tmp_path / name
        (original.save if name.endswith(".keras") else original.save_weights)(path)
    ours = LSTM(U, input_size=F, dtype="float32", name="enc")
    Sequential([ours]).load_weights(path)
    for mine, theirs in zip(ours.get_weights(), original.weights, strict=True):
        assert np.array_equal(mine, tf.cast(theirs.value, "float32"))


@pytest.mark.parametrize(("gates", "layer"), [(4, "LSTM"), (3, "GRU")])
def test_cudnn_weights_are_turned_as_tf_keras_turns_them(gates: int, layer: str) -> None:
    random = np.random.default_rng(2)
    saved = [random.normal(size=shape) for shape in ((F, gates * U), (U, gates * U), (2 * gates * U,))]
    target = getattr(tf_keras.layers, layer)(U)
    expected = hdf5_format._convert_rnn_weights(target, saved)
    names = ("kernel", "recurrent_kernel", "bias")
    wanted = {name: array.shape for name, array in zip(names, expected, strict=True)}
    layouts = cudnn_layouts(wanted, {name: array.shape for name, array in zip(names, saved, strict=True)})
    for name, array, turned in zip(names, saved, expected, strict=True):
        assert np.array_equal(layouts[name].to_keras(array), turned)
