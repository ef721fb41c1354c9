import pytest
import torch

from torch_keras_lstm import metrics

Y_TRUE, Y_PRED = torch.tensor([0, 0, 0, 1, 1]), torch.tensor([0.1, 0.3, 0.8, 0.6, 0.9])


def test_by_hand() -> None:
    assert metrics.SensitivityAtSpecificity(0.6)(Y_TRUE, Y_PRED) == 1
    assert metrics.SensitivityAtSpecificity(1.0)(Y_TRUE, Y_PRED) == 0.5
    torch.testing.assert_close(metrics.SpecificityAtSensitivity(1.0)(Y_TRUE, Y_PRED), torch.tensor(2 / 3))
    torch.testing.assert_close(metrics.PrecisionAtRecall(1.0)(Y_TRUE, Y_PRED), torch.tensor(2 / 3))
    assert metrics.RecallAtPrecision(1.0)(Y_TRUE, Y_PRED) == 0.5


def test_what_it_is_made_with() -> None:
    with pytest.raises(ValueError, match=r"`recall` must be a number from 0 to 1, got 1.5"):
        metrics.PrecisionAtRecall(1.5)
    with pytest.raises(ValueError, match="`num_thresholds` must be a positive integer, got 0"):
        metrics.PrecisionAtRecall(0.5, num_thresholds=0)
    config = metrics.PrecisionAtRecall(0.5, num_thresholds=7, name="p").get_config()
    assert config == {"name": "p", "dtype": None, "class_id": None, "num_thresholds": 7, "recall": 0.5}
    assert metrics.PrecisionAtRecall.from_config(config).get_config() == config
