from typing import Any

import numpy as np
import pytest
import torch

from tests.tolerances import assert_close
from torch_keras_lstm.sliding_windows import (
    convolve,
    convolve_transposed,
    output_sizes,
    pads,
    span,
    transposed_output_size,
)

WINDOWS = [
    (size, window, stride, dilation)
    for size in (7, 8)
    for window in (1, 2, 3)
    for stride in (1, 2, 3)
    for dilation in (1, 2)
]


def positions(size: int, window: int, stride: int, dilation: int, padding: str) -> list[list[int]]:
    """The entries under each window, by TensorFlow's rule written out; those outside the axis are padding."""
    reach = (window - 1) * dilation + 1
    if padding == "valid":
        starts = list(range(0, size - reach + 1, stride))
    else:
        count = -(-size // stride)
        total = max((count - 1) * stride + reach - size, 0) if padding == "same" else 0
        first = -(total // 2) if padding == "same" else -(reach - 1)
        starts = [first + index * stride for index in range(count)]
    return [[start + step * dilation for step in range(window)] for start in starts]


@pytest.mark.parametrize("padding", ["valid", "same", "causal"])
@pytest.mark.parametrize("window", WINDOWS, ids=str)
def test_windows_lie_where_tensorflow_puts_them(window: tuple[int, int, int, int], padding: str) -> None:
    size, width, stride, dilation = window
    values, kernel = np.random.default_rng(1).standard_normal(size), np.random.default_rng(2).standard_normal(width)
    places = positions(size, width, stride, dilation, padding)
    expected = [sum(values[p] * k for p, k in zip(row, kernel, strict=True) if 0 <= p < size) for row in places]
    got = convolve(
        torch.tensor(values).reshape(1, 1, -1),
        torch.tensor(kernel).reshape(1, 1, -1),
        strides=(stride,),
        padding=padding,
        dilations=(dilation,),
    )
    assert_close(got.flatten(), expected, "float64 elementwise")
    assert output_sizes((size, None), (width,) * 2, (stride,) * 2, (dilation,) * 2, padding) == [len(expected), None]


def test_what_is_odd_is_padded_at_the_end() -> None:
    assert pads((6, 5), (2, 3), (1, 2), (1, 1), "same") == [(0, 1), (1, 1)]
    assert pads((6,), (3,), (1,), (2,), "causal") == [(4, 0)]
    assert span(3, 4) == 9


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("window", [window for window in WINDOWS if 1 in window[2:]], ids=str)
def test_the_transposed_convolution_is_the_gradient(window: tuple[int, int, int, int], padding: str) -> None:
    size, width, stride, dilation = window
    options: dict[str, Any] = {"strides": (stride,), "padding": padding, "dilations": (dilation,)}
    out = transposed_output_size(size, width, stride, dilation, padding, None)
    rng = np.random.default_rng(3)
    values, weight = torch.tensor(rng.standard_normal((2, 4, size))), torch.tensor(rng.standard_normal((4, 3, width)))
    inputs = torch.zeros(2, 3, out, dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(convolve(inputs, weight, **options), inputs, values)
    assert_close(convolve_transposed(values, weight, sizes=(out,), **options), gradient, "float64 elementwise")
