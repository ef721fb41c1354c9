import math
from typing import Any

import pytest
import torch

from torch_keras_lstm import activations, losses


def test_by_hand() -> None:
    binary = losses.binary_crossentropy([[1.0, 0.0]], torch.tensor([[0.8, 0.4]]))
    assert binary.item() == pytest.approx(-(math.log(0.8) + math.log(0.6)) / 2)
    categorical = losses.categorical_crossentropy([[0.0, 1.0]], torch.tensor([[1.0, 3.0]]))
    assert categorical.item() == pytest.approx(-math.log(0.75))
    sparse = losses.sparse_categorical_crossentropy([1], torch.tensor([[1.0, 3.0]]), from_logits=True)
    assert sparse.item() == pytest.approx(math.log(1 + math.exp(-2)))


def test_a_saturated_sigmoid_still_learns() -> None:
    x = torch.tensor([[50.0]], requires_grad=True)
    loss = losses.BinaryCrossentropy()([[0.0]], activations.sigmoid(x))
    loss.backward()
    assert loss.item() == 50
    assert x.grad is not None
    assert x.grad.item() == 1


@pytest.mark.parametrize("label", [3, -1, -100])
def test_labels_out_of_range(label: int) -> None:
    message = (
        "sparse_categorical_crossentropy expects targets from 0 to 2, the numbers of the 3 classes predicted, "
        f"got {label}."
    )
    with pytest.raises(ValueError, match=message):
        losses.SparseCategoricalCrossentropy()([0, label], torch.ones(2, 3))


def test_an_ignored_class_may_be_none_of_them() -> None:
    loss = losses.SparseCategoricalCrossentropy(ignore_class=-100)([0, -100], torch.tensor([[1.0, 1.0], [0.3, 0.7]]))
    assert loss.item() == pytest.approx(math.log(2))


@pytest.mark.parametrize("axis", [0, 1, -2])
@pytest.mark.parametrize("ignored", [None, 2])
@pytest.mark.parametrize("of_softmax", [False, True])
def test_another_axis_of_classes(axis: int, ignored: int | None, of_softmax: bool) -> None:
    generator = torch.Generator().manual_seed(3)
    scores = torch.rand(2, 5, 3, generator=generator)
    y_pred = activations.softmax(scores) if of_softmax else scores
    y_true = torch.randint(3, (2, 5), generator=generator)
    moved = activations.softmax(scores.movedim(-1, axis), axis) if of_softmax else scores.movedim(-1, axis)
    arguments: dict[str, Any] = {"ignore_class": ignored, "reduction": "sum_over_batch_size"}
    loss = losses.SparseCategoricalCrossentropy(axis=axis, **arguments)
    expected = losses.SparseCategoricalCrossentropy(**arguments)(y_true, y_pred)
    assert torch.equal(loss(y_true, moved), expected)
    assert torch.equal(loss(y_true.unsqueeze(axis), moved), expected)


def test_an_axis_that_is_not_there() -> None:
    with pytest.raises(ValueError, match=r"predictions of shape \(2, 3, 4\) have no axis 3"):
        losses.sparse_categorical_crossentropy(torch.zeros(2, 4), torch.ones(2, 3, 4), axis=3)


def test_a_single_class() -> None:
    with pytest.warns(SyntaxWarning, match="For a single probability use binary_crossentropy"):
        losses.categorical_crossentropy(torch.ones(2, 1), torch.ones(2, 1))
