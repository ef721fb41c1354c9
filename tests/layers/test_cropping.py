import pytest
import torch

from torch_keras_lstm.layers import Cropping1D, Cropping2D


def test_something_must_be_left() -> None:
    with pytest.raises(ValueError, match=r"Layer `c` cuts off \(\(2, 1\),\), which leaves nothing of inputs of shape"):
        Cropping1D((2, 1), name="c")(torch.zeros(2, 3, 4))
    assert Cropping1D((2, 1))(torch.arange(4).reshape(1, 4, 1)).tolist() == [[[2]]]


def test_another_cropping() -> None:
    with pytest.raises(ValueError, match=r"argument `cropping`: expected an integer, or an integer or a pair for each"):
        Cropping2D([1])
