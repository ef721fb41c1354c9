"""Layers of an author's own in files of live Keras: with weights and layers inside, without `get_config`."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tests.tolerances import assert_close
from torch_keras_lstm.layers import LSTM, Dense, Layer
from torch_keras_lstm.models import load_model

pytestmark = [
    pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file:UserWarning"),
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"),
]
TIME, FEATURES = 7, 4


class Block(keras.layers.Layer):  # type: ignore[misc]
    """Two layers and no `get_config`: Keras writes no name down."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.first = keras.layers.Dense(5)
        self.second = keras.layers.LSTM(3, return_sequences=True)

    def call(self, inputs: Any) -> Any:
        return self.second(self.first(inputs))


class OurBlock(Layer):
    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.first = Dense(5)
        self.second = LSTM(3, return_sequences=True)

    def build(self, input_shape: Any) -> None:
        self.first.build(input_shape)
        self.second.build((*input_shape[:-1], 5))

    @property
    def built(self) -> bool:
        return self.second.built

    def forward(self, inputs: Any) -> Any:
        return self.second(self.first(inputs))

    def compute_output_shape(self, input_shape: Any) -> Any:
        return (*input_shape[:-1], 3)


@pytest.mark.parametrize("container", ["keras", "h5"])
def test_layers_inside_a_layer(tmp_path: Path, container: str) -> None:
    keras.layers.Dense(1)  # so that inner layers are not numbered from the start
    model = keras.Sequential([keras.layers.Input((TIME, FEATURES)), Block(), Block(), keras.layers.Dense(2)])
    path = tmp_path / f"m.{container}"
    model.save(path)
    ours = load_model(path, custom_objects={"Block": OurBlock})
    x = np.random.default_rng(1).normal(size=(2, TIME, FEATURES)).astype("float32")
    assert_close(ours.predict(x, verbose=0), model.predict(x, verbose=0), "float32 model")
