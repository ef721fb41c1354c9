import re

import pytest
import torch
from torch import nn

from torch_keras_lstm import metrics

Y_TRUE, Y_PRED = torch.tensor([[0.0], [1.0]]), torch.tensor([[0.5], [0.25]])


def test_names_and_configurations() -> None:
    assert isinstance(metrics.get("mse"), metrics.MeanSquaredError)
    assert isinstance(metrics.get("AUC"), metrics.AUC)
    assert isinstance(metrics.get(metrics.AUC), metrics.AUC)
    assert metrics.get(None) is None
    metric = metrics.AUC(name="a")
    assert metrics.get(metric) is metric
    written = metrics.serialize(metrics.Precision(thresholds=0.3, name="p"))
    assert written == {
        "module": "keras.metrics",
        "class_name": "Precision",
        "config": {"name": "p", "dtype": None, "thresholds": 0.3, "top_k": None, "class_id": None},
        "registered_name": None,
    }
    assert metrics.serialize(metrics.deserialize(written)) == written


def test_unknown_names() -> None:
    message = "`metrics`: expected the name of a Keras metric, got 'acuracy'. Did you mean 'accuracy'?"
    with pytest.raises(ValueError, match=re.escape(message)):
        metrics.get("acuracy")
    with pytest.raises(ValueError, match="`metrics`: expected a metric, got None"):
        metrics.resolve(None, Y_TRUE, Y_PRED)


@pytest.mark.parametrize("argument", ["accuracy", "acc", "Accuracy"])
def test_the_accuracy_that_fits(argument: str) -> None:
    for y_true, y_pred, expected in (
        (torch.zeros(5, 1), torch.zeros(5, 1), metrics.BinaryAccuracy),
        (torch.zeros(5), torch.zeros(5, 3), metrics.SparseCategoricalAccuracy),
        (torch.zeros(5, 4, 1), torch.zeros(5, 4, 3), metrics.SparseCategoricalAccuracy),
        (torch.zeros(5, 3), torch.zeros(5, 3), metrics.CategoricalAccuracy),
    ):
        metric = metrics.resolve(argument, y_true, y_pred)
        assert type(metric) is expected
        assert metric.name == argument


def test_what_compile_makes_of_a_metric() -> None:
    def nearly(y_true: torch.Tensor, y_pred: torch.Tensor) -> torch.Tensor:
        return ((y_true - y_pred).abs() < 0.6).float()

    for identifier, name, value in (
        ("mae", "mae", 0.625), (metrics.MeanAbsoluteError(name="e"), "e", 0.625), (nearly, "nearly", 0.5),
        (nn.L1Loss(), "l1_loss", 0.625), (metrics.mean_absolute_error, "mean_absolute_error", 0.625),
    ):  # fmt: skip
        metric = metrics.resolve(identifier, Y_TRUE, Y_PRED)
        assert metric.name == name
        assert metric(Y_TRUE, Y_PRED) == value
