"""Layers without weights where Keras takes an activation: ``Dense(5, activation=LeakyReLU())``."""

import copy
from functools import partial
from typing import Any

import pytest
import torch

from tests.tolerances import assert_close
from torch_keras_lstm import activations
from torch_keras_lstm.layers import ELU, LSTM, Dense, LeakyReLU, ReLU, Softmax, ThresholdedReLU, deserialize, serialize

B, T, F, U = 3, 7, 5, 4


def test_it_computes_and_learns_as_the_function_does() -> None:
    torch.manual_seed(0)
    layer = LSTM(U, activation=LeakyReLU(0.1, dtype="float64"), input_size=F, dtype="float64", return_sequences=True)
    plain = LSTM(
        U,
        activation=partial(activations.leaky_relu, negative_slope=0.1),
        input_size=F,
        dtype="float64",
        return_sequences=True,
    )
    plain.load_state_dict(layer.state_dict())
    x = torch.randn(B, T, F, dtype=torch.float64)
    gradients = []
    for model in (layer, plain):
        output = model(x)
        output.square().sum().backward()
        gradients.append([output, *(p.grad for p in model.parameters() if p.grad is not None)])
    assert len(gradients[0]) == 4
    for got, expected in zip(*gradients, strict=True):
        assert_close(got.detach(), expected.detach(), "float64")
    assert_close(copy.deepcopy(layer)(x).detach(), layer(x).detach(), "float64")


@pytest.mark.parametrize("activation", [ELU(0.7), LeakyReLU(0.1), ReLU(6.0, 0.1), Softmax(-1), ThresholdedReLU(0.3)])
def test_its_configuration_is_that_of_the_layer(activation: Any) -> None:
    config = serialize(Dense(U, activation=activation))
    written = config["config"]["activation"]
    assert written["module"] in ("keras.layers", "tf_keras.layers")
    assert (written["class_name"], written["registered_name"]) == (type(activation).__name__, None)
    again = deserialize(config)
    assert isinstance(again, Dense)
    assert isinstance(again.activation, type(activation))
    assert again.activation.get_config() == activation.get_config()


def test_its_name_alone_is_the_layer_with_its_defaults() -> None:
    activation = activations.get("LeakyReLU")
    assert isinstance(activation, LeakyReLU)
    assert activation.negative_slope == 0.3
