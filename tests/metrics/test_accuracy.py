import re

import pytest
import torch

from torch_keras_lstm import metrics


def test_by_hand() -> None:
    assert metrics.Accuracy()([1, 2, 3], [1, 0, 3]) == 2 / 3
    assert metrics.BinaryAccuracy()([[1], [0], [1]], torch.tensor([[0.5], [0.5], [0.6]])) == 2 / 3
    scores = torch.tensor([[0.2, 0.5, 0.3], [0.4, 0.4, 0.2]])
    assert metrics.SparseCategoricalAccuracy()([1, 1], scores) == 0.5
    assert metrics.CategoricalAccuracy()([[0, 1, 0], [1, 0, 0]], scores) == 1
    assert metrics.SparseTopKCategoricalAccuracy(k=1)([1, 1], scores) == 1
    assert metrics.TopKCategoricalAccuracy(k=2)([[1, 0, 0], [0, 0, 1]], scores) == 0


def test_top_k_of_what_is_no_class_or_no_number() -> None:
    scores = torch.tensor([[0.2, 0.5], [0.2, torch.inf], [torch.nan, 0.5]])
    hits = metrics.sparse_top_k_categorical_accuracy([2, 0, 1], scores, k=2)
    assert hits.tolist() == [0, 0, 0]


def test_targets_that_do_not_fit() -> None:
    for metric in ("categorical_accuracy", "top_k_categorical_accuracy"):
        message = (
            f"{metric} expects targets of the shape of the predictions, (5, 3), got targets of shape (5,). For targets "
            f"that are the numbers of classes use sparse_{metric}."
        )
        with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
            getattr(metrics, metric)(torch.zeros(5), torch.zeros(5, 3))
    with pytest.raises(ValueError, match="For targets with one number for each class use categorical_accuracy"):
        metrics.sparse_categorical_accuracy(torch.zeros(5, 3), torch.zeros(5, 3))
