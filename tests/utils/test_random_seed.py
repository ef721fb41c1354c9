import random
from typing import Any

import numpy as np
import pytest
import torch

from torch_keras_lstm.layers import LSTM
from torch_keras_lstm.utils import set_random_seed


def drawn() -> list[Any]:
    weights = LSTM(2, input_size=3).get_weights()[0].tolist()
    return [random.random(), np.random.random(), torch.rand(2).tolist(), weights]  # noqa: NPY002 - as scripts draw


def test_all_generators_start_again() -> None:
    runs = []
    for seed in (5, np.int64(5), 6):
        set_random_seed(seed)
        runs.append(drawn())
    assert runs[0] == runs[1]
    assert all(one != other for one, other in zip(runs[0], runs[2], strict=True))


def test_bad_seeds() -> None:
    with pytest.raises(ValueError, match="whole number"):
        set_random_seed(1.5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="between 0 and"):
        set_random_seed(-1)
