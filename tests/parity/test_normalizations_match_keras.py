"""The normalizations against Keras 3 on TensorFlow, run live."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.parity import one_layer
from tests.parity.one_layer import Case, normal

REGULARIZED: dict[str, Any] = {
    "gamma_regularizer": "l2",
    "beta_regularizer": "l1",
    "gamma_constraint": "max_norm",
    "beta_constraint": "non_neg",
    "activity_regularizer": "l2",
}
BATCH_NORMALIZATIONS: list[dict[str, Any]] = [
    {},
    {"epsilon": 0.03, "momentum": 0.7},
    {"axis": 1, "momentum": 0.9},
    {"center": False},
    {"scale": False},
    {"center": False, "scale": False},
    {"axis": -2, **REGULARIZED},
    {"beta_initializer": "ones", "gamma_initializer": "zeros", "moving_mean_initializer": "ones"},
    {"trainable": False},
]
CASES = [
    *(
        Case("BatchNormalization", arguments, masked=masked, training=training)
        for arguments in BATCH_NORMALIZATIONS
        for masked in (False, True)
        for training in (False, True)
    ),
    Case("BatchNormalization", {}, normal(7, 3), training=True),
    Case("BatchNormalization", {"axis": 1}, normal(4, 3, 5, 6), training=True),
    Case("BatchNormalization", {"axis": 2}, normal(4, 3, 5, 6), training=True, masked=True),
    Case("LayerNormalization", {}, normal(4, 3)),
    Case("LayerNormalization", {"epsilon": 0.02, **REGULARIZED}, masked=True),
    Case("LayerNormalization", {"axis": 1, "center": False}),
    Case("LayerNormalization", {"axis": [1, 2], "beta_initializer": "ones"}, normal(4, 5, 3)),
    Case("LayerNormalization", {"axis": [1, 3]}, normal(4, 2, 5, 3)),
    Case("LayerNormalization", {"axis": [2, 3], "scale": False}, normal(4, 2, 5, 3)),
    Case("LayerNormalization", {"center": False, "scale": False}),
    Case("LayerNormalization", {"rms_scaling": True}),
    Case("LayerNormalization", {"rms_scaling": True, "scale": False, "axis": 1}),
    Case("GroupNormalization", {"groups": 2}, normal(4, 5, 6)),
    Case("GroupNormalization", {"groups": 3, "axis": 1, **REGULARIZED}, normal(4, 6, 5), masked=True),
    Case("GroupNormalization", {"groups": 2, "axis": -2, "epsilon": 0.05}, normal(4, 5, 6, 3)),
    Case("GroupNormalization", {"groups": 4, "center": False, "scale": False}, normal(3, 8)),
    Case("UnitNormalization"),
    Case("UnitNormalization", {"axis": 1}, masked=True),
    Case("UnitNormalization", {"axis": [1, 2]}),
    Case("Normalization"),
    Case("Normalization", {"invert": True}, masked=True),
    Case("Normalization", {"axis": 1}),
    Case("Normalization", {"axis": [-1, 1]}, normal(4, 2, 5, 3)),
    Case("Normalization", {"axis": None}),
    Case("Normalization", {"mean": 0.3, "variance": 2.1}),
    Case("Normalization", {"mean": [0.3, 0.7, -1.1], "variance": [0.2, 3.1, 0.0], "invert": True}),
    Case("Normalization", {"axis": [1, 2], "mean": [0.3, 0.7, -1.1], "variance": [0.2, 3.1, 1.3]}),
    Case("Rescaling", {"scale": 0.3, "offset": -1.7}, masked=True),
    Case("Rescaling", {"scale": [0.3, 1.1, -2.0]}),
]
# Keras warns of its own argument.
pytestmark = pytest.mark.filterwarnings("ignore:You passed `rms_scaling=True`")
every_case = pytest.mark.parametrize("case", CASES, ids=str)


@every_case
@pytest.mark.parametrize(
    "check",
    [one_layer.check_outputs_gradients_and_weights, one_layer.check_float32, one_layer.check_shape_and_mask],
    ids=lambda check: check.__name__,
)
def test_calls_match_keras(case: Case, check: Callable[[Case], None]) -> None:
    check(case)


@pytest.mark.parametrize("case", [case for case in CASES if not (case.masked or case.training)], ids=str)
def test_configurations_pass_both_ways(case: Case) -> None:
    one_layer.check_configurations(case)


@every_case
def test_a_state_dict_builds_a_layer(case: Case) -> None:
    one_layer.check_lazy_loading(case)
