"""The same text of a class is a layer of Keras 3 and one of this package; live Keras says what it computes."""

import copy
import pickle
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
import torch

import torch_keras_lstm
from tests.parity.own_layer_scripts import SCRIPTS, Script
from tests.parity.precision import float64
from tests.tolerances import assert_close
from torch_keras_lstm.structure import flatten

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def both(script: Script) -> tuple[Any, Any, Any]:
    """Keras' model and ours with the same random weights, and the inputs."""
    keras.backend.clear_session(free_memory=False)
    torch_keras_lstm.backend.clear_session()
    with float64(keras):
        theirs, inputs = script(keras, np.random.default_rng(3))
        torch.set_default_dtype(torch.float64)
        try:
            ours, _ = script(torch_keras_lstm, np.random.default_rng(3))
        finally:
            torch.set_default_dtype(torch.float32)
    random = np.random.default_rng(4)
    weights = [random.normal(scale=0.5, size=weight.shape) for weight in theirs.get_weights()]
    theirs.set_weights(weights)
    ours.set_weights(weights)
    return ours, theirs, inputs


def _tensors(inputs: Any) -> Any:
    return [*map(torch.tensor, inputs)] if isinstance(inputs, list) else torch.tensor(inputs)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.__name__)
def test_outputs_losses_gradients_and_weights(script: Script) -> None:
    ours, theirs, inputs = both(script)
    described = [(one.name, tuple(one.shape), one.trainable) for one in theirs.weights]
    assert [(one.name, tuple(one.shape), one.trainable) for one in ours.weights] == described
    for _ in range(2):  # what a call adds to the losses must not stay
        with tf.GradientTape() as tape:
            expected = flatten(theirs(inputs))
            penalties = [*theirs.losses]
            loss = sum(tf.reduce_sum(one * np.cos(np.arange(one.shape[-1]))) for one in expected) + sum(penalties)
        outputs = flatten(ours(_tensors(inputs)))
        our_penalties = ours.losses
        our_loss = sum((one * torch.arange(one.shape[-1], dtype=one.dtype).cos()).sum() for one in outputs)
        our_loss = our_loss + sum(our_penalties)
    assert len(our_penalties) == len(penalties)
    for output, wanted in zip(outputs, expected, strict=True):
        assert_close(output.detach(), wanted.numpy(), "float64", "outputs")
    assert_close(our_loss.detach(), loss.numpy(), "float64", "loss")
    gradients = tape.gradient(loss, theirs.trainable_weights, unconnected_gradients="zero")
    our_loss.backward()
    for ours_one, gradient in zip(ours.trainable_weights, gradients, strict=True):
        assert_close(ours_one.grad, tf.convert_to_tensor(gradient).numpy(), "float64", ours_one.path)
    for after, wanted in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        assert_close(after, wanted, "float64", "weights after the calls")
    assert ours.count_params() == theirs.count_params()


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.__name__)
def test_training(script: Script) -> None:
    ours, theirs, inputs = both(script)
    targets = np.random.default_rng(5).normal(size=theirs(inputs).shape)
    ours(_tensors(inputs))  # a call is counted on both sides
    curves = []
    for model, package in ((theirs, keras), (ours, torch_keras_lstm)):
        with float64(keras):
            model.compile(optimizer=package.optimizers.Adam(0.01), loss="mse")
            history = model.fit(inputs, targets, epochs=4, batch_size=2, shuffle=False, verbose=0)
        curves.append(history.history["loss"])
    assert np.allclose(curves[0], curves[1], rtol=1e-10, atol=0)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.__name__)
def test_copies_state_dicts_and_places(script: Script) -> None:
    ours, _, inputs = both(script)
    outputs = ours(_tensors(inputs))
    state = {name: value.clone() for name, value in ours.state_dict().items()}
    assert len({*state}) == len(ours.weights) + sum("bias_hh" in name for name in state)
    twin = copy.deepcopy(ours)
    changed = [array + 1.0 for array in twin.get_weights()]
    twin.set_weights(changed)
    assert all(np.array_equal(*pair) for pair in zip(twin.get_weights(), changed, strict=True))
    twin.load_state_dict(state)
    again = twin(_tensors(inputs))
    if not ours.non_trainable_weights:
        assert all(torch.equal(*pair) for pair in zip(flatten(again), flatten(outputs), strict=True))
    single = copy.deepcopy(ours).float()
    assert {one.dtype for one in single.weights} == {torch.float32}
    assert all(isinstance(one, torch_keras_lstm.Variable) for one in single.weights)
    single.load_state_dict(state, assign=True)
    assert all(isinstance(one, torch_keras_lstm.Variable) for one in single.weights)
    assert {one.dtype for one in single.weights} == {torch.float64}


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # of Keras and h5py
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.__name__)
def test_weights_files_go_both_ways(script: Script, tmp_path: Path) -> None:
    ours, theirs, _ = both(script)
    weights = theirs.get_weights()
    theirs.save_weights(tmp_path / "theirs.weights.h5")
    ours.set_weights([array + 1.0 for array in weights])
    ours.load_weights(tmp_path / "theirs.weights.h5")
    assert all(np.array_equal(*pair) for pair in zip(ours.get_weights(), weights, strict=True))
    ours.save_weights(tmp_path / "ours.weights.h5")
    theirs.set_weights([array + 1.0 for array in weights])
    theirs.load_weights(tmp_path / "ours.weights.h5")
    assert all(np.array_equal(*pair) for pair in zip(theirs.get_weights(), weights, strict=True))


def test_a_variable_survives_pickling() -> None:
    variable = torch_keras_lstm.Variable(np.arange(3.0), name="v")
    again = pickle.loads(pickle.dumps(variable))
    assert isinstance(again, torch_keras_lstm.Variable)
    assert isinstance(again, torch.nn.Parameter)
    assert again.name == "v"
    assert np.array_equal(again, variable)
