from typing import Any

import pytest
import torch

from torch_keras_lstm import metrics


def test_by_hand() -> None:
    y_true, y_pred = torch.tensor([0, 0, 1, 1]), torch.tensor([0.1, 0.4, 0.35, 0.8])
    assert metrics.AUC()(y_true, y_pred) == 0.75
    assert metrics.AUC(from_logits=True)(y_true, torch.logit(y_pred)) == 0.75
    columns = metrics.AUC(multi_label=True)(torch.stack([y_true, 1 - y_true], 1), torch.stack([y_pred, y_pred], 1))
    assert columns == 0.5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"curve": "PRC"}, "`curve`: expected one of 'ROC', 'PR', 'PRGAIN', got 'PRC'"),
        ({"summation_method": "exact"}, "`summation_method`: expected one of 'interpolation', 'majoring', 'minoring'"),
        ({"num_thresholds": 1}, "`num_thresholds` must be an integer of at least 2, got 1"),
        ({"num_labels": 3}, "`num_labels` is for `multi_label=True`: pass both, or neither"),
    ],
)
def test_arguments(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        metrics.AUC(**arguments)


def test_labels_want_two_axes() -> None:
    with pytest.raises(ValueError, match=r"`a` with `multi_label=True` expects predictions \(batch, labels\), got"):
        metrics.AUC(multi_label=True, name="a")(torch.zeros(5), torch.zeros(5))


def test_configuration() -> None:
    config = metrics.AUC(curve="pr", thresholds=[0.7, 0.2], name="a").get_config()
    assert config["curve"] == "PR"
    assert config["thresholds"] == [0.2, 0.7]
    assert metrics.AUC.from_config(config).get_config() == config
