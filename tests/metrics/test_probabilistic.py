import math

import pytest
import torch

from torch_keras_lstm import activations, metrics


def test_the_logits_behind_an_activation_count() -> None:
    y_pred = activations.sigmoid(torch.tensor([[50.0]]))
    assert metrics.BinaryCrossentropy()([[0.0]], y_pred) == 50


def test_an_ignored_class_counts_as_0_unless_something_is_weighed() -> None:
    y_true, y_pred = torch.tensor([0, 2]), torch.tensor([[0.5, 0.5], [0.5, 0.5]])
    metric = metrics.SparseCategoricalCrossentropy(ignore_class=2)
    assert metric(y_true, y_pred).item() == pytest.approx(math.log(2) / 2)
    metric.reset_state()
    assert metric(y_true, y_pred, sample_weight=[1.0, 1.0]).item() == pytest.approx(math.log(2))
