import torch

from torch_keras_lstm import metrics

Y_TRUE, Y_PRED = torch.tensor([1, 0, 1, 1]), torch.tensor([0.9, 0.6, 0.2, 0.55])


def test_by_hand() -> None:
    assert metrics.Precision()(Y_TRUE, Y_PRED) == 2 / 3
    assert metrics.Recall(thresholds=[0.1, 0.6])(Y_TRUE, Y_PRED).tolist() == [1, torch.tensor(1 / 3).item()]
    assert metrics.TruePositives()(Y_TRUE, Y_PRED, [1.0, 1.0, 1.0, 0.5]) == 1.5
    assert metrics.FalseNegatives()(Y_TRUE, Y_PRED) == 1
    assert metrics.FalsePositives()(Y_TRUE, Y_PRED) == 1
    assert metrics.TrueNegatives()(Y_TRUE, Y_PRED) == 0


def test_nothing_decided_yet() -> None:
    assert metrics.Precision().result() == 0


def test_configurations() -> None:
    metric = metrics.Recall(thresholds=0.3, top_k=2, name="r")
    expected = {"name": "r", "dtype": None, "thresholds": 0.3, "top_k": 2, "class_id": None}
    assert metric.get_config() == expected
    assert metrics.Recall.from_config(expected).get_config() == expected
    assert metrics.TruePositives(0.3, "t").get_config() == {"name": "t", "dtype": None, "thresholds": 0.3}
