import pytest
import torch

from torch_keras_lstm.layers import UpSampling1D, UpSampling2D


def test_steps_are_repeated_and_integers_stay_integers() -> None:
    assert UpSampling1D(2)(torch.tensor([[[3], [4]]])).flatten().tolist() == [3, 3, 4, 4]


def test_other_arguments() -> None:
    with pytest.raises(ValueError, match=r"argument `interpolation`: expected one of 'nearest', 'area', 'bilinear', "):
        UpSampling2D(interpolation="sharp")
    with pytest.raises(ValueError, match=r"argument `size`: expected an integer of at least 1, or a list of 2 of them"):
        UpSampling2D((2, 0))
