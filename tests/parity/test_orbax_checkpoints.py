"""Checkpoints that Keras' `OrbaxCheckpoint` writes here and now."""

import warnings
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.tolerances import assert_close
from torch_keras_lstm.models import load_model

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # TensorFlow's own

OPTIMIZERS = {
    "adam": lambda: keras.optimizers.Adam(0.02, amsgrad=True),
    "adadelta": lambda: keras.optimizers.Adadelta(0.5),
    "ftrl": lambda: keras.optimizers.Ftrl(0.05),
    "lamb": lambda: keras.optimizers.Lamb(0.02),
    "nadam": lambda: keras.optimizers.Nadam(0.02),
    "rmsprop": lambda: keras.optimizers.RMSprop(0.01, momentum=0.5, centered=True),
    "sgd": lambda: keras.optimizers.SGD(keras.optimizers.schedules.ExponentialDecay(0.1, 3, 0.5), momentum=0.7),
}

ROWS = ("adadelta", "lamb", "nadam", "rmsprop")  # those whose variables are named otherwise than Adam's and SGD's


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


@pytest.mark.parametrize(("name", "make"), [("adam", _graph), ("sgd", _loaded), *((name, _row) for name in ROWS)])
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


def test_vocabularies_stand_beside_the_weights(tmp_path: Path) -> None:
    """Keras 3.15.1 keeps them as arrays of bytes."""
    layers, text = keras.layers, keras.layers.TextVectorization(output_sequence_length=4)
    text.adapt(["the cat sat", "on the mat \u00e9"])
    words, letters = keras.Input((1,), dtype="string"), keras.Input((1,), dtype="string")
    one_hot = layers.StringLookup(vocabulary=["a", "b", "c"], output_mode="one_hot")(letters)
    sequence = layers.LSTM(4)(layers.Embedding(12, 3)(text(words)))
    model = keras.Model([words, letters], layers.Dense(2)(layers.Concatenate()([sequence, one_hot])))
    model.compile("sgd", "mse")
    said = [["the cat"], ["mat on \u00e9 zz"]], [["a"], ["c"]]
    saved = keras.callbacks.OrbaxCheckpoint(str(tmp_path / "ck"), save_on_background=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Orbax'
        model.fit([*map(tf.constant, said)], np.ones((2, 2), "float32"), verbose=0, callbacks=[saved])
    expected = model.predict([*map(tf.constant, said)], verbose=0)
    ours = load_model(tmp_path / "ck")
    assert_close(ours.predict([*map(np.array, said)], verbose=0), expected, "float32 model")
