"""Stateful layers that a graph calls more than once run their calls in Keras' order, on which the numbers hang."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
import torch

import torch_keras_lstm
from tests.parity.precision import float64
from tests.tolerances import assert_close
from torch_keras_lstm.models import load_model

pytestmark = [
    pytest.mark.filterwarnings("ignore:Layer .* does not support masking:UserWarning"),
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),  # Keras saving its own variables
]

# Unmasked, 11, 19 and 36 have other numbers when the calls run depth first.
SEEDS = [11, 19, 36, *range(6)]


def _random_graph(k: Any, seed: int, masked: bool) -> Any:
    """Two inputs, three stateful layers and two others, called a few times on each other's outputs."""
    random = np.random.default_rng(seed)
    inputs = [k.Input(batch_shape=(2, 3, 4), name=f"input_{place}") for place in range(2)]
    masking = k.layers.Masking(name="masking")
    tensors = [masking(x) if masked and random.random() < 0.7 else x for x in inputs]
    recurrent = [k.layers.LSTM(4, return_sequences=True, stateful=True, name=f"lstm_{place}") for place in range(2)]
    recurrent.append(k.layers.GRU(4, return_sequences=True, stateful=True, name="gru"))
    dense = [k.layers.Dense(4, activation="tanh", name=f"dense_{place}") for place in range(2)]
    for step in range(random.integers(4, 10)):
        kind, x = random.integers(0, 8), tensors[random.integers(len(tensors))]
        if kind < 4:
            tensors.append(recurrent[random.integers(3)](x))
        elif kind == 4:
            tensors.append(dense[random.integers(2)](x))
        elif kind == 5:
            other = tensors[random.integers(len(tensors))]
            tensors.append(x * other + x if masked else k.layers.Add(name=f"add_{step}")([x, other]))
        elif kind == 6:
            tensors.append(masking(x) if masked else k.layers.Activation("tanh", name=f"tanh_{step}")(x))
        else:
            tensors.append(x + tensors[random.integers(len(tensors))])
    last = len(tensors) - 1
    chosen = [place for place in random.permutation(len(tensors))[: random.integers(1, 3)] if 2 <= place < last]
    return k.Model(inputs, [tensors[last], *(tensors[place] for place in chosen)])


def _assert_same_calls(ours: Any, theirs: Any) -> None:
    random = np.random.default_rng(5)
    for call in range(2):
        inputs = [random.normal(size=(2, 3, 4)) for _ in range(2)]
        for array in inputs:
            array[0, 1:] = 0.0
        expected = tf.nest.flatten(theirs(inputs))
        got = ours([*map(torch.from_numpy, inputs)])
        got = got if isinstance(got, list) else [got]
        for place, (mine, keras_own) in enumerate(zip(got, expected, strict=True)):
            assert_close(mine.detach(), keras_own, "float64", f"output {place} of call {call}")


def _theirs(seed: int, masked: bool) -> Any:
    keras.backend.clear_session(free_memory=False)
    with float64(keras):
        model = _random_graph(keras, seed, masked)
    random = np.random.default_rng(1)
    model.set_weights([random.normal(scale=0.6, size=weight.shape) for weight in model.get_weights()])
    return model


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("seed", SEEDS)
def test_the_calls_of_a_graph_run_in_the_order_of_keras(seed: int, masked: bool) -> None:
    theirs = _theirs(seed, masked)
    ours = _random_graph(torch_keras_lstm, seed, masked).double()
    ours.set_weights(theirs.get_weights())
    _assert_same_calls(ours, theirs)


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize("seed", SEEDS[:3])
@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file:UserWarning")
def test_a_file_of_such_a_graph_runs_them_so_too(seed: int, suffix: str, tmp_path: Path) -> None:
    theirs = _theirs(seed, masked=suffix == ".keras")
    theirs.save(tmp_path / f"model{suffix}")
    ours = load_model(tmp_path / f"model{suffix}").double()
    _assert_same_calls(ours, keras.models.load_model(tmp_path / f"model{suffix}", compile=False))
    ours.reset_states()
    ours.save(tmp_path / f"again{suffix}")
    _assert_same_calls(ours, keras.models.load_model(tmp_path / f"again{suffix}", compile=False))
