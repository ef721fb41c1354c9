"""PReLU beside torch's module, and bad input."""

import pytest
import torch

from torch_keras_lstm.layers import PReLU


def test_with_all_axes_but_the_channels_shared_it_is_torchs() -> None:
    module = torch.nn.PReLU(3)
    with torch.no_grad():
        module.weight.normal_()
    layer, inputs = PReLU(shared_axes=[1], input_shape=(5, 3)), torch.randn(4, 5, 3)
    layer.set_weights([module.weight.detach()[None]])
    assert torch.equal(layer(inputs), module(inputs.mT).mT)


@pytest.mark.parametrize(
    ("shared_axes", "shape", "message"),
    [
        ([0], (4, 5, 3), r"`shared_axes` \[0\] of layer `p` must lie between 1 and 2 for inputs of shape \(4, 5, 3\)"),
        (3, (4, 5, 3), r"`shared_axes` \[3\] of layer `p` must lie between 1 and 2"),
        ("time", (4, 5, 3), "argument `shared_axes`: expected a list of integers, got 'time'"),
        ([2], (4, None, 3), r"`p` needs the size of every axis that is not in `shared_axes`, got \(4, None, 3\)"),
    ],
)
def test_bad_axes_are_named(shared_axes: list[int], shape: tuple[int | None, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        PReLU(shared_axes=shared_axes, name="p").build(shape)


def test_other_sizes_than_it_was_built_for_are_refused() -> None:
    layer = PReLU(name="p", input_shape=(5, 3))
    with pytest.raises(ValueError, match=r"`alpha` of shape \(5, 3\), but inputs of shape \(4, 6, 3\) need \(6, 3\)"):
        layer(torch.randn(4, 6, 3))
