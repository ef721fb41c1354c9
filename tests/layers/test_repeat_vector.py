import pytest
import torch

from torch_keras_lstm.layers import RepeatVector

INPUTS = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])


def test_every_step_is_the_vector() -> None:
    outputs = RepeatVector(4)(INPUTS)
    assert outputs.shape == (2, 4, 3)
    assert all(torch.equal(outputs[:, step], INPUTS) for step in range(4))


def test_gradients_of_all_steps_add_up() -> None:
    inputs = INPUTS.clone().requires_grad_()
    (RepeatVector(4)(inputs) * torch.arange(4.0)[:, None]).sum().backward()
    assert inputs.grad is not None
    assert torch.equal(inputs.grad, torch.full((2, 3), 6.0))


def test_shape_mask_and_configuration() -> None:
    layer = RepeatVector(4, name="r")
    assert layer.compute_output_shape((None, 3)) == (None, 4, 3)
    assert not layer.supports_masking
    assert RepeatVector.from_config(layer.get_config()).n == 4
    assert repr(layer) == "RepeatVector(4, name='r')"


def test_a_sequence_is_refused() -> None:
    with pytest.raises(
        ValueError, match=r"Layer `r` takes inputs of shape \(batch, features\), got shape \(2, 3, 4\)\."
    ):
        RepeatVector(4, name="r")(torch.ones(2, 3, 4))


@pytest.mark.parametrize("n", [0, -1, 2.0, True])
def test_n_must_be_a_positive_integer(n: object) -> None:
    with pytest.raises(ValueError, match=rf"`n` must be a positive integer, got {n!r}\."):
        RepeatVector(n)  # type: ignore[arg-type]
