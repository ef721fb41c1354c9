import re
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from torch_keras_lstm import losses


class Largest(losses.Loss):
    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return (y_true - y_pred).abs().amax(-1)


class Odd(Largest):
    """Counts only targets that are odd in their first place."""

    def compute_mask(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return y_true[:, 0] % 2 == 1


Y_TRUE = [[1, 5], [2, 2], [3, 9]]
Y_PRED = torch.tensor([[1.0, 1.0], [2.0, 12.0], [5.0, 9.0]])


def test_a_loss_of_ones_own() -> None:
    assert Largest()(Y_TRUE, Y_PRED) == 16 / 3
    assert Largest(reduction="sum")(Y_TRUE, Y_PRED, sample_weight=[1, 0, 0.5]) == 5
    assert Largest(reduction=None)(Y_TRUE, Y_PRED).tolist() == [4, 10, 2]


def test_masks_of_the_loss_and_of_the_predictions_meet() -> None:
    assert Odd()(Y_TRUE, Y_PRED) == 3
    assert Odd()(Y_TRUE, Y_PRED, mask=[True, True, False]) == 4


def test_the_mask_that_travels_with_predictions_or_values() -> None:
    y_pred = Y_PRED.clone()
    y_pred._keras_mask = torch.tensor([True, True, False])  # type: ignore[attr-defined]
    assert Largest()(Y_TRUE, y_pred) == 7
    assert Largest()(Y_TRUE, y_pred, mask=[False, True, True]) == 6

    class Marked(Largest):
        def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
            values = super().call(y_true, y_pred)
            values._keras_mask = torch.tensor([False, True, True])  # type: ignore[attr-defined]
            return values

    assert Marked()(Y_TRUE, Y_PRED) == 6
    assert Marked()(Y_TRUE, y_pred) == 10


@pytest.mark.parametrize("numbers", [np.float64, list])
def test_arrays_are_computed_in_floatx(numbers: Any) -> None:
    y_pred = Y_PRED.tolist() if numbers is list else Y_PRED.numpy().astype(numbers)
    for loss in (Largest(), losses.MeanSquaredError(), losses.BinaryCrossentropy()):
        assert loss(Y_TRUE, y_pred).dtype is torch.float32
    assert losses.mean_squared_error(np.array(Y_TRUE), Y_PRED.double().numpy()).dtype is torch.float64
    assert Largest(dtype="float64")([[0.1, 0.0]], [[0.3, 0.0]]).item() == 0.3 - 0.1


def test_names_are_numbered() -> None:
    first, second = Largest(), Largest()
    assert re.fullmatch(r"largest(_\d+)?", first.name)
    assert first.name != second.name
    assert Largest(name="mine").name == "mine"


def test_half_precision_is_computed_in_float32_and_double_in_double() -> None:
    assert Largest()(Y_TRUE, Y_PRED.bfloat16()).dtype is torch.float32
    assert Largest()(Y_TRUE, Y_PRED.double()).dtype is torch.float64
    assert Largest(dtype="float64")(Y_TRUE, Y_PRED).dtype is torch.float64
    assert Largest(dtype=torch.bfloat16).dtype == "bfloat16"
    assert Largest().dtype == "float32"


def test_a_configuration() -> None:
    assert Largest("a", "sum").get_config() == {"name": "a", "reduction": "sum"}
    assert Largest.from_config({"name": "a", "reduction": "auto"}).reduction == "sum_over_batch_size"
    assert repr(Largest("a", "sum")) == "Largest(name='a', reduction='sum')"


def test_another_reduction() -> None:
    with pytest.raises(ValueError, match=r"`reduction`: expected one of 'sum_over_batch_size', .* got 'average'"):
        Largest(reduction="average")


def test_a_loss_without_call() -> None:
    with pytest.raises(NotImplementedError, match=re.escape("Loss has no `call(y_true, y_pred)`: define it.")):
        losses.Loss()(Y_TRUE, Y_PRED)
