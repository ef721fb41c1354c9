import pytest
import torch

from torch_keras_lstm import metrics

Y_TRUE, Y_PRED = torch.tensor([[1.0], [2.0], [3.0]]), torch.tensor([[1.0], [2.0], [4.0]])


def test_by_hand() -> None:
    assert metrics.R2Score()(Y_TRUE, Y_PRED) == 0.5
    assert metrics.R2Score(num_regressors=1)(Y_TRUE, Y_PRED) == 0
    assert metrics.R2Score().result().isnan()


def test_too_many_regressors() -> None:
    with pytest.warns(UserWarning, match="`r2_score` is not adjusted: 2 independent variables are too many for 3 sam"):
        assert metrics.R2Score(num_regressors=2)(Y_TRUE, Y_PRED) == 0.5


def test_arguments_and_shapes() -> None:
    with pytest.raises(ValueError, match="`num_regressors` must be an integer of at least 0, got -1"):
        metrics.R2Score(num_regressors=-1)
    with pytest.raises(ValueError, match="`class_aggregation`: expected one of None, 'uniform_average'"):
        metrics.R2Score("mean")
    with pytest.raises(ValueError, match=r"`r2_score` expects predictions \(batch, outputs\), got shape \(3,\)"):
        metrics.R2Score()(torch.ones(3), torch.ones(3))
