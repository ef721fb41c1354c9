import torch

from torch_keras_lstm.layers import Identity


def test_it_gives_back_its_inputs_in_its_type() -> None:
    inputs = torch.randn(2, 3)
    assert Identity()(inputs) is inputs
    assert Identity(dtype="float64")(inputs).dtype == torch.float64
    assert Identity(activity_regularizer="l2")(inputs) is inputs


def test_a_mask_goes_on() -> None:
    mask = torch.tensor([[True, False]])
    assert Identity().compute_mask(torch.zeros(1, 2, 3), mask) is mask
