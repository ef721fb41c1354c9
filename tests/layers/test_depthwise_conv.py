import pytest
import torch
from torch import nn

from tests.tolerances import assert_close
from torch_keras_lstm.layers import DepthwiseConv1D, DepthwiseConv2D


def test_it_shares_the_state_dict_of_torchs_grouped_module() -> None:
    theirs = nn.Conv2d(5, 5, 3, groups=5)
    ours = DepthwiseConv2D(3, data_format="channels_first")
    ours.load_state_dict(theirs.state_dict())
    inputs = torch.randn(2, 5, 8, 7)
    assert_close(ours(inputs).detach(), theirs(inputs).detach(), "float32 elementwise")


def test_kernels_of_a_channel_stand_together() -> None:
    layer = DepthwiseConv1D(1, depth_multiplier=2, use_bias=False, input_shape=(None, 3))
    layer.set_weights([[[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]]])
    inputs = torch.tensor([[[1.0, 10.0, 100.0]]])
    assert layer(inputs).tolist() == [[[1.0, 2.0, 30.0, 40.0, 500.0, 600.0]]]


def test_the_multiplier_is_positive() -> None:
    with pytest.raises(ValueError, match=r"`depth_multiplier` must be a positive integer, got 0\."):
        DepthwiseConv2D(3, depth_multiplier=0)
