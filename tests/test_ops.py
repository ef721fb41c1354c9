from collections.abc import Callable
from typing import Any

import pytest
import torch

from torch_keras_lstm import Input, Model, ops
from torch_keras_lstm.models import OperationLayer

X, Y = torch.randn(2, 4, 3), torch.randn(2, 3, 5)


def test_functions_of_tensors_and_of_symbolic_ones_agree() -> None:
    x, y = Input((4, 3)), Input((3, 5))
    computations: tuple[Callable[[Any, Any], Any], ...] = (
        lambda a, b: ops.mean(a, axis=1, keepdims=True),
        lambda a, b: ops.matmul(a, b),
        lambda a, b: ops.concatenate([a, a * 2.0], axis=-1),
        lambda a, b: ops.where(a > 0.0, a, 0.0),
        lambda a, b: ops.einsum("bij,bjk->bik", a, b),
        lambda a, b: ops.reshape(a, (-1, 12)),
        lambda a, b: ops.take(a, [0, 2], axis=1),
        lambda a, b: ops.pad(a, [[0, 0], [1, 0], [0, 2]], constant_values=3.0),
        lambda a, b: ops.split(a, 2, axis=1)[1],
        lambda a, b: ops.cast(a, "int32"),
        lambda a, b: ops.top_k(b, k=2)[0],
    )
    for compute in computations:
        outputs = compute(x, y)
        expected = compute(X, Y)
        assert outputs.dtype == expected.dtype
        assert torch.equal(Model([x, y], outputs)([X, Y]), expected)


def test_constants_are_configuration_and_tensors_are_called_with() -> None:
    x = Input((4, 3))
    layer = ops.sum(x, axis=-1).node.layer
    assert isinstance(layer, OperationLayer)
    assert (layer.operation, layer.arguments) == ("Sum", {"axis": -1})


def test_the_shape_of_a_tensor() -> None:
    assert ops.shape(Input((4, 3))) == (None, 4, 3)
    assert ops.shape(X) == (2, 4, 3)


def test_an_unknown_operation() -> None:
    with pytest.raises(AttributeError, match=r"`torch_keras_lstm.ops` has no operation 'meen'\. Did you mean 'mean'\?"):
        _ = ops.meen
    assert {"mean", "einsum", "top_k"} <= set(dir(ops))
    assert "add_n" not in dir(ops)


def test_operations_that_came_with_keras_3_16() -> None:
    x, y = torch.tensor([[1.0, 2.0, 4.0], [2.0, 1.0, 0.0]]), torch.tensor([[-1.0, 0.5, 2.0], [3.0, -2.0, 1.0]])
    columns = ops.column_stack([x[0], y.mT])
    assert torch.equal(columns, torch.tensor([[1.0, -1.0, 3.0], [2.0, 0.5, -2.0], [4.0, 2.0, 1.0]]))
    assert torch.equal(ops.copysign(x, y), torch.tensor([[-1.0, 2.0, 4.0], [2.0, -1.0, 0.0]]))
    torch.testing.assert_close(ops.cov(x), torch.cov(x))
    torch.testing.assert_close(ops.cov(x[0]), torch.tensor(7 / 3))
    torch.testing.assert_close(ops.float_power(torch.tensor([2, 3]), 2), torch.tensor([4.0, 9.0]))
    torch.testing.assert_close(ops.gammainc(torch.tensor(1.0), torch.tensor(2.0)), 1 - torch.exp(torch.tensor(-2.0)))
    torch.testing.assert_close(ops.lgamma(torch.tensor(5.0)), torch.tensor(24.0).log())
    square = x[:, :2]
    torch.testing.assert_close(ops.matrix_power(square, 3), square @ square @ square)
    torch.testing.assert_close(ops.matrix_power(square, -1), torch.linalg.inv(square))
