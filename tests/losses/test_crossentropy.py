import math

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


def test_another_axis_of_classes() -> None:
    with pytest.raises(ValueError, match="takes the classes from the last axis: `axis` must be -1, got 1"):
        losses.sparse_categorical_crossentropy(torch.zeros(2, 4), torch.ones(2, 3, 4), axis=1)


def test_a_single_class() -> None:
    with pytest.warns(SyntaxWarning, match="For a single probability use binary_crossentropy"):
        losses.categorical_crossentropy(torch.ones(2, 1), torch.ones(2, 1))
