import numpy as np
import pytest
import torch

from tests.tolerances import assert_close
from torch_keras_lstm.layers import Highway


@pytest.mark.parametrize("use_bias", [True, False])
def test_a_gate_between_the_inputs_and_what_becomes_of_them(use_bias: bool) -> None:
    rng = np.random.default_rng(0)
    inputs = rng.standard_normal((4, 3))
    kernel, carry_kernel, bias, carry_bias = (rng.standard_normal(shape) for shape in ((3, 3), (3, 3), (3,), (3,)))
    layer = Highway("tanh", use_bias, dtype="float64", input_shape=(3,))
    layer.set_weights([kernel, carry_kernel, bias, carry_bias] if use_bias else [kernel, carry_kernel])
    gate = 1 / (1 + np.exp(-(inputs @ carry_kernel + use_bias * carry_bias)))
    expected = gate * np.tanh(inputs @ kernel + use_bias * bias) + (1 - gate) * inputs
    assert_close(layer(inputs).detach(), expected, "float64")


def test_configuration_state_dict_and_first_bias() -> None:
    layer = Highway("relu", input_shape=(3,))
    assert layer.get_weights()[3].tolist() == [1, 1, 1]
    fresh = Highway.from_config(layer.get_config())
    fresh.load_state_dict(layer.state_dict())
    assert torch.equal(fresh(torch.ones(4, 3)), layer(torch.ones(4, 3)))


def test_inputs_of_another_shape_are_refused() -> None:
    with pytest.raises(ValueError, match=r"Layer `h` takes inputs of shape \(batch, 3\), got \(4, 2\)"):
        Highway(input_shape=(3,), name="h")(torch.ones(4, 2))
