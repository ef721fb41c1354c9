import pytest
import torch

from torch_keras_lstm.layers import Permute


def test_axes_in_the_new_order() -> None:
    inputs = torch.randn(2, 3, 4, 5)
    assert torch.equal(Permute((3, 1, 2))(inputs), inputs.permute(0, 3, 1, 2))
    assert Permute((2, 1)).compute_output_shape((None, None, 4)) == (None, 4, None)


def test_errors_say_what_the_layer_takes() -> None:
    with pytest.raises(ValueError, match=r"`dims` must hold 1 to 2, each once, got \(0, 1\)"):
        Permute((0, 1))
    with pytest.raises(ValueError, match=r"Layer `p` takes inputs of 3 axes, batch axis included, got shape \(2, 3\)"):
        Permute((2, 1), name="p")(torch.ones(2, 3))
