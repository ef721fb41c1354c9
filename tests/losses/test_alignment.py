import math
import re

import pytest
import torch

from torch_keras_lstm import losses


def test_all_ways_to_say_one_label() -> None:
    """Two steps, label 1: it is said twice, or once with a blank before or after it."""
    p = torch.tensor([[[0.6, 0.4], [0.3, 0.7]]]).log()
    assert losses.ctc([[1]], p).item() == pytest.approx(-math.log(0.4 * 0.7 + 0.6 * 0.7 + 0.4 * 0.3))


def test_shapes() -> None:
    message = (
        "ctc expects targets (batch, longest) and predictions (batch, time, labels), got shapes (5,) and (5, 7, 6)."
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        losses.ctc(torch.zeros(5), torch.zeros(5, 7, 6))


def test_more_labels_than_time() -> None:
    message = "ctc expects as many steps as labels, and one more between equal ones: row 1 needs 4, got 3."
    with pytest.raises(ValueError, match=re.escape(message)):
        losses.ctc([[1, 2, 0], [1, 1, 2]], torch.zeros(2, 3, 4))
