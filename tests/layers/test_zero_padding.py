import re
from typing import Any

import pytest
import torch

from torch_keras_lstm.layers import ZeroPadding1D, ZeroPadding2D


def test_integers_stay_integers() -> None:
    assert ZeroPadding1D((1, 2))(torch.tensor([[[3], [4]]])).flatten().tolist() == [0, 3, 4, 0, 0]


@pytest.mark.parametrize(
    ("padding", "message"),
    [
        (-1, "argument `padding`: expected an integer of at least 0, or a list of 2 of them, got -1."),
        (
            (1, 2, 3),
            "argument `padding`: expected an integer, or an integer or a pair for each of 2 axes, got (1, 2, 3)",
        ),
        (
            ((1, 2), (1, 2, 3)),
            "argument `padding`: expected an integer of at least 0, or a list of 2 of them, got (1, 2",
        ),
    ],
)
def test_another_padding(padding: Any, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        ZeroPadding2D(padding)
