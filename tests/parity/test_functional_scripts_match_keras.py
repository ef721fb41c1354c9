"""The same script builds a functional model with Keras 3 and with this package; live Keras says what is right."""

from collections import Counter
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
import torch

import torch_keras_lstm
from tests.parity.functional_scripts import SCRIPTS, Script, random_script
from tests.parity.our_lstm import weight_gradients
from tests.parity.precision import float64
from tests.tolerances import assert_all_close
from torch_keras_lstm.layers import naming
from torch_keras_lstm.models import Functional, OperationLayer
from torch_keras_lstm.structure import flatten

# What Keras says of masks that end where they end, and of outputs in other structures.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def _tensors(arrays: Any) -> Any:
    if isinstance(arrays, dict):
        return {name: torch.from_numpy(array) for name, array in arrays.items()}
    return [*map(torch.from_numpy, arrays)] if isinstance(arrays, list) else torch.from_numpy(arrays)


def _theirs(script: Script) -> tuple[Any, Any, dict[str, Any]]:
    """Keras' model with random weights, the inputs, and what it computes."""
    keras.backend.clear_session(free_memory=False)  # to collect garbage takes longer than the test
    with float64(keras):
        model, inputs = script(keras, np.random.default_rng(3))
    random = np.random.default_rng(4)
    model.set_weights([random.normal(scale=0.5, size=weight.shape) for weight in model.get_weights()])
    with tf.GradientTape() as tape:
        outputs = flatten(model(inputs))
        loss = sum(tf.reduce_sum(output * np.cos(np.arange(output.shape[-1]))) for output in outputs)
    gradients = tape.gradient(loss, model.trainable_weights, unconnected_gradients="zero")
    values = dict(enumerate(outputs)) | {f"d {index}": value for index, value in enumerate(gradients)}
    return model, inputs, {str(name): tf.convert_to_tensor(value).numpy() for name, value in values.items()}


def _ours(script: Script, weights: list[Any], inputs: Any) -> tuple[Functional, dict[str, Any]]:
    model, _ = script(torch_keras_lstm, np.random.default_rng(3))
    model.double().set_weights(weights)
    outputs = flatten(model(_tensors(inputs)))
    sum((output * torch.arange(output.shape[-1], dtype=torch.float64).cos()).sum() for output in outputs).backward()
    values = dict(enumerate(outputs)) | {f"d {i}": value for i, value in enumerate(weight_gradients(model).values())}
    return model, {str(name): value.detach().numpy() for name, value in values.items()}


@pytest.mark.parametrize("script", [*SCRIPTS, *map(random_script, range(12))], ids=lambda script: script.__name__)
def test_a_script_builds_the_model_that_keras_builds(script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(naming, "_given", Counter())
    theirs, inputs, expected = _theirs(script)
    ours, got = _ours(script, theirs.get_weights(), inputs)
    assert isinstance(ours, Functional)
    listed = [layer for layer in ours.layers if not isinstance(layer, OperationLayer)]
    assert [layer.name for layer in listed] == [layer.name for layer in theirs.layers]
    assert ours.name == theirs.name
    assert ours.count_params() == theirs.count_params()
    assert [tensor.shape for tensor in ours.outputs] == [tensor.shape for tensor in theirs.outputs]
    assert [tensor.name for tensor in ours.inputs] == [tensor.name for tensor in theirs.inputs]
    assert_all_close(got, expected, "float64")
