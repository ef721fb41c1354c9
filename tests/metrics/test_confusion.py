import re

import numpy as np
import pytest
import torch

from torch_keras_lstm.metrics.confusion import Thresholds, count, decision_thresholds

Y_TRUE, Y_PRED = torch.tensor([1.0, 0.0, 1.0, 0.0]), torch.tensor([0.9, 0.6, 0.2, 0.1])


@pytest.mark.parametrize("values", [[0.5], [0.7, 0.15], [0.0, 0.5, 1.0], [-1e-7, 0.25, 0.5, 0.75, 1 + 1e-7]])
def test_the_counts_are_those_of_the_definition(values: list[float]) -> None:
    rng = np.random.default_rng(0)
    y_true, y_pred, weight = rng.integers(0, 2, 50), rng.random(50), rng.random(50)
    counts = count(Thresholds(values), torch.tensor(y_true), torch.tensor(y_pred), weight)
    for at, threshold in enumerate(values):
        decided = y_pred > threshold
        for name, chosen in (
            ("true_positives", (y_true == 1) & decided), ("false_positives", (y_true == 0) & decided),
            ("true_negatives", (y_true == 0) & ~decided), ("false_negatives", (y_true == 1) & ~decided),
        ):  # fmt: skip
            assert getattr(counts, name)[at].item() == pytest.approx(weight[chosen].sum(), abs=1e-9), (name, threshold)


def test_labels_and_the_top_of_a_row() -> None:
    y_true, y_pred = torch.tensor([[1, 0, 1]]), torch.tensor([[0.6, 0.9, 0.9]])
    assert count(Thresholds([0.5]), y_true, y_pred, by_label=True).true_positives.tolist() == [[1, 0, 1]]
    assert count(Thresholds([0.5]), y_true, y_pred, top_k=1).true_positives.tolist() == [0]
    assert count(Thresholds([0.5]), y_true, y_pred, class_id=0).true_positives.tolist() == [1]


def test_thresholds_that_are_none() -> None:
    for given in (-0.1, 1.5, [0.5, 2], [], "half", [None]):
        message = f"`thresholds`: expected a number from 0 to 1, or a list of them, got {given!r}."
        with pytest.raises(ValueError, match=re.escape(message)):
            decision_thresholds(given, 0.5)  # type: ignore[arg-type]


def test_targets_that_do_not_fit() -> None:
    message = "for targets of the shape of the predictions, (4,), got targets of shape (4, 3)."
    with pytest.raises(ValueError, match=re.escape(message)):
        count(Thresholds([0.5]), torch.zeros(4, 3), Y_PRED)
