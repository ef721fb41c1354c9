import numpy as np
import pytest
import torch

from tests.tolerances import assert_close
from torch_keras_lstm.layers import MaxoutDense


@pytest.mark.parametrize("use_bias", [True, False])
def test_the_largest_of_several_maps(use_bias: bool) -> None:
    rng = np.random.default_rng(0)
    inputs, kernel, bias = rng.standard_normal((4, 3)), rng.standard_normal((5, 3, 2)), rng.standard_normal((5, 2))
    layer = MaxoutDense(2, 5, use_bias, dtype="float64", input_shape=(3,))
    layer.set_weights([kernel, bias] if use_bias else [kernel])
    maps = np.stack([inputs @ kernel[index] + use_bias * bias[index] for index in range(5)])
    assert_close(layer(inputs).detach(), maps.max(axis=0), "float64")


def test_configuration_shapes_and_state_dict() -> None:
    layer = MaxoutDense(2, 5, input_shape=(3,))
    fresh = MaxoutDense.from_config(layer.get_config())
    fresh.load_state_dict(layer.state_dict())
    assert torch.equal(fresh(torch.ones(4, 3)), layer(torch.ones(4, 3)))
    assert layer.compute_output_shape((None, 3)) == (None, 2)


def test_inputs_of_another_shape_are_refused() -> None:
    with pytest.raises(ValueError, match=r"Layer `m` takes inputs of shape \(batch, 3\), got \(4, 2\)"):
        MaxoutDense(2, input_shape=(3,), name="m")(torch.ones(4, 2))
    with pytest.raises(ValueError, match=r"Layer `m` takes inputs of shape \(batch, features\), got \(4, 2, 3\)"):
        MaxoutDense(2, name="m")(torch.ones(4, 2, 3))
