"""Metrics of a user's own, written as for Keras; tests/parity compares them with Keras itself."""

import copy
import pickle
from typing import Any

import numpy as np
import pytest
import torch

from torch_keras_lstm import layers, metrics
from torch_keras_lstm.models import Sequential


class Total(metrics.Metric):
    def __init__(self, name: str | None = "total", **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)
        self.sum = self.add_weight(name="sum", shape=(2,))
        self.batches = self.add_variable((), "zeros", "int32", name="batches")

    def update_state(self, y_true: Any, y_pred: Any) -> None:
        self.sum.assign_add(y_pred.sum(0))
        self.batches.assign_add(1)

    def result(self) -> Any:
        return self.sum


def test_variables() -> None:
    metric = Total()
    assert [variable.path for variable in metric.variables] == ["total/sum", "total/batches"]
    assert [str(variable.dtype) for variable in metric.variables] == ["torch.float32", "torch.int32"]
    metric.update_state(None, torch.tensor([[1.0, 2.0], [3.0, 5.0]]))
    metric.update_state(None, torch.tensor([[1.0, 2.0], [3.0, 5.0]]))
    assert (metric.sum / metric.batches).tolist() == [4, 7]
    assert metric.sum.value is metric.sum
    assert metric.sum.numpy().tolist() == [8, 14]
    assert np.asarray(metric.sum).dtype == np.float32
    assert repr(metric.sum) == "<StateVariable path=total/sum, shape=(2,), dtype=float32, value=[ 8. 14.]>"
    for copied in (copy.deepcopy(metric), pickle.loads(pickle.dumps(metric))):
        copied.sum.assign_sub([1, 1])
        assert copied.sum.tolist() == [7, 13]
        assert copied.sum.path == "total/sum"
    assert metric.sum.tolist() == [8, 14]
    metric.reset_states()
    assert [variable.tolist() for variable in metric.variables] == [[0, 0], 0]


def test_a_value_of_another_shape() -> None:
    with pytest.raises(ValueError, match=r"`total/sum` has shape \(2,\) and takes no value of shape \(3,\)"):
        Total().sum.assign(np.zeros(3))


def test_variables_before_the_base_class_is_made() -> None:
    class Early(metrics.Metric):
        def __init__(self) -> None:
            self.total = self.add_weight(name="total")

    with pytest.raises(RuntimeError, match=r"Call `super\(\).__init__\(\)` in `Early.__init__` before"):
        Early()


def test_metrics_within_a_metric() -> None:
    metric: Any = Total()
    metric.others = {"a": [Total("first")], "b": metrics.Mean(name="mean")}
    assert [variable.path for variable in metric.variables] == [
        "total/sum", "total/batches", "first/sum", "first/batches", "mean/total", "mean/count",
    ]  # fmt: skip
    metric.others["b"].update_state([3.0, 5.0])
    metric.reset_state()
    assert metric.others["b"].total == 0


def test_a_metric_without_weights_or_masks_in_fit() -> None:
    model = Sequential([layers.Input((5, 3)), layers.Masking(), layers.LSTM(2, return_sequences=True)])

    class Steps(metrics.Metric):
        def __init__(self) -> None:
            super().__init__(name="steps")
            self.steps = self.add_weight(name="steps")

        def update_state(self, y_true: Any, y_pred: Any) -> None:
            self.steps.assign_add(y_true.shape[1])

        def result(self) -> Any:
            return self.steps

    model.compile(loss="mse", optimizer="sgd", metrics=[Steps()])
    history = model.fit(np.ones((4, 5, 3)), np.ones((4, 5, 2)), batch_size=2, verbose=0).history
    assert history["steps"] == [10.0]


def test_stateless_values_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match="`total` has 2 variables, but 1 values were given"):
        Total().stateless_result([0.0])


@pytest.mark.parametrize("numbers", [np.float64, list, np.float32])
def test_arrays_are_measured_in_floatx(numbers: Any) -> None:
    y_true, y_pred = ([[0.3, 0.1]], [[0.7, 0.9]])
    given = (y_true, y_pred) if numbers is list else (np.array(y_true, numbers), np.array(y_pred, numbers))
    for metric in (metrics.MeanSquaredError(), metrics.Mean(), metrics.AUC(), metrics.F1Score()):
        arguments = given[:1] if isinstance(metric, metrics.Mean) else given
        assert metric(*arguments).dtype is torch.float32
        assert metric.dtype == "float32"
    assert metrics.MeanSquaredError(dtype="float64")(*given).dtype is torch.float64


def test_a_share_of_three_fifths_reaches_sixty_percent() -> None:
    y_true, y_pred = torch.tensor([1.0, 1, 1, 1, 1, 0]).double(), torch.tensor([0.9, 0.8, 0.7, 0.1, 0.2, 0.6]).double()
    assert metrics.PrecisionAtRecall(0.6)(y_true, y_pred) == 1


def test_a_class_of_predictions_that_have_none() -> None:
    with pytest.raises(ValueError, match=r"`class_id` names a label of predictions \(batch, labels\), got .* \(3,\)"):
        metrics.Precision(class_id=2)(np.array([0, 1, 1]), np.array([0.2, 0.1, 0.6]))
