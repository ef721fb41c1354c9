from typing import Any

import pytest
import torch

from torch_keras_lstm import metrics

Y_TRUE, Y_PRED = torch.tensor([[1, 0], [1, 0], [0, 1]]), torch.tensor([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8]])


def test_by_hand() -> None:
    torch.testing.assert_close(metrics.F1Score()(Y_TRUE, Y_PRED), torch.tensor([2 / 3, 2 / 3]), rtol=1e-6, atol=0)
    assert metrics.F1Score().result() == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"average": "mean"}, "`average`: expected one of None, 'micro', 'macro', 'weighted', got 'mean'"),
        ({"beta": 1}, "`beta` must be a float above 0, got 1"),
        ({"threshold": 0.0}, "`threshold` must be a float above 0 and at most 1, or None, got 0.0"),
    ],
)
def test_arguments(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        metrics.FBetaScore(**arguments)


def test_shapes() -> None:
    with pytest.raises(ValueError, match=r"`f1_score` expects predictions \(batch, classes\), got shape \(3,\)"):
        metrics.F1Score()(torch.ones(3), torch.ones(3))


def test_configuration() -> None:
    assert metrics.F1Score("macro").get_config() == {
        "name": "f1_score", "dtype": None, "average": "macro", "threshold": None,
    }  # fmt: skip
