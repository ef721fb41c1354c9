import pytest
import torch

from torch_keras_lstm.layers import GlobalAveragePooling1D, GlobalMaxPooling2D


def test_masked_steps_do_not_count_whatever_they_hold() -> None:
    inputs = torch.tensor([[[1.0], [torch.nan], [5.0]]], requires_grad=True)
    pooled = GlobalAveragePooling1D()(inputs, mask=[[True, False, True]])
    pooled.sum().backward()
    assert pooled.tolist() == [[3.0]]
    assert inputs.grad is not None
    assert inputs.grad.flatten().tolist() == [0.5, 0.0, 0.5]


def test_a_mask_of_another_shape() -> None:
    message = r"`mask` of layer `g` must have shape \(batch, length\) = \(2, 3\), got \(2, 4\)\."
    with pytest.raises(ValueError, match=message):
        GlobalAveragePooling1D(name="g")(torch.zeros(2, 3, 5), mask=torch.ones(2, 4, dtype=torch.bool))


def test_inputs_of_other_axes() -> None:
    message = r"Layer `g` takes inputs of shape \(batch, channels, height, width\), got 3 axes: \(2, 3, 5\)\."
    with pytest.raises(ValueError, match=message):
        GlobalMaxPooling2D("channels_first", name="g")(torch.zeros(2, 3, 5))
