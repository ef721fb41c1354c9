import pytest
import torch

from torch_keras_lstm.layers import Dot

FIRST, SECOND = torch.randn(3, 5, 2), torch.randn(3, 4, 2)


def test_vectors_leave_an_axis_of_size_1() -> None:
    assert torch.allclose(Dot(1)([FIRST[:, 0], SECOND[:, 0]]), (FIRST[:, 0] * SECOND[:, 0]).sum(1, keepdim=True))


def test_normalized_products_are_cosines_and_zeros_stay_zeros() -> None:
    got = Dot(2, normalize=True)([FIRST, torch.cat((SECOND, torch.zeros(3, 1, 2)), 1)])
    expected = torch.cosine_similarity(FIRST[:, :, None], SECOND[:, None], dim=-1)
    torch.testing.assert_close(got[..., :4], expected)
    assert not got[..., 4].any()


def test_output_shape() -> None:
    assert Dot((1, 2)).compute_output_shape([(None, 5, 2), (None, None, 5)]) == (None, 2, None)
    assert Dot(1).compute_output_shape([(None, 5), (None, 5)]) == (None, 1)


def test_errors_say_what_does_not_fit() -> None:
    with pytest.raises(ValueError, match=r"Layer `d` sums over axes 1, which must be of equal size .* \(3, 5, 2\) and"):
        Dot(1, name="d")([FIRST, SECOND])
    with pytest.raises(ValueError, match="and not the batch axis"):
        Dot(0)([FIRST, SECOND])
    with pytest.raises(ValueError, match="`axes` must be an integer or a pair of them"):
        Dot((1, 2, 3))
    with pytest.raises(ValueError, match="Layer `d` takes inputs of at least 2 axes"):
        Dot(0, name="d")([FIRST[:, 0, 0], SECOND])
