from typing import Any

import pytest
import torch
from torch import nn

from tests.tolerances import assert_close
from torch_keras_lstm.layers import Conv1DTranspose, Conv2DTranspose, Conv3DTranspose

SIZES = {1: (9,), 2: (8, 7), 3: (5, 6, 7)}
OURS = {1: Conv1DTranspose, 2: Conv2DTranspose, 3: Conv3DTranspose}
TORCH = {1: nn.ConvTranspose1d, 2: nn.ConvTranspose2d, 3: nn.ConvTranspose3d}


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_it_shares_the_state_dict_of_torchs_module_before_it_is_built_too(rank: int) -> None:
    theirs: Any = TORCH[rank](3, 4, 5, stride=2, output_padding=1)
    ours = OURS[rank](4, 5, strides=2, output_padding=1, data_format="channels_first")
    ours.load_state_dict(theirs.state_dict())
    inputs = torch.randn(2, 3, *SIZES[rank])
    assert_close(ours(inputs).detach(), theirs(inputs).detach(), "float32 elementwise")
    TORCH[rank](3, 4, 5).load_state_dict(ours.state_dict())


def test_output_padding_is_less_than_the_strides() -> None:
    with pytest.raises(ValueError, match=r"`output_padding` must be less than `strides` along each axis, got \(0, 2\)"):
        Conv2DTranspose(4, 3, strides=(1, 2), output_padding=(0, 2))
    with pytest.raises(ValueError, match=r"argument `output_padding`: expected an integer of at least 0"):
        Conv2DTranspose(4, 3, strides=2, output_padding=-1)


def test_inputs_of_other_channels() -> None:
    layer = Conv1DTranspose(4, 3, input_shape=(None, 5), name="c")
    with pytest.raises(ValueError, match=r"Layer `c` was built for 5 channels, got inputs of shape \(2, 6, 3\) with 3"):
        layer(torch.zeros(2, 6, 3))
