import pytest
import torch

from torch_keras_lstm.layers import Concatenate

FIRST, SECOND = torch.randn(3, 5, 2), torch.randn(3, 5, 4)
MASK, OTHER = torch.rand(3, 5) < 0.5, torch.rand(3, 5) < 0.5


def test_masks_of_older_keras_must_all_hold() -> None:
    layer = Concatenate(combine_masks="all")
    assert torch.equal(layer.compute_mask([FIRST, SECOND], [MASK, OTHER]), MASK & OTHER)
    assert torch.equal(layer.compute_mask([FIRST, SECOND], [None, OTHER]), OTHER)
    assert torch.equal(Concatenate().compute_mask([FIRST, SECOND], [MASK, OTHER]), MASK | OTHER)


def test_along_time_masks_are_joined_like_the_inputs() -> None:
    got = Concatenate(axis=1).compute_mask([FIRST, FIRST], [MASK, None])
    assert torch.equal(got, torch.cat((MASK, torch.ones_like(MASK)), 1))


def test_output_shape() -> None:
    assert Concatenate().compute_output_shape([(None, 5, 2), (None, 5, 4)]) == (None, 5, 6)
    assert Concatenate(1).compute_output_shape([(None, None, 2), (None, 5, 2)]) == (None, None, 2)


def test_errors_say_what_does_not_fit() -> None:
    with pytest.raises(
        ValueError, match=r"Layer `c` takes inputs of one shape but for axis 1, got \(3, 5, 2\), \(3, 5, 4\)"
    ):
        Concatenate(1, name="c")([FIRST, SECOND])
    with pytest.raises(ValueError, match=r"Layer `c` joins axis 3, which inputs of shape \(3, 5, 2\) have not"):
        Concatenate(3, name="c")([FIRST, FIRST])
    with pytest.raises(ValueError, match="`axis`: expected an integer, got 'last'"):
        Concatenate("last")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="of one shape but for axis -1"):
        Concatenate()([FIRST, FIRST[:, 0]])
