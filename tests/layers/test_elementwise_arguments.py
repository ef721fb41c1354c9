"""Bad arguments and inputs of the layers whose numbers need nothing but a comparison with Keras'."""

import re
from typing import Any

import numpy as np
import pytest
import torch

from torch_keras_lstm import layers

REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("ReLU", {"max_value": -1}, "`max_value`: expected a finite number of at least 0, got -1"),
    ("ReLU", {"negative_slope": None}, "`negative_slope`: expected a finite number of at least 0, got None"),
    ("ReLU", {"threshold": -0.5}, "`threshold`: expected a finite number of at least 0, got -0.5"),
    ("LeakyReLU", {"negative_slope": "0.3"}, "`negative_slope`: expected a finite number of at least 0, got '0.3'"),
    ("ELU", {"alpha": None}, "`alpha`: expected a finite number, got None"),
    ("ThresholdedReLU", {"theta": -1.0}, "`theta`: expected a finite number of at least 0, got -1.0"),
    ("Softmax", {"axis": "time"}, "`axis`: expected a list of integers, got 'time'"),
    ("UnitNormalization", {"axis": [0.5]}, "`axis`: expected a list of integers, got [0.5]"),
    ("SpatialDropout1D", {"rate": 1.5}, "`rate` must be a number between 0 and 1, got 1.5"),
    ("SpatialDropout2D", {"rate": 0.5, "data_format": "NHWC"}, "`data_format`: expected one of"),
    ("GaussianNoise", {"stddev": -1}, "`stddev`: expected a finite number of at least 0, got -1"),
    ("GaussianDropout", {"rate": 1}, "`rate`: expected a number of at least 0 and less than 1, got 1"),
    ("AlphaDropout", {"rate": True}, "`rate`: expected a number of at least 0 and less than 1, got True"),
    ("Rescaling", {"scale": "half"}, "`scale` must be a number or an array of numbers, got 'half'"),
    ("Rescaling", {"scale": 1, "offset": None}, "`offset` must be a number or an array of numbers, got None"),
]


@pytest.mark.parametrize(("class_name", "arguments", "message"), REFUSED)
def test_bad_arguments_are_named(class_name: str, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        getattr(layers, class_name)(**arguments)


def test_spatial_dropouts_have_a_rank() -> None:
    with pytest.raises(ValueError, match=r"`d` takes inputs of 4 axes, got shape \(4, 5, 3\)"):
        layers.SpatialDropout2D(0.5, name="d")(torch.randn(4, 5, 3))


def test_a_mask_of_softmax_must_broadcast() -> None:
    with pytest.raises(ValueError, match=r"`mask` of layer `s` must broadcast .* got shape \(4, 5\) for"):
        layers.Softmax(name="s")(torch.randn(4, 5, 3), mask=torch.ones(4, 5, dtype=torch.bool))


def test_rescaling_by_an_array_is_written_and_read() -> None:
    layer = layers.Rescaling(np.array([0.5, 2.0]), offset=[1, 2])
    again = layers.Rescaling.from_config(layer.get_config())
    assert again(torch.tensor([[2, 3]])).tolist() == layer(torch.tensor([[2, 3]])).tolist() == [[2.0, 8.0]]
    assert layer.get_config()["scale"]["class_name"] == "__numpy__"
    assert layer.get_config()["offset"] == [1, 2]


def test_what_activity_regularization_costs() -> None:
    layer = layers.ActivityRegularization(l1=0.5, l2=0.25)
    inputs = torch.tensor([[1.0, -2.0], [0.0, 2.0]])
    assert torch.equal(layer(inputs), inputs)
    assert [loss.item() for loss in layer.losses] == [(0.5 * 5 + 0.25 * 9) / 2]
