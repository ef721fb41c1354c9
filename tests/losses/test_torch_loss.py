import functools
import re
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from torch_keras_lstm import losses
from torch_keras_lstm.losses.torch_loss import is_torch_loss

Y_TRUE, Y_PRED = torch.tensor([0.0, 1.0]), torch.tensor([[0.5], [0.25]])


@pytest.mark.parametrize(
    "criterion", [nn.BCELoss(), F.binary_cross_entropy, functools.partial(F.binary_cross_entropy, reduction="mean")]
)
def test_the_predictions_go_first(criterion: Any) -> None:
    """A loss that is not symmetric, with targets that lack the last axis."""
    loss = losses.get(criterion)
    assert isinstance(loss, losses.TorchLoss)
    torch.testing.assert_close(loss(Y_TRUE, Y_PRED), F.binary_cross_entropy(Y_PRED, Y_TRUE[:, None]))


@pytest.mark.parametrize("y_true", [torch.tensor([2, 0]), torch.tensor([[2], [0]]), torch.tensor([[2], [0]]).int()])
def test_numbers_of_classes_stay_whole(y_true: torch.Tensor) -> None:
    y_pred = torch.randn(2, 3)
    loss = losses.TorchLoss(nn.CrossEntropyLoss())
    torch.testing.assert_close(loss(y_true, y_pred), F.cross_entropy(y_pred, torch.tensor([2, 0])))


def test_the_loss_of_each_sample_takes_weights_and_masks() -> None:
    y_true, y_pred = torch.randn(5, 4, 3), torch.randn(5, 4, 3)
    weight, mask = torch.rand(5, 4), torch.rand(5, 4) < 0.5
    ours = losses.TorchLoss(nn.MSELoss(reduction="none"))(y_true, y_pred, weight, mask)
    torch.testing.assert_close(ours, losses.MeanSquaredError()(y_true, y_pred, weight, mask))
    classes = losses.TorchLoss(nn.CrossEntropyLoss(reduction="none"))(torch.tensor([1, 0]), y_pred[0, :2], [0.0, 2.0])
    torch.testing.assert_close(classes, F.cross_entropy(y_pred[0, 1:2], torch.tensor([0])))


@pytest.mark.parametrize("more", [{"sample_weight": [1.0, 2.0]}, {"mask": [True, False]}])
def test_one_number_for_all_does_not(more: dict[str, Any]) -> None:
    message = (
        "`mse_loss` gives one number for the whole batch, to which no `sample_weight`, `class_weight` or mask applies. "
        'Make the torch loss with reduction="none".'
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        losses.TorchLoss(nn.MSELoss())(Y_TRUE, Y_PRED, **more)


def test_what_is_a_torch_loss() -> None:
    assert is_torch_loss(nn.MSELoss())
    assert not is_torch_loss(losses.MeanSquaredError())
    assert not is_torch_loss(losses.mean_squared_error)
    assert not is_torch_loss(len)


def test_it_is_written_under_its_name() -> None:
    written = losses.serialize(losses.get(F.l1_loss))
    assert isinstance(written, dict)
    assert written["config"] == "l1_loss"
    assert losses.deserialize(written, {"l1_loss": F.l1_loss}) is F.l1_loss
