import numpy as np
import pytest
import torch
from torch import nn

from tests.tolerances import assert_close
from torch_keras_lstm.layers import Dense

BATCH, TIME, FEATURES, UNITS = 4, 5, 3, 2


def test_it_computes_what_linear_computes_and_shares_its_state_dict() -> None:
    linear = nn.Linear(FEATURES, UNITS)
    layer = Dense(UNITS, input_dim=FEATURES)
    layer.load_state_dict(linear.state_dict())
    inputs = torch.randn(BATCH, TIME, FEATURES)
    assert torch.equal(layer(inputs), linear(inputs))
    nn.Linear(FEATURES, UNITS).load_state_dict(layer.state_dict())


def test_without_bias_the_state_dict_is_that_of_linear_too() -> None:
    layer = Dense(UNITS, use_bias=False, input_dim=FEATURES)
    assert layer.bias is None
    nn.Linear(FEATURES, UNITS, bias=False).load_state_dict(layer.state_dict())


def test_weights_are_in_keras_layout() -> None:
    layer = Dense(UNITS, "tanh", input_dim=FEATURES, dtype="float64")
    rng = np.random.default_rng(1)
    kernel, bias = rng.standard_normal((FEATURES, UNITS)), rng.standard_normal(UNITS)
    inputs = rng.standard_normal((BATCH, FEATURES))
    layer.set_weights([kernel, bias])
    assert_close(layer(inputs).detach(), np.tanh(inputs @ kernel + bias), "float64 elementwise")
    assert all(np.array_equal(*pair) for pair in zip(layer.get_weights(), (kernel, bias), strict=True))


def test_the_first_call_builds_it() -> None:
    layer = Dense(UNITS)
    assert not layer.built
    assert layer(torch.ones(BATCH, TIME, FEATURES)).shape == (BATCH, TIME, UNITS)
    assert layer.weight.shape == (UNITS, FEATURES)


@pytest.mark.parametrize("layer", [Dense(UNITS, input_dim=FEATURES), Dense(UNITS, input_shape=(None, FEATURES))])
def test_a_known_shape_builds_it_at_once(layer: Dense) -> None:
    assert layer.built
    assert layer.count_params() == FEATURES * UNITS + UNITS


def test_kernel_starts_within_the_glorot_limit_and_bias_at_zero() -> None:
    kernel, bias = Dense(200, input_dim=100).get_weights()
    limit = np.sqrt(6 / (100 + 200))
    assert 0.99 * limit < np.abs(kernel).max() <= limit
    assert not bias.any()


@pytest.mark.parametrize("dtype", [torch.int64, torch.uint8, torch.bool])
def test_integers_are_cast_to_the_layers_dtype(dtype: torch.dtype) -> None:
    layer = Dense(UNITS, input_dim=FEATURES, dtype="float64")
    inputs = torch.tensor([[1, 0, 1]]).to(dtype)
    assert torch.equal(layer(inputs), layer(inputs.double()))


def test_regularizers_enter_the_losses_and_constraints_are_applied() -> None:
    layer = Dense(
        UNITS, kernel_regularizer="l2", bias_regularizer="l1", kernel_constraint="non_neg", input_dim=FEATURES
    )
    kernel, bias = np.array([[1.0, -2.0], [3.0, 0.5], [-1.5, 4.0]], np.float32), np.array([0.25, -2.0], np.float32)
    layer.set_weights([kernel, bias])
    assert_close(sum(layer.losses).detach(), 0.01 * (kernel**2).sum() + 0.01 * 2.25, "float32 model")  # type: ignore[union-attr]
    layer.apply_constraints()
    assert np.array_equal(layer.get_weights()[0], np.maximum(kernel, 0))
    assert np.array_equal(layer.get_weights()[1], bias)


def test_output_shape_and_mask() -> None:
    layer = Dense(UNITS)
    assert layer.compute_output_shape((None, None, FEATURES)) == (None, None, UNITS)
    mask = torch.ones(BATCH, TIME, dtype=torch.bool)
    assert layer.compute_mask(torch.ones(BATCH, TIME, FEATURES), mask) is mask


def test_configuration_round_trip() -> None:
    given = {
        "kernel_initializer": "HeNormal",
        "bias_initializer": "Ones",
        "kernel_regularizer": "L2",
        "bias_regularizer": "L1",
        "activity_regularizer": "L1L2",
        "kernel_constraint": "MaxNorm",
        "bias_constraint": "NonNeg",
    }
    layer = Dense(UNITS, "relu", use_bias=False, name="head", **given)  # type: ignore[arg-type]
    config = layer.get_config()
    assert {name: config[name]["class_name"] for name in given} == given
    copy = Dense.from_config(config)
    assert copy.get_config() == config
    assert (copy.units, copy.use_bias, copy.name) == (UNITS, False, "head")


def test_a_quantized_configuration_is_not_taken_for_a_plain_one() -> None:
    config = Dense(UNITS).get_config()
    Dense.from_config({**config, "quantization_config": None})
    with pytest.raises(ValueError, match="quantization_config"):
        Dense.from_config({**config, "quantization_config": {"mode": "int8"}})


def test_its_representation_shows_sizes_and_what_is_not_default() -> None:
    assert repr(Dense(2, name="out")) == "Dense(2, name='out')"
    layer = Dense(2, "relu", use_bias=False, input_dim=3, name="out")
    assert repr(layer) == "Dense(3, 2, name='out', activation='relu', use_bias=False)"


@pytest.mark.parametrize("units", [0, -2, 2.0, True, "3"])
def test_units_must_be_a_positive_integer(units: object) -> None:
    with pytest.raises(ValueError, match=rf"`units` must be a positive integer, got {units!r}\."):
        Dense(units)  # type: ignore[arg-type]


def test_inputs_of_one_axis_are_refused() -> None:
    with pytest.raises(
        ValueError, match=r"Layer `d` takes inputs of shape \(batch, \.\.\., features\), got shape \(3,\)\."
    ):
        Dense(UNITS, name="d")(torch.ones(3))


def test_another_number_of_features_is_refused() -> None:
    layer = Dense(UNITS, input_dim=FEATURES, name="d")
    with pytest.raises(ValueError, match=r"Layer `d` was built for 3 features, got inputs of shape \(4, 7\) with 7\."):
        layer(torch.ones(BATCH, 7))


def test_it_is_not_built_for_an_unknown_number_of_features() -> None:
    with pytest.raises(
        ValueError, match=r"Layer `d` needs the size of the last axis to be built, got \(None, None\)\."
    ):
        Dense(UNITS, name="d").build((None, None))
