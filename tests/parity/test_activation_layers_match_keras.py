"""Activations as layers, noise and dropouts out of training, against Keras 3 and tf_keras on TensorFlow, run live."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import tf_keras
import torch

from tests.parity import one_layer
from tests.parity.one_layer import Case, normal
from tests.tolerances import assert_close
from torch_keras_lstm import layers

CASES = [
    Case("ReLU"),
    Case("ReLU", {"max_value": 0.7, "negative_slope": 0.2, "threshold": 0.3}, masked=True),
    Case("ReLU", {"max_value": 6.0}),
    Case("LeakyReLU"),
    Case("LeakyReLU", {"negative_slope": 0.11}, masked=True),
    Case("PReLU"),
    Case("PReLU", {"shared_axes": [1], "alpha_regularizer": "l2", "alpha_constraint": "non_neg"}, masked=True),
    Case("PReLU", {"shared_axes": [1, 3], "alpha_initializer": "ones"}, normal(4, 2, 5, 3)),
    Case("PReLU", {"shared_axes": 2}),
    Case("ELU"),
    Case("ELU", {"alpha": 0.4}, masked=True),
    Case("Softmax"),
    Case("Softmax", {"axis": 1}),
    Case("Softmax", {"axis": [1, 2]}),
    Case("SpatialDropout1D", {"rate": 0.3, "seed": 2}, masked=True),
    Case("SpatialDropout2D", {"rate": 0.3}, normal(4, 2, 5, 3)),
    Case("SpatialDropout2D", {"rate": 0.3, "data_format": "channels_first"}, normal(4, 2, 5, 3)),
    Case("SpatialDropout3D", {"rate": 0.3, "data_format": "channels_last"}, normal(4, 2, 5, 3, 2)),
    Case("GaussianNoise", {"stddev": 0.3, "seed": 4}, masked=True),
    Case("GaussianDropout", {"rate": 0.3}, masked=True),
    Case("AlphaDropout", {"rate": 0.3, "noise_shape": [None, 1, 3]}, masked=True),
    Case("ActivityRegularization", {"l1": 0.3, "l2": 0.1}, masked=True),
]
every_case = pytest.mark.parametrize("case", CASES, ids=str)


@every_case
@pytest.mark.parametrize(
    "check",
    [
        one_layer.check_outputs_gradients_and_weights,
        one_layer.check_float32,
        one_layer.check_shape_and_mask,
        one_layer.check_configurations,
        one_layer.check_lazy_loading,
    ],
    ids=lambda check: check.__name__,
)
def test_layers_match_keras(case: Case, check: Callable[[Case], None]) -> None:
    check(case)


def test_thresholded_relu_matches_tf_keras() -> None:
    inputs = np.random.default_rng(0).standard_normal((4, 5, 3))
    inputs[0, 0] = 0.6  # at the threshold itself
    theirs = tf_keras.layers.ThresholdedReLU(0.6, dtype="float64")(inputs).numpy()
    assert np.array_equal(layers.ThresholdedReLU(0.6, dtype="float64")(inputs), theirs)


@pytest.mark.parametrize("shape", [(4, 5, 3), (5, 3), (4, 1, 1), (3,)])
def test_softmax_takes_a_mask_of_any_shape_that_broadcasts(shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(1)
    inputs, mask = rng.standard_normal((4, 5, 3)), rng.random(shape) < 0.5
    mask.reshape(-1)[0] = False
    theirs = keras.layers.Softmax(dtype="float64")(inputs, mask=mask).numpy()
    assert_close(layers.Softmax(dtype="float64")(inputs, mask=mask), theirs, "float64")


@pytest.mark.parametrize(
    ("class_name", "arguments", "shape"),
    [
        ("SpatialDropout1D", {"rate": 0.25}, (300, 4, 100)),
        ("SpatialDropout2D", {"rate": 0.25, "data_format": "channels_first"}, (300, 100, 2, 3)),
        ("SpatialDropout3D", {"rate": 0.25}, (300, 2, 3, 2, 100)),
        ("GaussianNoise", {"stddev": 0.5}, (300, 100)),
        ("GaussianDropout", {"rate": 0.25}, (300, 100)),
        ("AlphaDropout", {"rate": 0.25}, (300, 100)),
        ("AlphaDropout", {"rate": 0.25, "noise_shape": [None, 1, 100]}, (300, 4, 100)),
    ],
)
def test_what_is_drawn_in_training_has_keras_moments(
    class_name: str, arguments: dict[str, Any], shape: tuple[int, ...]
) -> None:
    inputs = 1 + np.random.default_rng(2).standard_normal(shape) / 4
    ours, theirs = (
        np.asarray(getattr(namespace, class_name)(**arguments, seed=1, dtype="float64")(inputs, training=True))
        for namespace in (layers, keras.layers)
    )
    assert abs(ours.mean() - theirs.mean()) < 0.02
    assert abs(ours.std() - theirs.std()) < 0.02
    for axis in range(len(shape)):
        assert _shares_fate(ours, axis) == _shares_fate(theirs, axis), axis


def _shares_fate(drawn: np.ndarray, axis: int) -> bool:
    """Whether all entries along an axis are dropped together; what is dropped has the one value that occurs often."""
    values, counts = np.unique(drawn.round(12), return_counts=True)
    dropped = drawn.round(12) == values[counts.argmax()]
    return bool((dropped.any(axis=axis) == dropped.all(axis=axis)).all())


@pytest.mark.parametrize("class_name", ["GaussianNoise", "GaussianDropout", "AlphaDropout", "SpatialDropout1D"])
def test_a_seed_makes_draws_repeatable_and_different_from_call_to_call(class_name: str) -> None:
    inputs = torch.randn(4, 5, 3)
    first, second = (getattr(layers, class_name)(0.4, seed=3) for _ in range(2))
    drawn = first(inputs, training=True)
    assert torch.equal(drawn, second(inputs, training=True))
    assert not torch.equal(drawn, first(inputs, training=True))
    assert torch.equal(first.eval()(inputs), inputs)
