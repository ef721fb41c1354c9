"""Checkpoints that Keras' `OrbaxCheckpoint` writes here and now; where orbax-checkpoint is installed."""

import warnings
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tests.tolerances import assert_close
from torch_keras_lstm.models import load_model

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # TensorFlow's own
pytest.importorskip("tensorstore", reason="tensorstore is not installed, an extra of its own")
pytest.importorskip("orbax.checkpoint", reason="orbax-checkpoint is not installed")

OPTIMIZERS = {
    "adam": lambda: keras.optimizers.Adam(0.02, amsgrad=True),
    "adadelta": lambda: keras.optimizers.Adadelta(0.5),
    "ftrl": lambda: keras.optimizers.Ftrl(0.05),
    "lamb": lambda: keras.optimizers.Lamb(0.02),
    "nadam": lambda: keras.optimizers.Nadam(0.02),
    "rmsprop": lambda: keras.optimizers.RMSprop(0.01, momentum=0.5, centered=True),
    "sgd": lambda: keras.optimizers.SGD(keras.optimizers.schedules.ExponentialDecay(0.1, 3, 0.5), momentum=0.7),
}


def _graph() -> Any:
    layers = keras.layers
    x = layers.Input((5, 3), name="x")
    steps = layers.Bidirectional(layers.GRU(4, return_sequences=True))(x)
    cells = layers.RNN([layers.LSTMCell(3), layers.SimpleRNNCell(2)])(steps)
    inner = keras.Sequential([layers.Input((8,)), layers.Dense(3, "tanh"), layers.BatchNormalization()], name="inner")
    last = inner(layers.GlobalAveragePooling1D()(steps))
    return keras.Model(x, layers.Dense(2)(layers.Concatenate()([last, cells])))


def _row() -> Any:
    layers = keras.layers
    frozen, normal = layers.Dense(3, trainable=False), layers.LayerNormalization()
    return keras.Sequential([layers.Input((5, 3)), frozen, layers.LSTM(4), normal, layers.Dense(2)])


def _loaded(folder: Path) -> Any:
    """Its variables have other paths than those of a model that was made."""
    _graph().save(folder / "m.keras")
    return keras.models.load_model(folder / "m.keras")


@pytest.mark.parametrize(("name", "make"), [("adam", _graph), ("sgd", _loaded), *((name, _row) for name in OPTIMIZERS)])
def test_training_goes_on_from_a_checkpoint(tmp_path: Path, name: str, make: Any) -> None:
    random = np.random.default_rng(5)
    x, y = random.normal(size=(6, 5, 3)).astype(np.float32), random.normal(size=(6, 2)).astype(np.float32)
    model = make(tmp_path) if make is _loaded else make()
    model.compile(OPTIMIZERS[name](), "mse")
    saved = keras.callbacks.OrbaxCheckpoint(str(tmp_path / "ck"), save_on_background=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Orbax'
        model.fit(x, y, epochs=2, batch_size=3, shuffle=False, verbose=0, callbacks=[saved])
    ours = load_model(tmp_path / "ck")
    assert ours.compile_error == ""
    assert_close(ours.predict(x, verbose=0), model.predict(x, verbose=0), "float32 model")
    curve, theirs = (
        one.fit(x, y, epochs=3, batch_size=3, shuffle=False, verbose=0).history["loss"] for one in (ours, model)
    )
    assert_close(curve, theirs, "float32 curve")
