import pytest
import torch

from torch_keras_lstm import metrics


def test_a_root_is_taken_at_the_end() -> None:
    metric = metrics.RootMeanSquaredError()
    metric.update_state([0.0, 0.0], torch.tensor([3.0, 5.0]))
    metric.update_state([[0.0]], torch.tensor([[4.0]]))
    torch.testing.assert_close(metric.result(), torch.tensor(50 / 3).sqrt())


def test_the_same_direction_has_the_cosine_1() -> None:
    assert metrics.CosineSimilarity()([[1.0, 0.0]], torch.tensor([[4.0, 0.0]])) == 1


def test_targets_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match="root_mean_squared_error expects targets of the shape of the predictions"):
        metrics.RootMeanSquaredError()(torch.zeros(5, 3), torch.zeros(5, 2))
