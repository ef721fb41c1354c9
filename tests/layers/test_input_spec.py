"""``InputSpec``: what a layer of one's own refuses, and in which words."""

from typing import Any

import pytest
import torch

from torch_keras_lstm.layers import Input, InputSpec, Layer

X = torch.ones(3, 4)


class Doubled(Layer):
    def __init__(self, spec: Any) -> None:
        super().__init__()
        self.input_spec = spec

    def call(self, inputs: Any) -> Any:
        return inputs * 2

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape


@pytest.mark.parametrize(
    "spec",
    [
        InputSpec(ndim=2),
        InputSpec(min_ndim=2, max_ndim=2),
        InputSpec(axes={-1: 4}),
        InputSpec(shape=(None, 4)),
        InputSpec(dtype="float32"),
        InputSpec(shape=(3, 4, 1), allow_last_axis_squeeze=True),
        [InputSpec(ndim=2)],
    ],
    ids=str,
)
def test_what_fits_passes(spec: Any) -> None:
    assert torch.equal(Doubled(spec)(X), 2 * X)
    assert Doubled(spec)(Input((4,))).shape == (None, 4)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (InputSpec(ndim=3), "expected 3 axes, got 2"),
        (InputSpec(min_ndim=3), "expected at least 3 axes, got 2"),
        (InputSpec(max_ndim=1), "expected at most 1 axes, got 2"),
        (InputSpec(axes={-1: 5}), "expected size 5 along axis -1"),
        (InputSpec(shape=(None, 5)), r"expected shape \(None, 5\), got"),
        (InputSpec(dtype="int32"), "expected type int32, got float32"),
        ([InputSpec(ndim=2), InputSpec(ndim=2)], "takes 2 inputs, got 1"),
    ],
    ids=str,
)
def test_what_does_not_fit_is_told(spec: Any, words: str) -> None:
    for inputs in (X, Input((4,))):
        with pytest.raises(ValueError, match=words):
            Doubled(spec)(inputs)


def test_a_configuration_comes_back() -> None:
    spec = InputSpec(ndim=3, axes={-1: 4})
    assert repr(InputSpec.from_config(spec.get_config())) == repr(spec) == "InputSpec(ndim=3, axes={-1: 4})"
