import pytest
import torch

from tests.tolerances import assert_close
from torch_keras_lstm.layers import Activation

INPUTS = torch.tensor([[-2.0, 0.5, 3.0], [1.0, -0.25, 0.0]])


@pytest.mark.parametrize(
    ("activation", "expected"),
    [
        ("relu", torch.relu(INPUTS)),
        ("softmax", torch.softmax(INPUTS, -1)),
        (None, INPUTS),
        (torch.square, INPUTS**2),
    ],
)
def test_it_applies_the_function(activation: object, expected: torch.Tensor) -> None:
    assert torch.equal(Activation(activation)(INPUTS), expected)


def test_array_likes_and_masks() -> None:
    layer = Activation("relu")
    assert torch.equal(layer(INPUTS.tolist()), torch.relu(INPUTS))
    mask = torch.tensor([[True, False, True]])
    assert layer.compute_mask(INPUTS, mask) is mask
    assert layer.compute_output_shape((None, 3)) == (None, 3)


def test_its_activity_loss_is_divided_by_the_batch() -> None:
    layer = Activation("relu", activity_regularizer="l2")
    layer(INPUTS)
    (loss,) = layer.losses
    assert_close(loss, 0.01 * (0.25 + 9 + 1) / 2, "float32 model")


def test_configuration_round_trip() -> None:
    layer = Activation("tanh", name="a")
    assert layer.get_config()["activation"] == "tanh"
    assert torch.equal(Activation.from_config(layer.get_config())(INPUTS), torch.tanh(INPUTS))
    assert repr(layer) == "Activation('tanh', name='a')"


def test_an_unknown_name_is_refused_with_the_closest() -> None:
    with pytest.raises(ValueError, match=r"`activation`.*'rleu'.*Did you mean 'relu'\?"):
        Activation("rleu")
