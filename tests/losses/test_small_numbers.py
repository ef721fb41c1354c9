"""Values that can be worked out by hand; Keras' own numbers are in tests/parity."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch

from torch_keras_lstm import losses

T, P = [[1.0, 2.0]], [[2.0, 4.0]]
CASES: list[tuple[Callable[..., Any], list[list[float]], list[list[float]], float]] = [
    (losses.mean_squared_error, T, P, 2.5),
    (losses.mean_absolute_error, T, P, 1.5),
    (losses.mean_absolute_percentage_error, T, P, 100.0),
    (losses.mean_squared_logarithmic_error, T, P, (math.log(3 / 2) ** 2 + math.log(5 / 3) ** 2) / 2),
    (losses.huber, T, P, (0.5 + 1.5) / 2),
    (losses.log_cosh, T, P, (math.log(math.cosh(1)) + math.log(math.cosh(2))) / 2),
    (losses.cosine_similarity, T, P, -1.0),
    (losses.hinge, [[-1.0, 1.0]], [[0.5, 0.25]], (1.5 + 0.75) / 2),
    (losses.hinge, [[0.0, 1.0]], [[0.5, 0.25]], (1.5 + 0.75) / 2),
    (losses.squared_hinge, [[-1.0, 1.0]], [[0.5, 3.0]], 1.5**2 / 2),
    (losses.categorical_hinge, [[0.0, 1.0]], [[0.5, 0.25]], 1.25),
    (losses.kl_divergence, [[0.25, 0.75]], [[0.5, 0.5]], 0.25 * math.log(0.5) + 0.75 * math.log(1.5)),
    (losses.poisson, T, P, (2 - math.log(2) + 4 - 2 * math.log(4)) / 2),
    (losses.dice, [[1.0, 0.0]], [[1.0, 1.0]], 1 - 2 / 3),
    (losses.tversky, [[1.0, 0.0]], [[1.0, 1.0]], 1 - 1 / 1.5),
    (losses.binary_focal_crossentropy, [[1.0]], [[0.5]], 0.25 * math.log(2)),
    (losses.categorical_focal_crossentropy, [[1.0, 0.0]], [[0.5, 0.5]], 0.25 * 0.25 * math.log(2)),
]


@pytest.mark.parametrize(("loss", "y_true", "y_pred", "expected"), CASES)
def test_value(loss: Callable[..., Any], y_true: list[list[float]], y_pred: list[list[float]], expected: float) -> None:
    value = loss(torch.tensor(y_true, dtype=torch.float64), torch.tensor(y_pred, dtype=torch.float64))
    assert value.reshape(()).item() == pytest.approx(expected, rel=1e-6)
