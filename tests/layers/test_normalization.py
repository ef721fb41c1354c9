"""Normalization: adapting it, and bad input."""

import pytest
import torch

from tests.tolerances import assert_close
from torch_keras_lstm.layers import Normalization


@pytest.mark.parametrize(("axis", "averaged"), [(-1, (0, 1)), (1, (0, 2)), ([1, 2], (0,)), (None, (0, 1, 2))])
def test_adapted_data_have_mean_0_and_variance_1(axis: int | list[int] | None, averaged: tuple[int, ...]) -> None:
    data = 3 + 2 * torch.randn(40, 5, 3, dtype=torch.float64)
    layer = Normalization(axis, dtype="float64")
    layer.adapt(data)
    outputs = layer(data)
    variance, mean = torch.var_mean(outputs, averaged, correction=0)
    assert_close(1 + mean, torch.ones_like(mean), "float64")
    assert_close(variance, torch.ones_like(mean), "float64")
    inverse = Normalization(axis, invert=True, dtype="float64")
    inverse.load_state_dict(layer.state_dict())
    assert_close(inverse(outputs), data, "float64")


def test_no_optimizer_sees_its_weights() -> None:
    layer = Normalization(input_shape=(5, 3))
    assert not list(layer.parameters())
    assert [weight.shape for weight in layer.get_weights()] == [(3,), (3,), ()]
    assert layer.get_weights()[2].dtype == "int64"
    assert layer.double().count.dtype == torch.int64


def test_integers_are_cast() -> None:
    layer = Normalization(mean=1.0, variance=4.0)
    assert layer(torch.tensor([[3], [1]])).tolist() == [[1.0], [0.0]]


def test_bad_arguments_are_named() -> None:
    with pytest.raises(ValueError, match=r"`mean` and `variance` go together, got mean=1\.0 and variance=None"):
        Normalization(mean=1.0)
    with pytest.raises(ValueError, match=r"one shape of at most 1 axes, as `axis` has, got shapes \(2,\) and \(3,\)"):
        Normalization(mean=[1.0, 2.0], variance=[1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match="layer `n` were given, so there is nothing to adapt"):
        Normalization(mean=1.0, variance=2.0, name="n").adapt(torch.randn(4, 3))
    with pytest.raises(ValueError, match=r"`n` was built for 3 along axis -1, got .* \(4, 2\) with 2"):
        Normalization(name="n", input_shape=(3,))(torch.randn(4, 2))
