"""A row of a layer's weight table: Keras' layout to torch's and back."""

import pytest
import torch

from torch_keras_lstm import initializers
from torch_keras_lstm.layers.weight import WeightRow


@pytest.mark.parametrize(
    ("parameters", "axes", "blocks", "shape", "torch_shape"),
    [
        (("weight",), (1, 0), (), (4, 6), (6, 4)),
        (("weight",), None, (), (4, 6, 2), (4, 6, 2)),
        (("weight",), (1, 0), (2, 0, 1), (4, 6), (6, 4)),
        (("first", "second"), (0, 1), (1, 0, 2), (2, 6), (6,)),
        (("count",), None, (), (), ()),
    ],
)
def test_what_goes_to_torch_comes_back(
    parameters: tuple[str, ...],
    axes: tuple[int, ...] | None,
    blocks: tuple[int, ...],
    shape: tuple[int, ...],
    torch_shape: tuple[int, ...],
) -> None:
    row = WeightRow("weight", parameters, axes, initializers.get("zeros"), blocks=blocks)
    array = torch.randn(shape)
    parts = row.to_torch(array)
    assert row.torch_shape(shape) == torch_shape
    assert {name: tuple(part.shape) for name, part in parts.items()} == dict.fromkeys(parameters, torch_shape)
    assert torch.equal(row.to_keras(*parts.values()), array)


def test_blocks_stand_where_torch_has_them() -> None:
    row = WeightRow("bias", ("a", "b"), (0, 1), initializers.get("zeros"), blocks=(2, 0, 1))
    parts = row.to_torch(torch.arange(12).reshape(2, 6))
    assert parts["a"].tolist() == [4, 5, 0, 1, 2, 3]
    assert parts["b"].tolist() == [10, 11, 6, 7, 8, 9]
