import math

import numpy as np
import pytest
import torch

from torch_keras_lstm.single_precision import to_single


@pytest.mark.parametrize("value", [0, 0.1, -0.3, 1e-45, 3.4028234e38, math.inf, 2**24 + 1])
def test_rounds_as_numpy(value: float) -> None:
    assert to_single(value) == float(np.float32(value))


def test_what_is_too_large_is_infinite() -> None:
    assert (to_single(1e39), to_single(-1e39)) == (math.inf, -math.inf)


def test_a_compiled_graph_contains_the_number() -> None:
    compiled = torch.compile(lambda x, factor: x * to_single(factor), fullgraph=True, backend="eager")
    assert compiled(torch.ones(2, dtype=torch.float64), 0.1).tolist() == [float(np.float32(0.1))] * 2
