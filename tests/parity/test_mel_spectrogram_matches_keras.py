"""Mel spectrograms against Keras in float32, in which it computes its bands whatever the layer's type is."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import torch

from tests.tolerances import assert_close
from torch_keras_lstm import layers
from torch_keras_lstm.models import load_model

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # of Keras
SMALL: dict[str, Any] = {"fft_length": 64, "sequence_stride": 16, "sampling_rate": 1000, "num_mel_bins": 7}


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"sequence_length": 40, "window": "hamming", "max_freq": 300.0},
        {"power_to_db": False, "mag_exp": 1.0, "min_freq": 50.0},
        {"top_db": 20.0, "ref_power": 3.0, "min_power": 1e-3},
    ],
    ids=lambda arguments: ",".join(arguments),
)
def test_outputs_shapes_and_configuration(arguments: dict[str, Any]) -> None:
    ours, theirs = (library.MelSpectrogram(**SMALL, **arguments) for library in (layers, keras.layers))
    sounds = np.random.default_rng(2).standard_normal((3, 200)).astype("float32")
    expected = theirs(sounds).numpy()
    assert_close(ours(sounds), expected, "float32 model")
    assert_close(ours(sounds[0]), theirs(sounds[0]).numpy(), "float32 model")
    assert [*ours.compute_output_shape((None, 200))] == [*theirs.compute_output_shape((None, 200))]
    assert tuple(ours(sounds).shape) == ours.compute_output_shape(sounds.shape)
    configs = [{**layer.get_config(), "name": "", "dtype": ""} for layer in (ours, theirs)]
    assert configs[0] == configs[1]


def test_files(tmp_path: Path) -> None:
    sounds = np.random.default_rng(2).standard_normal((3, 200)).astype("float32")
    spectra = [keras.layers.MelSpectrogram(**SMALL), keras.layers.LSTM(3)]
    model = keras.Sequential([keras.Input((200,)), *spectra])
    for file in ("model.keras", "model.h5"):
        model.save(tmp_path / file)
        assert_close(load_model(tmp_path / file)(sounds).detach(), model.predict(sounds, verbose=0), "float32 model")


def test_gradients_pass() -> None:
    sounds = torch.randn(2, 100, requires_grad=True)
    layers.MelSpectrogram(**SMALL)(sounds).sum().backward()
    assert sounds.grad is not None
    assert bool(sounds.grad.any())


def test_errors() -> None:
    with pytest.raises(ValueError, match="`fft_length` must be at least `sequence_length`, got 64 and 65"):
        layers.MelSpectrogram(fft_length=64, sequence_length=65)
    with pytest.raises(ValueError, match=r"takes sounds \(batch, samples\), got shape \(2, 3, 4\)"):
        layers.MelSpectrogram()(torch.zeros(2, 3, 4))
    with pytest.raises(ValueError, match="`frame_step` must be at most `frame_length`, got 9 and 8"):
        layers.STFTSpectrogram(frame_length=8, frame_step=9)
    with pytest.warns(UserWarning, match="`fft_length` is recommended to be a power of two, got 9"):
        layers.STFTSpectrogram(frame_length=8, fft_length=9)
