"""The layer against Keras 3 on TensorFlow, run live: outputs, states and gradients on both paths."""

from collections.abc import Mapping
from functools import cache

import numpy as np
import pytest

from tests.parity.keras_lstm import as_keras_config, reference_keras_lstm
from tests.parity.lstm_cases import MASKS, Case, draw_case
from tests.parity.our_lstm import our_lstm
from tests.step_backends import TORCH_OPS, running_on, step_backends
from tests.tolerances import FLOAT32_ERROR_FLOOR, FLOAT32_ERROR_RATIO, assert_all_close, largest_error
from torch_keras_lstm.layers import LSTM

FUSABLE = [draw_case(seed, fusable=True) for seed in range(200)]
ANY = [draw_case(seed, fusable=False) for seed in range(1000, 1200)]


def label(case: Case) -> str:
    return case.label


@cache
def reference(number: int, dtype: str = "float64") -> Mapping[str, np.ndarray]:
    """What Keras computes of a fusable case: several tests ask, and one run is the most expensive part of each."""
    return reference_keras_lstm(FUSABLE[number], dtype)


@pytest.mark.parametrize("case", FUSABLE, ids=label)
def test_fused_and_loop_path_match_keras(case: Case) -> None:
    expected = reference(case.seed)
    for use_cudnn, path in ((True, "fused"), (False, "loop")):
        layer = LSTM(**{**case.config, "use_cudnn": use_cudnn})
        assert layer.path_for(case.arrays()["inputs"], training=case.training).name == path
        for way in step_backends() if path == "loop" else (TORCH_OPS,):
            with running_on(way):
                assert_all_close(our_lstm(case, use_cudnn), expected, "float64")


@pytest.mark.parametrize("case", ANY, ids=label)
def test_any_configuration_matches_keras(case: Case) -> None:
    expected = reference_keras_lstm(case)
    for way in step_backends():
        with running_on(way):
            assert_all_close(our_lstm(case, "auto"), expected, "float64")


@pytest.mark.parametrize("way", [None, *step_backends()], ids=lambda way: f"loop by {way}" if way else "fused")
@pytest.mark.parametrize("case", FUSABLE[:60], ids=label)
def test_float32_is_as_exact_as_keras(case: Case, way: str | None) -> None:
    truth, keras_result = reference(case.seed), reference(case.seed, "float32")
    with running_on(way or TORCH_OPS):
        ours = our_lstm(case, way is None, "float32")
    for name, exact in truth.items():
        allowed = max(FLOAT32_ERROR_RATIO * largest_error(keras_result[name], exact), FLOAT32_ERROR_FLOOR)
        assert largest_error(ours[name], exact) <= allowed, name


def test_the_draws_reach_every_argument() -> None:
    """A case that is never drawn proves nothing: each flag, mask and combination of two flags occurs."""
    flags = [name for name, value in FUSABLE[0].config.items() if isinstance(value, bool)]
    assert len(flags) == 7
    for cases in (FUSABLE, ANY):
        for first in flags:
            for second in flags:
                seen = {(case.config[first], case.config[second]) for case in cases}
                assert len(seen) == (2 if first == second else 4), (first, second)
        assert {case.mask_kind for case in cases} == set(MASKS)
    assert as_keras_config(FUSABLE[0], "float64")["use_cudnn"] is False
