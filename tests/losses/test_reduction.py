import re

import pytest
import torch

from torch_keras_lstm.losses.reduction import divide_no_nan, match_ranks, reduce_weighted


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ((5,), (5, 1), ((5, 1), (5, 1))),
        ((5, 1), (5,), ((5, 1), (5, 1))),
        ((5, 4), (5, 4, 1), ((5, 4), (5, 4))),
        ((5, 4, 1), (5, 4), ((5, 4), (5, 4))),
        ((5,), (5, 3), ((5,), (5, 3))),
        ((5,), (5, 1, 1), ((5,), (5, 1, 1))),
    ],
)
def test_match_ranks(first: tuple[int, ...], second: tuple[int, ...], expected: tuple[tuple[int, ...], ...]) -> None:
    assert tuple(tuple(x.shape) for x in match_ranks(torch.zeros(first), torch.zeros(second))) == expected


def test_match_ranks_can_take_the_axis_away() -> None:
    first, second = match_ranks(torch.zeros(5), torch.zeros(5, 1), expand_vectors=False)
    assert first.shape == second.shape == (5,)


def test_divide_no_nan_has_a_gradient_of_0_where_it_divides_by_0() -> None:
    numerator = torch.tensor([1.0, 2.0], requires_grad=True)
    quotient = divide_no_nan(numerator, torch.tensor([0.0, 4.0]))
    quotient.sum().backward()
    assert quotient.tolist() == [0.0, 0.5]
    assert numerator.grad is not None
    assert numerator.grad.tolist() == [0.0, 0.25]


def test_a_mean_is_over_what_the_mask_leaves() -> None:
    values, mask = torch.tensor([1.0, 3.0, 100.0]), torch.tensor([True, True, False])
    assert reduce_weighted(values, None, mask, "mean") == 2
    assert reduce_weighted(values, None, mask, "sum") == 4
    assert reduce_weighted(values, None, torch.zeros(3, dtype=torch.bool), "mean") == 0


def test_weights_do_not_change_what_a_mean_divides_by() -> None:
    values, weight = torch.tensor([1.0, 3.0]), torch.tensor([0.5, 0.0])
    assert reduce_weighted(values, weight, None, "sum_over_batch_size") == 0.25
    assert reduce_weighted(values, weight, None, "mean_with_sample_weight") == 1
    assert reduce_weighted(values, 0 * weight, None, "mean_with_sample_weight") == 0


def test_nothing_at_all_has_the_mean_0() -> None:
    assert reduce_weighted(torch.zeros(0, 3), None, None, "mean") == 0


def test_weights_that_do_not_fit() -> None:
    message = "A `sample_weight` or mask of shape (3,) does not fit losses of shape (5, 4): expected one weight"
    with pytest.raises(ValueError, match=re.escape(message)):
        reduce_weighted(torch.zeros(5, 4), torch.ones(3), None, "mean")
    with pytest.raises(ValueError, match=r"mask of shape \(5,\) does not fit losses of shape \(5, 4\)"):
        reduce_weighted(torch.zeros(5, 4), torch.ones(5), torch.ones(5, 4, dtype=torch.bool), "mean")
