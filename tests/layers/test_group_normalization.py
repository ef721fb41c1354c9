"""GroupNormalization beside torch's module, and bad input."""

import pytest
import torch

from tests.tolerances import assert_close
from torch_keras_lstm.layers import GroupNormalization


def test_a_state_dict_fits_torchs_module() -> None:
    module = torch.nn.GroupNorm(3, 6, eps=1e-3, dtype=torch.float64)
    with torch.no_grad():
        module.weight.normal_()
        module.bias.normal_()
    layer, inputs = GroupNormalization(3, axis=1, dtype="float64"), torch.randn(4, 6, 5, dtype=torch.float64)
    layer.load_state_dict(module.state_dict())
    assert_close(layer(inputs).detach(), module(inputs).detach(), "float64")


def test_minus_one_makes_each_channel_a_group() -> None:
    inputs = torch.randn(4, 5, 6)
    assert torch.equal(GroupNormalization(-1)(inputs), GroupNormalization(6)(inputs))


@pytest.mark.parametrize("groups", [0, -2])
def test_a_number_of_groups_that_is_none_is_refused(groups: int) -> None:
    with pytest.raises(ValueError, match=f"`groups` must be a positive integer, or -1 .*, got {groups}"):
        GroupNormalization(groups)


def test_groups_must_divide_the_channels() -> None:
    with pytest.raises(ValueError, match="`norm` cannot divide 6 channels into 4 groups"):
        GroupNormalization(4, name="norm").build((None, 5, 6))
