import pytest
import torch

from torch_keras_lstm import metrics


def test_sum() -> None:
    metric = metrics.Sum()
    assert metric.result() == 0
    assert metric([[1, 2], [3, 4]], sample_weight=[1, 0.5]) == 6.5
    assert metric(2.0) == 8.5


def test_mean() -> None:
    metric = metrics.Mean()
    assert metric.result() == 0
    assert metric([1.0, 3.0]) == 2
    assert metric(5.0, sample_weight=2) == 3.5
    assert metric([[7.0, 9.0]], sample_weight=[0.0]) == 3.5


def test_weights_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match=r"mask of shape \(3,\) does not fit losses of shape \(2,\)"):
        metrics.Mean().update_state(torch.ones(2, 4), [1, 2, 3])
