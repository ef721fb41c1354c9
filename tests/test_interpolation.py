import pytest
import torch

from torch_keras_lstm.interpolation import KERNELS, enlarge, resizing_matrix

every_method = pytest.mark.parametrize("method", KERNELS)


@every_method
def test_weights_add_up_to_one_and_are_the_same_from_both_ends(method: str) -> None:
    matrix = resizing_matrix(5, 15, method)
    assert matrix.shape == (15, 5)
    torch.testing.assert_close(matrix.sum(dim=1), torch.ones(15, dtype=torch.float64))
    torch.testing.assert_close(matrix, matrix.flip(0, 1))


@every_method
def test_it_differentiates_after_a_call_for_inference(method: str) -> None:
    images = torch.randn(2, 3, 4, 5)
    with torch.inference_mode():
        expected = enlarge(images, (2, 3), method)
    outputs = enlarge(images.requires_grad_(), (2, 3), method)
    assert outputs.shape == (2, 3, 8, 15)
    assert torch.equal(outputs, expected)
    outputs.sum().backward()
    assert images.grad is not None
    torch.testing.assert_close(images.grad.sum(), torch.tensor(outputs.numel(), dtype=torch.float32))
