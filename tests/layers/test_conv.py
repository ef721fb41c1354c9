import copy
import pickle
import re
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from tests.tolerances import assert_close
from torch_keras_lstm.layers import Conv1D, Conv2D, Conv3D

BATCH, CHANNELS, FILTERS = 2, 6, 4
SIZES = {1: (9,), 2: (8, 7), 3: (5, 6, 7)}
OURS = {1: Conv1D, 2: Conv2D, 3: Conv3D}
TORCH = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}
every_rank = pytest.mark.parametrize("rank", [1, 2, 3])


@every_rank
@pytest.mark.parametrize("groups", [1, 2])
def test_it_shares_the_state_dict_of_torchs_module_before_it_is_built_too(rank: int, groups: int) -> None:
    theirs: Any = TORCH[rank](CHANNELS, FILTERS, 3, stride=2, groups=groups)
    ours = OURS[rank](FILTERS, 3, strides=2, groups=groups, data_format="channels_first")
    ours.load_state_dict(theirs.state_dict())
    inputs = torch.randn(BATCH, CHANNELS, *SIZES[rank])
    assert_close(ours(inputs).detach(), theirs(inputs).detach(), "float32 elementwise")
    TORCH[rank](CHANNELS, FILTERS, 3, groups=groups).load_state_dict(ours.state_dict())


@every_rank
def test_the_kernel_is_in_keras_layout(rank: int) -> None:
    layer = OURS[rank](FILTERS, (3, 2, 4)[:rank], input_shape=(*SIZES[rank], CHANNELS))
    kernel, bias = layer.get_weights()
    assert kernel.shape == (*(3, 2, 4)[:rank], CHANNELS, FILTERS)
    assert bias.shape == (FILTERS,)
    layer.set_weights([np.random.default_rng(1).standard_normal(kernel.shape), bias])
    index = (1, *(0,) * (rank - 1))
    assert torch.equal(layer.weight[3, 2][index], torch.tensor(layer.get_weights()[0][(*index, 2, 3)]))


def test_integers_are_cast_and_copies_are_equal() -> None:
    layer = Conv2D(FILTERS, 2, padding="same", activation="tanh", dilation_rate=2)
    images = np.random.default_rng(2).integers(0, 255, (BATCH, *SIZES[2], 3)).astype("uint8")
    outputs = layer(images)
    assert outputs.dtype == torch.float32
    for copied in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert torch.equal(copied(images), outputs)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"filters": 0}, "`filters` must be a positive integer, got 0."),
        ({"kernel_size": (3, 0)}, "argument `kernel_size`: expected an integer of at least 1, or a list of 2 of them"),
        ({"strides": (1, 2, 3)}, "argument `strides`: expected an integer of at least 1, or a list of 2 of them, got"),
        ({"dilation_rate": 1.5}, "argument `dilation_rate`: expected an integer of at least 1, or a list of 2 of them"),
        ({"padding": "causal"}, "argument `padding`: expected one of 'valid', 'same', got 'causal'."),
        ({"data_format": "NHWC"}, "argument `data_format`: expected one of 'channels_last', 'channels_first', got 'NH"),
        ({"groups": 3}, "`filters` must be a multiple of `groups`, got filters=4 and groups=3."),
        ({"strides": 2, "dilation_rate": (1, 2)}, "`strides` and `dilation_rate` of layer `c` cannot both be above 1"),
    ],
)
def test_arguments_out_of_range(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        Conv2D(**{"filters": FILTERS, "kernel_size": 3, "name": "c", **arguments})


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((2, 8, 6), "Layer `c` takes inputs of shape (batch, height, width, channels), got 3 axes: (2, 8, 6)."),
        ((2, 8, 7, 3), "Layer `c` was built for 6 channels, got inputs of shape (2, 8, 7, 3) with 3."),
        ((2, 8, 2, 6), "Layer `c` has a window larger than its input of shape (2, 8, 2, 6): nothing would come out."),
    ],
)
def test_inputs_that_do_not_fit(shape: tuple[int, ...], message: str) -> None:
    layer = Conv2D(FILTERS, 3, input_shape=(None, None, CHANNELS), name="c")
    with pytest.raises(ValueError, match=re.escape(message)):
        layer(torch.zeros(shape))


def test_channels_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match=r"Layer `c` needs the number of channels to be built, got \(None, 5, N"):
        Conv1D(2, 3, name="c").build((None, 5, None))
    with pytest.raises(ValueError, match=r"Layer `c` has 2 groups, which do not divide the 3 channels of inputs"):
        Conv1D(2, 3, groups=2, name="c").build((None, 5, 3))
    first = r"takes inputs of shape \(batch, channels, length\), got 2 axes"
    with pytest.raises(ValueError, match=first):
        Conv1D(2, 3, data_format="channels_first").build((None, 5))


def test_it_prints_what_differs_from_the_defaults() -> None:
    layer = Conv1D(2, 3, padding="causal", dilation_rate=2, activation="relu", use_bias=False, groups=2, name="c")
    layer.build((None, None, 4))
    assert repr(layer) == (
        "Conv1D(4, 2, kernel_size=(3,), name='c', padding='causal', dilation_rate=(2,), activation='relu', "
        "use_bias=False, groups=2)"
    )
