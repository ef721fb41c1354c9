import re
from typing import Any

import pytest
import torch

from torch_keras_lstm.layers import AveragePooling1D, AveragePooling2D, MaxPooling1D, MaxPooling2D


def test_padding_never_wins_and_never_counts() -> None:
    inputs = torch.tensor([[[-1.0], [-2.0], [-4.0]]])
    assert MaxPooling1D(2, padding="same")(inputs).flatten().tolist() == [-1.0, -4.0]
    assert AveragePooling1D(2, padding="SAME")(inputs).flatten().tolist() == [-1.5, -4.0]


def test_integers_are_cast() -> None:
    pooled = AveragePooling2D()(torch.arange(16).reshape(1, 4, 4, 1))
    assert pooled.flatten().tolist() == [2.5, 4.5, 10.5, 12.5]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"pool_size": 0}, "argument `pool_size`: expected an integer of at least 1, or a list of 2 of them, got 0."),
        ({"strides": "2"}, "argument `strides`: expected an integer of at least 1, or a list of 2 of them, got '2'."),
        ({"padding": "causal"}, "argument `padding`: expected one of 'valid', 'same', got 'causal'."),
    ],
)
def test_arguments_out_of_range(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        MaxPooling2D(**arguments)


def test_inputs_smaller_than_the_window() -> None:
    with pytest.raises(ValueError, match=r"Layer `p` has a window larger than its input of shape \(2, 3, 5\)"):
        MaxPooling1D(4, name="p")(torch.zeros(2, 3, 5))
