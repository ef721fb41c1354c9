import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from torch_keras_lstm.layers import Input
from torch_keras_lstm.layers.keras_tensor import KerasTensor, has_symbolic
from torch_keras_lstm.models import Model

X = torch.tensor([[0.5, -1.5, 2.0], [3.0, 0.25, -2.0]])


@pytest.mark.parametrize(
    "compute",
    [
        *(lambda x, f=f: f(x, 2.0) for f in (operator.add, operator.sub, operator.mul, operator.truediv, operator.pow)),
        *(lambda x, f=f: f(2.0, x) for f in (operator.add, operator.sub, operator.mul, operator.truediv)),
        *(lambda x, f=f: f(x, 0.7) for f in (operator.floordiv, operator.mod, operator.lt, operator.le)),
        *(lambda x, f=f: f(x, 0.5) for f in (operator.gt, operator.ge, operator.ne)),
        lambda x: -x + abs(x),
        lambda x: ~(x > 0.0) | (x < 1.0) & (x > -1.0) ^ (x > 2.0),
        lambda x: x @ np.ones((3, 2), "float32"),
        lambda x: np.arange(3, dtype="float32") * x,
        lambda x: x[:, -1],
        lambda x: x[..., ::-1],
        lambda x: x[:, None, 1:],
        lambda x: x * x + np.arange(3, dtype="float32"),
    ],
)
def test_operators_become_operations_of_the_model(compute: Callable[[Any], Any]) -> None:
    x = Input((3,))
    y = compute(x)
    assert isinstance(y, KerasTensor)
    expected = torch.as_tensor(np.array(compute(X.numpy())))
    got = Model(x, y)(X)
    assert got.dtype == y.dtype == expected.dtype
    torch.testing.assert_close(got, expected)


def test_tensors_are_keys_and_equal_to_themselves_alone() -> None:
    x, y = Input((3,)), Input((3,))
    assert x == x
    assert not x == y  # noqa: SIM201 - `!=` computes
    assert {x: 1, y: 2}[y] == 2


@pytest.mark.parametrize("use", [bool, float, len, list, np.asarray, torch.as_tensor, lambda x: torch.cat([x, x])])
def test_it_has_no_numbers(use: Callable[[Any], Any]) -> None:
    with pytest.raises(TypeError, match="no numbers yet"):
        use(Input((3,), name="x"))


def test_it_is_found_in_lists_and_dictionaries() -> None:
    x = Input((3,))
    assert has_symbolic([X, {"a": (None, [x])}])
    assert not has_symbolic([X, {"a": (None, [X])}, "x"])
