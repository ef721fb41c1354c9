"""``.weights.h5`` of model classes of one's own: Keras reads what is written here, and the other way round."""

from collections.abc import Generator
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
import tf_keras

import torch_keras_lstm
from tests.parity.precision import float64
from tests.tolerances import assert_close
from torch_keras_lstm.callbacks import ModelCheckpoint

pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),  # Keras saving its own variables
    pytest.mark.filterwarnings("ignore:Layer .* does not support masking:UserWarning"),
]

_random = np.random.default_rng(0)
X, Y = _random.normal(size=(3, 4, 2)), _random.normal(size=(3, 4, 5))


def _model(k: Any) -> Any:
    """Names before and after "layers", two for one layer, a private one, layers in layers, a model in the model."""
    layers = k.layers

    class Own(layers.Layer):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.second = layers.Dense(3)
            self.first = layers.Dense(2)

        def call(self, x: Any) -> Any:
            return self.first(self.second(x))

    class Whole(k.Model):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.zone = layers.Dense(5, name="zone")
            self.lstm = layers.LSTM(3, return_sequences=True, name="lstm")
            self.embed = layers.Dense(4, name="embed")
            self.bidirectional = layers.Bidirectional(layers.GRU(2, return_sequences=True), name="bidirectional")
            self.part = k.Sequential([layers.Dense(2, name="a"), layers.Dense(3, name="b")], name="part")
            self.own = Own()
            self.again = self.embed
            self._private = layers.Dense(4, name="private")

        def call(self, x: Any) -> Any:
            x = self._private(self.again(self.lstm(x)))
            return self.zone(self.own(self.part(self.bidirectional(x))))

    return Whole()


def _model_of_containers(k: Any) -> Any:
    """Lists, dictionaries and tuples of layers, and weights of the model's own."""
    layers = k.layers

    class Containers(k.Model):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.blocks = [layers.Dense(3), layers.LSTM(2, return_sequences=True), layers.Dense(4)]
            self.named = {"b": layers.Dense(2), "a": [layers.Dense(6)]}
            self.several = (layers.Dense(7),)
            self.head = layers.Dense(5)
            self.scale = self.add_weight(shape=(5,), name="scale", initializer="ones")

        def call(self, x: Any) -> Any:
            for block in self.blocks:
                x = block(x)
            return self.head(self.several[0](self.named["a"][0](self.named["b"](x)))) * self.scale

    return Containers()


def _model_before_layers(k: Any) -> Any:
    """Every layer stands under an attribute that comes before "layers", so that no array stands under that."""
    layers = k.layers

    class Before(k.Model):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.blocks = [layers.Dense(3), layers.LSTM(2, return_sequences=True)]
            self.head = layers.Dense(5)

        def call(self, x: Any) -> Any:
            for block in self.blocks:
                x = block(x)
            return self.head(x)

    return Before()


def _trained(k: Any, make: Any = _model) -> Any:
    model = make(k)
    model.compile("adam", "mse")
    model.fit(X, Y, shuffle=False, verbose=0)
    return model


def _arrays_of(path: Path) -> dict[str, tuple[int, ...]]:
    found: dict[str, tuple[int, ...]] = {}
    with h5py.File(path) as file:
        file.visititems(lambda name, one: found.update({name: one.shape}) if isinstance(one, h5py.Dataset) else None)
    return found


def _assert_same(ours: Any, theirs: Any, what: str) -> None:
    assert_close(ours.predict(X, verbose=0), theirs.predict(X, verbose=0), "float64 curve", what)


@pytest.fixture(autouse=True)
def _double() -> Generator[None, None, None]:
    keras.backend.clear_session(free_memory=False)
    torch_keras_lstm.backend.set_floatx("float64")
    yield
    torch_keras_lstm.backend.set_floatx("float32")


@pytest.fixture
def ours() -> Any:
    return _trained(torch_keras_lstm)


@pytest.mark.parametrize("make", [_model, _model_of_containers, _model_before_layers])
def test_weights_and_optimizer_go_through_keras_3s_files_in_both_directions(make: Any, tmp_path: Path) -> None:
    with float64(keras):
        theirs, ours = _trained(keras, make), _trained(torch_keras_lstm, make)
        theirs.save_weights(tmp_path / "theirs.weights.h5")
        ours.load_weights(tmp_path / "theirs.weights.h5")
        _assert_same(ours, theirs, "as read from Keras' file")
        for model in (ours, theirs):
            model.fit(X, Y, shuffle=False, verbose=0)
        _assert_same(ours, theirs, "trained further with the optimizer's state")
        ours.fit(X, Y, shuffle=False, verbose=0)
        ours.save_weights(tmp_path / "ours.weights.h5")
        assert _arrays_of(tmp_path / "ours.weights.h5") == _arrays_of(tmp_path / "theirs.weights.h5")
        theirs.load_weights(tmp_path / "ours.weights.h5")
        _assert_same(ours, theirs, "as Keras reads our file")


@pytest.mark.parametrize("name", ["theirs.weights.h5", "theirs.h5"])
def test_weights_of_tf_keras_are_read(ours: Any, name: str, tmp_path: Path) -> None:
    with float64(tf_keras):
        theirs = _model(tf_keras)
        theirs(X)
        theirs.save_weights(tmp_path / name)
        ours.load_weights(tmp_path / name)
        _assert_same(ours, theirs, name)


def test_a_checkpoint_of_weights_is_read_again(ours: Any, tmp_path: Path) -> None:
    path = tmp_path / "best.weights.h5"
    ours.fit(X, Y, verbose=0, callbacks=[ModelCheckpoint(path, save_weights_only=True, monitor="loss")])
    expected = ours.predict(X, verbose=0)
    ours.fit(X, Y, verbose=0)
    ours.load_weights(path)
    assert np.array_equal(ours.predict(X, verbose=0), expected)


def test_what_has_no_weights_yet_is_not_saved(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="has no weights to be saved yet: call it once"):
        _model(torch_keras_lstm).save_weights(tmp_path / "a.weights.h5")
