"""Weights that people published without an architecture, in models that fit them; see ``test_corpus.py``."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from torch import nn

from torch_keras_lstm.conversion import inspect, load_weights
from torch_keras_lstm.layers import (
    LSTM,
    Bidirectional,
    Conv1D,
    Dense,
    Embedding,
    Layer,
    LayerNormalization,
)
from torch_keras_lstm.models import Sequential

FOLDER = Path(os.environ.get("TORCH_KERAS_LSTM_CORPUS", ""))


def noise_suppression() -> nn.Module:
    return nn.ModuleList(
        [
            LSTM(128, input_size=257, name="lstm"),
            LSTM(128, input_size=128, name="lstm_1"),
            Dense(257, input_shape=(128,), name="dense"),
            Conv1D(256, 1, use_bias=False, input_shape=(None, 512), name="conv1d"),
            LayerNormalization(input_shape=(256,), name="layer_normalization"),
            LSTM(128, input_size=256, name="lstm_2"),
            LSTM(128, input_size=128, name="lstm_3"),
            Dense(256, input_shape=(128,), name="dense_1"),
            Conv1D(512, 1, use_bias=False, input_shape=(None, 256), name="conv1d_1"),
        ]
    )


def two_branches() -> nn.Module:
    branches = (("context", 1), ("action", 12))
    lstms = [LSTM(32, input_size=features, name=f"{branch}_lstm") for branch, features in branches]
    return nn.ModuleList([*lstms, *(Dense(1, input_shape=(32,), name=f"{branch}_dense") for branch, _ in branches)])


def text_generator() -> nn.Module:
    return nn.ModuleList(
        [
            Embedding(465, 100, input_length=40, name="embedding"),
            LSTM(128, input_size=100, name="rnn_1"),
            LSTM(128, input_size=128, name="rnn_2"),
            Dense(1, use_bias=False, input_shape=(356,), name="attention"),
            Dense(465, input_shape=(356,), name="output"),
        ]
    )


def characters() -> nn.Module:
    return Sequential([LSTM(50, return_sequences=True, input_shape=(None, 59)), LSTM(50)])


def comments() -> nn.Module:
    layers = [Embedding(20000, 50, input_length=100), Bidirectional(LSTM(50)), Dense(50), Dense(6)]
    return Sequential(layers)


MODELS: dict[str, Callable[[], nn.Module]] = {
    "dtln-base-weights": noise_suppression,
    "xprize-weights": two_branches,
    "textgenrnn-weights": text_generator,
    "chars2vec-eng50": characters,
    "toxiccc-k3w": comments,
}

if os.environ.get("TORCH_KERAS_LSTM_CORPUS"):

    @pytest.mark.parametrize("name", MODELS)
    def test_they_load_into_a_model_that_fits(name: str) -> None:
        (path,) = (file for file in (FOLDER / name).iterdir() if file.suffix in (".h5", ".hdf5"))
        model = MODELS[name]()
        layers = [layer for layer in model.modules() if isinstance(layer, Layer) and not isinstance(layer, Sequential)]
        before = [layer.get_weights() for layer in layers]
        load_weights(model, path)
        for layer, old in zip(layers, before, strict=True):
            for new, initial in zip(layer.get_weights(), old, strict=True):
                assert (new != initial).any(), layer.name
        assert {report.supported for report in inspect(path).layers} == {True}
