"""Activations in torch's operations against autograd, at their kinks too."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from tests.tolerances import assert_close
from torch_keras_lstm import activations
from torch_keras_lstm.recurrence.backends.pointwise import pointwise

KNOWN = [
    function
    for function in activations._FUNCTIONS
    if function not in (activations.glu, activations.softmax, activations.log_softmax, activations.sparsemax)
    and function is not activations.threshold  # which has no default arguments
]
# Corners and their neighbours, saturation, and whatever lies between.
POINTS = torch.tensor(
    [-1e4, -40.0, -6.0, -3.0, -2.5, -1.0, -0.5, -1e-9, 0.0, 1e-9, 0.5, 1.0, 2.5, 3.0, 6.0, 40.0, 1e4],
    dtype=torch.float64,
)


@pytest.mark.parametrize("function", KNOWN, ids=lambda function: function.__name__)
def test_value_and_slope_are_autograds(function: Callable[..., Tensor]) -> None:
    if function is activations.exponential:
        points = POINTS.clamp(max=100.0)
    else:
        points = torch.cat((POINTS, torch.linspace(-7, 7, 57, dtype=torch.float64)))
    argument = points.clone().requires_grad_()
    expected = function(argument)
    factor = torch.linspace(1, 2, len(points), dtype=torch.float64)
    (slope,) = torch.autograd.grad(expected, argument, factor)
    rule = pointwise(function)
    assert rule is not None
    kept = points.clone()
    value = rule.keep(kept)
    assert_close(value, expected.detach(), "float64 elementwise")
    assert_close(rule.value(kept), expected.detach(), "float64 elementwise")
    assert_close(rule.times_slope(factor, kept), slope, "float64 elementwise")
    for got, wanted in zip(rule.at(points, factor), (expected.detach(), slope), strict=True):
        assert_close(got, wanted, "float64 elementwise")
    assert torch.equal(points, argument)


@pytest.mark.parametrize("function", KNOWN, ids=lambda function: function.__name__)
def test_every_corner_has_the_slope_that_autograd_gives_it(function: Callable[..., Tensor]) -> None:
    """Relative to each slope by itself: a corner's must not hide behind the largest."""
    rule = pointwise(function)
    assert rule is not None
    points = POINTS.clamp(-6, 6)
    argument = points.clone().requires_grad_()
    (slope,) = torch.autograd.grad(function(argument).sum(), argument)
    kept = points.clone()
    rule.keep(kept)
    for got, expected in zip(rule.times_slope(torch.ones_like(points), kept), slope, strict=True):
        assert_close(got, expected, "float64 elementwise")


@pytest.mark.parametrize(
    "function",
    [activations.softmax, activations.sparsemax, activations.glu, torch.sin, lambda x: x],
    ids=["softmax", "sparsemax", "glu", "torch.sin", "a lambda"],
)
def test_what_mixes_elements_or_is_not_known_is_left_to_autograd(function: Callable[..., Tensor]) -> None:
    assert pointwise(function) is None
