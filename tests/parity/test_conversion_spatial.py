"""Files with layers over the axes of space that Keras 3 and tf_keras write here and now, against their predictions."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tf_keras

from tests.parity.conversion_models import our_answer, randomize
from tests.parity.precision import float64
from tests.tolerances import assert_close

Layers = Callable[[Any], list[Any]]


def over_length(layers: Any) -> list[Any]:
    return [
        layers.Input((13, 4)),
        layers.ZeroPadding1D((1, 2)),
        layers.Conv1D(6, 3, padding="causal", dilation_rate=2, activation="relu"),
        layers.AveragePooling1D(3, strides=2, padding="same"),
        layers.SeparableConv1D(5, 2, depth_multiplier=2, use_bias=False),
        layers.UpSampling1D(3),
        layers.Conv1DTranspose(3, 4, strides=2, padding="same", activation="tanh"),
        layers.DepthwiseConv1D(3, depth_multiplier=2),
        layers.Cropping1D((2, 1)),
        layers.MaxPooling1D(2),
        layers.LSTM(3, return_sequences=True),
        layers.GlobalAveragePooling1D(),
    ]


def over_images(layers: Any) -> list[Any]:
    return [
        layers.Input((9, 8, 3)),
        layers.ZeroPadding2D(((1, 0), (2, 1))),
        layers.Conv2D(5, (3, 2), strides=(2, 1), padding="same", activation="elu"),
        layers.DepthwiseConv2D(2, depth_multiplier=2, strides=2, padding="same"),
        layers.SeparableConv2D(4, 3, padding="same"),
        layers.UpSampling2D((2, 3)),
        layers.Conv2DTranspose(3, (3, 2), strides=(1, 2), output_padding=(0, 1)),
        layers.MaxPooling2D((3, 2), strides=2, padding="same"),
        layers.Cropping2D(((1, 0), (0, 2))),
        layers.AveragePooling2D(2, padding="same"),
        layers.GlobalMaxPooling2D(),
    ]


def over_volumes(layers: Any) -> list[Any]:
    return [
        layers.Input((5, 6, 4, 2)),
        layers.ZeroPadding3D(1),
        layers.Conv3D(3, (2, 3, 1), activation="tanh"),
        layers.UpSampling3D((1, 1, 2)),
        layers.Conv3DTranspose(2, 2, strides=(1, 2, 1)),
        layers.Cropping3D(((1, 0), (1, 2), (0, 1))),
        layers.GlobalAveragePooling3D(),
    ]


def over_films(layers: Any) -> list[Any]:
    return [
        layers.Input((4, 8, 7, 2)),
        layers.TimeDistributed(layers.Conv2D(3, 3)),
        layers.ConvLSTM2D(4, (3, 2), padding="same", return_sequences=True, dropout=0.2, recurrent_dropout=0.1),
        layers.Bidirectional(layers.ConvLSTM2D(2, 3, return_sequences=True)),
        layers.ConvLSTM2D(3, 2, strides=2, recurrent_activation="hard_sigmoid", go_backwards=True, use_bias=False),
        layers.Flatten(),
    ]


def convolutional_lstms(layers: Any) -> list[Any]:
    return [
        layers.Input((3, 4, 5, 6, 2)),
        layers.ConvLSTM3D(3, (2, 1, 3), return_sequences=True),
        layers.TimeDistributed(layers.GlobalMaxPooling3D(keepdims=True)),
        layers.TimeDistributed(layers.Flatten()),
        layers.TimeDistributed(layers.RepeatVector(6)),
        layers.ConvLSTM1D(2, 3, padding="same", unit_forget_bias=False),
        layers.GlobalMaxPooling1D(),
    ]


def masked_words(layers: Any) -> list[Any]:
    return [
        layers.Input((7, 3)),
        layers.Masking(),
        layers.LSTM(4, return_sequences=True),
        layers.GlobalAveragePooling1D(),
    ]


STACKS = (over_length, over_images, over_volumes, over_films, convolutional_lstms, masked_words)


@pytest.fixture(autouse=True)
def _float64() -> Iterator[None]:
    with float64(keras, tf_keras):
        yield


@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file", "ignore:__array__ implementation")
@pytest.mark.parametrize("container", ["keras", "h5"])
@pytest.mark.parametrize("generation", [keras, tf_keras], ids=["keras", "tf_keras"])
@pytest.mark.parametrize("stack", STACKS, ids=lambda stack: stack.__name__)
def test_a_file_gives_the_predictions_of_who_wrote_it(
    tmp_path: Path, stack: Layers, generation: Any, container: str
) -> None:
    random = np.random.default_rng(6)
    model = generation.Sequential(stack(generation.layers))
    randomize(model, random)
    inputs = random.normal(size=(2, *model.input_shape[1:]))
    if stack is masked_words:
        inputs[0, 4:] = inputs[1, :2] = 0.0
    model.save(tmp_path / f"m.{container}")
    expected = model(inputs).numpy()
    assert np.ptp(expected) > 0
    assert_close(our_answer(inputs, tmp_path / f"m.{container}"), expected, "float64")
