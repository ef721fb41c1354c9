"""``keras.utils`` against Keras 3, run live."""

import itertools
from typing import Any

import keras
import numpy as np
import pytest

from torch_keras_lstm import utils

RNG = np.random.default_rng(11)
RAGGED: dict[str, list[Any]] = {
    "numbers": [[1, 2, 3], [], [4], [5, 6, 7, 8, 9]],
    "vectors": [RNG.normal(size=(length, 2)) for length in (2, 5, 3)],
    "words": [["a", "b"], ["c"], []],
}
ARGUMENTS: dict[str, dict[str, Any]] = {
    "numbers": {"value": -1},
    "vectors": {"dtype": "float32", "value": 0.5},
    "words": {"dtype": object, "value": ""},
}


@pytest.mark.parametrize("name", RAGGED)
def test_pad_sequences(name: str) -> None:
    given = ARGUMENTS[name]
    assert_same_array(utils.pad_sequences(RAGGED[name], **given), keras.utils.pad_sequences(RAGGED[name], **given))
    for length, padding, truncating in itertools.product((1, 3, 6), ("pre", "post"), ("pre", "post")):
        arguments = {**given, "maxlen": length, "padding": padding, "truncating": truncating}
        got, expected = (pad(RAGGED[name], **arguments) for pad in (utils.pad_sequences, keras.utils.pad_sequences))
        assert_same_array(got, expected)


@pytest.mark.parametrize("x", [[0, 2, 1], [[0], [4]], [[1, 0], [2, 2]], [[[1], [0]]], 3, np.array([1.9, 0.2])], ids=str)
@pytest.mark.parametrize("classes", [None, 6])
def test_to_categorical(x: Any, classes: int | None) -> None:
    assert_same_array(utils.to_categorical(x, classes), keras.utils.to_categorical(x, classes))


def assert_same_array(got: Any, expected: Any) -> None:
    assert got.dtype == expected.dtype
    np.testing.assert_array_equal(got, expected)
