from typing import Any

import pytest
import torch

from torch_keras_lstm.layers import CategoryEncoding

INPUTS = torch.tensor([[0, 2, 2], [1, 0, 7]])


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("multi_hot", [[1, 0, 1], [1, 1, 0]]),
        ("binary", [[1, 0, 1], [1, 1, 0]]),
        ("count", [[1, 0, 2], [1, 1, 0]]),
        ("one_hot", [[[1, 0, 0], [0, 0, 1], [0, 0, 1]], [[0, 1, 0], [1, 0, 0], [0, 0, 0]]]),
    ],
)
def test_integers_become_vectors(mode: str, expected: Any) -> None:
    layer = CategoryEncoding(3, output_mode=mode)
    assert layer(INPUTS).tolist() == expected
    assert layer.compute_output_shape((2, 3)) == tuple(layer(INPUTS).shape)
    assert CategoryEncoding.from_config(layer.get_config())(INPUTS).tolist() == expected


def test_counts_may_have_weights() -> None:
    weights = torch.tensor([[0.5, 1.0, 2.0], [1.0, 1.0, 1.0]])
    assert CategoryEncoding(3, "count")(INPUTS, count_weights=weights).tolist() == [[0.5, 0, 3], [1, 1, 0]]


def test_what_it_cannot_take_is_refused() -> None:
    with pytest.raises(ValueError, match="`num_tokens` must be a positive integer, got 0"):
        CategoryEncoding(0)
    with pytest.raises(ValueError, match="`output_mode`: expected one of 'multi_hot', 'one_hot', 'count', got 'tf"):
        CategoryEncoding(3, "tf_idf")
    with pytest.raises(ValueError, match=r"Layer `c` takes inputs of shape \(batch, length\) with `output_mode` 'cou"):
        CategoryEncoding(3, "count", name="c")(torch.zeros(2, 3, 4, dtype=torch.int64))
