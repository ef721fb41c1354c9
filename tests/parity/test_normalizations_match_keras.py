"""The normalizations against Keras 3 on TensorFlow, run live."""

from collections.abc import Callable

import pytest

from tests.parity import one_layer
from tests.parity.one_layer import Case, normal

REGULARIZED = {
    "gamma_regularizer": "l2",
    "beta_regularizer": "l1",
    "gamma_constraint": "max_norm",
    "beta_constraint": "non_neg",
    "activity_regularizer": "l2",
}
BATCH_NORMALIZATIONS = [
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
]
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
