import re
from collections.abc import Callable
from typing import Any

import pytest
import torch

from torch_keras_lstm import losses

CASES: list[tuple[Callable[..., Any], tuple[int, ...], tuple[int, ...], str]] = [
    (
        losses.mean_squared_error, (5, 3), (5, 2),
        "mean_squared_error expects targets of the shape of the predictions, (5, 2), got targets of shape (5, 3).",
    ),
    (
        losses.mean_squared_error, (5,), (5, 4, 2),
        "mean_squared_error expects targets of the shape of the predictions, (5, 4, 2), got targets of shape (5,).",
    ),
    (
        losses.binary_crossentropy, (5,), (5, 1),
        "binary_crossentropy expects targets of the shape of the predictions, (5, 1), got targets of shape (5,).",
    ),
    (
        losses.categorical_crossentropy, (5, 1), (5, 3),
        "categorical_crossentropy expects targets of the shape of the predictions, (5, 3), got targets of shape "
        "(5, 1). For targets that are the numbers of classes use sparse_categorical_crossentropy.",
    ),
    (
        losses.sparse_categorical_crossentropy, (5, 3), (5, 3),
        "sparse_categorical_crossentropy expects the number of a class for each prediction, in shape (5,), got targets "
        "of shape (5, 3). For targets with one number for each class use categorical_crossentropy.",
    ),
    (
        losses.sparse_categorical_crossentropy, (4,), (5, 3),
        "sparse_categorical_crossentropy expects the number of a class for each prediction, in shape (5,), got targets "
        "of shape (4,).",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("loss", "targets", "predictions", "message"), CASES)
def test_targets_that_do_not_fit(
    loss: Callable[..., Any], targets: tuple[int, ...], predictions: tuple[int, ...], message: str
) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        loss(torch.zeros(targets), torch.zeros(predictions))


def test_array_likes_and_whole_numbers() -> None:
    assert losses.mean_squared_error([[1, 2]], [[3, 2]]).tolist() == [2.0]
