import pytest
import torch

from torch_keras_lstm.layers import Masking

INPUTS = torch.tensor([[[1.0, 2.0], [-1.5, 3.0], [-1.5, -1.5]], [[-1.5, -1.5], [0.0, 0.0], [4.0, 5.0]]])
UNMASKED = torch.tensor([[True, True, False], [False, True, True]])


def test_steps_that_are_the_value_throughout_are_masked_and_zeroed() -> None:
    layer = Masking(-1.5)
    assert torch.equal(layer.compute_mask(INPUTS), UNMASKED)
    assert torch.equal(layer(INPUTS), INPUTS * UNMASKED[..., None])
    assert torch.equal(layer.compute_mask(INPUTS.tolist()), UNMASKED)


def test_a_mask_that_comes_in_is_replaced() -> None:
    assert torch.equal(Masking(-1.5).compute_mask(INPUTS, torch.zeros(2, 3, dtype=torch.bool)), UNMASKED)


def test_masked_steps_get_no_gradient_and_infinite_ones_leave_no_nan() -> None:
    inputs = torch.full((1, 2, 3), float("inf"))
    inputs[0, 1] = 2.0
    layer = Masking(2.0)
    inputs.requires_grad_()
    outputs = layer(inputs)
    outputs.sum().backward()
    assert torch.equal(outputs[0, 1], torch.zeros(3))
    assert inputs.grad is not None
    assert torch.equal(inputs.grad[0], torch.tensor([[1.0] * 3, [0.0] * 3]))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_the_value_matches_its_rounding(dtype: torch.dtype) -> None:
    inputs = torch.full((1, 2, 3), -1.1, dtype=dtype)
    assert not Masking(-1.1).to(dtype).compute_mask(inputs).any()


def test_it_can_be_made_without_memory() -> None:
    with torch.device("meta"):
        layer = Masking(-1.5)
    assert layer.device.type == "meta"
    assert layer(INPUTS.to("meta")).shape == INPUTS.shape


def test_integers_are_compared_as_they_are() -> None:
    inputs = torch.tensor([[[2**25 + 1, 2**25 + 1], [2**25, 2**25]]])
    assert Masking(2**25).compute_mask(inputs).tolist() == [[True, False]]
    assert Masking(2**25)(inputs).dtype == torch.int64


def test_shape_and_configuration() -> None:
    layer = Masking(-1.5, name="m")
    assert layer.compute_output_shape((None, 3, 2)) == (None, 3, 2)
    assert Masking.from_config(layer.get_config()).mask_value == -1.5
    assert repr(layer) == "Masking(mask_value=-1.5, name='m')"


def test_inputs_of_one_axis_are_refused() -> None:
    with pytest.raises(
        ValueError, match=r"Layer `m` takes inputs of shape \(batch, time, features\), got shape \(3,\)"
    ):
        Masking(name="m")(torch.ones(3))


@pytest.mark.parametrize("value", ["0", None, float("nan")])
def test_the_value_must_be_a_number(value: object) -> None:
    with pytest.raises(ValueError, match="`mask_value`: expected a finite number, got"):
        Masking(value)  # type: ignore[arg-type]
