import re

import pytest
import torch
from torchmetrics.classification import BinaryAUROC, MulticlassAccuracy

from torch_keras_lstm import metrics


def test_the_exact_area_under_the_curve() -> None:
    metric = metrics.resolve(BinaryAUROC(), torch.zeros(3, 1), torch.zeros(3, 1))
    assert isinstance(metric, metrics.TorchMetric)
    assert metric.name == "binary_auroc"
    metric.update_state(torch.tensor([[0], [1]]), torch.tensor([[0.001], [0.002]]))
    metric.update_state([1], torch.tensor([[0.003]], requires_grad=True))
    assert metric.result() == 1
    assert metric.variables == []
    metric.reset_state()
    metric.update_state([[1], [0]], torch.tensor([[0.001], [0.002]]))
    assert metric.result() == 0


@pytest.mark.parametrize("column", [False, True])
def test_steps_become_samples_and_masked_ones_are_left_out(column: bool) -> None:
    y_pred = torch.eye(3)[torch.tensor([[0, 1, 2], [2, 0, 1]])]
    y_true = torch.tensor([[0, 1, 1], [2, 2, 1]])
    given = y_true.unsqueeze(-1) if column else y_true
    metric = metrics.TorchMetric(MulticlassAccuracy(3, average="micro"))
    torch.testing.assert_close(metric(given, y_pred), torch.tensor(4 / 6))
    metric.reset_state()
    assert metric(given, y_pred, mask=torch.tensor([[True, False, True], [True, False, True]])) == 3 / 4


def test_it_takes_no_weights() -> None:
    message = (
        "`binary_auroc` is a metric of torchmetrics, which takes no `sample_weight`: move it from `weighted_metrics`"
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        metrics.TorchMetric(BinaryAUROC()).update_state([1], torch.ones(1), sample_weight=[1.0])
