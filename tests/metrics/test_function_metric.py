import torch
from torch import Tensor

from torch_keras_lstm import losses, metrics


def far(y_true: Tensor, y_pred: Tensor, limit: float = 1.0) -> Tensor:
    return ((y_true - y_pred).abs() > limit).to(y_pred.dtype)


Y_TRUE, Y_PRED = torch.zeros(2, 3), torch.tensor([[0.0, 2.0, 4.0], [0.5, 0.0, 3.0]])


def test_a_function_of_ones_own() -> None:
    metric = metrics.MeanMetricWrapper(far, limit=2.5)
    assert metric.name == "far"
    assert metric(Y_TRUE, Y_PRED) == 1 / 3
    metric.reset_state()
    assert metric(Y_TRUE, Y_PRED, mask=torch.tensor([[True, True, False], [False, False, True]])) == 1 / 3


def test_a_mask_and_weights_meet() -> None:
    metric = metrics.MeanMetricWrapper(far)
    mask, weight = torch.tensor([[True, True, False], [True, False, True]]), [[1.0, 3.0, 5.0], [2.0, 2.0, 0.0]]
    assert metric(Y_TRUE, Y_PRED, weight, mask) == 3 / 6


def test_a_loss_object_counts_once_a_batch() -> None:
    metric = metrics.resolve(losses.MeanAbsoluteError(), Y_TRUE, Y_PRED)
    assert metric.name == "mean_absolute_error"
    metric.update_state(Y_TRUE, Y_PRED)
    metric.update_state(Y_TRUE[:1], Y_PRED[:1])
    assert metric.result() == (9.5 / 6 + 2) / 2


def test_a_wrapper_of_a_keras_function_is_written_and_read() -> None:
    written = metrics.serialize(metrics.MeanMetricWrapper(losses.huber, delta=0.5))
    assert isinstance(written, dict)
    assert written["config"] == {"name": "huber", "dtype": None, "delta": 0.5, "fn": "huber"}
    read = metrics.deserialize(written)
    assert isinstance(read, metrics.MeanMetricWrapper)
    assert read.fn is losses.huber
