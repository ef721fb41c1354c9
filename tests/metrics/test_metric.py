import re

import pytest
import torch
from torch import Tensor

from torch_keras_lstm import metrics


class Largest(metrics.Metric):
    """The sum of the largest value of each batch, and how many batches there were."""

    def __init__(self, name: str | None = None, dtype: object = None) -> None:
        super().__init__(dtype, name)
        self.add_sum((), "total")

    def update_state(self, y_true: Tensor, y_pred: Tensor) -> None:
        self.add("total", self.floating(y_pred).amax())
        self.add("batches", torch.ones(2))

    def result(self) -> Tensor:
        return self.total


def test_a_metric_of_ones_own() -> None:
    metric = Largest()
    prediction = torch.tensor([1.0, 3.0], requires_grad=True)
    assert metric(prediction, prediction) == 3
    assert metric(prediction, prediction).requires_grad is False
    assert [value.tolist() for value in metric.variables] == [6, [2, 2]]
    metric.reset_state()
    assert [value.tolist() for value in metric.variables] == [0, [0, 0]]


def test_names_types_and_configuration() -> None:
    assert re.fullmatch(r"largest(_\d+)?", Largest().name)
    assert Largest("mine", "float64").get_config() == {"name": "mine", "dtype": "float64"}
    assert Largest.from_config({"name": "mine"}).dtype == "float32"
    assert Largest(dtype="float64").result().dtype is torch.float64
    for given, kept in ((torch.bfloat16, torch.float32), (torch.int32, torch.float32), (torch.float64, torch.float64)):
        assert Largest()(None, torch.ones(2, dtype=given)).dtype is kept


def test_what_is_missing() -> None:
    with pytest.raises(AttributeError, match="'Largest' object has no attribute 'totl'"):
        Largest().totl  # noqa: B018
    with pytest.raises(NotImplementedError, match=re.escape("Metric has no `update_state(y_true, y_pred, ...)`")):
        metrics.Metric().update_state(0, 0)
    with pytest.raises(NotImplementedError, match=re.escape("Metric has no `result()`: define it.")):
        metrics.Metric().result()
