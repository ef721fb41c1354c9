"""Results are compared before anything is timed."""

import numpy as np
import pytest

from benchmarks.agreement import ALLOWED, DisagreementError, check
from benchmarks.cases import CONFIGURATIONS, SHAPES, Case
from benchmarks.reference import reference

CASE = Case(SHAPES["tiny"], CONFIGURATIONS["right-padded"], "training")


def test_the_largest_error_is_returned() -> None:
    wanted = reference(CASE)
    output = wanted["output"].copy()
    output[0, 0, 0] += ALLOWED / 2 * np.abs(output).max()
    assert check("peer", CASE, {**wanted, "output": output}, wanted) == pytest.approx(ALLOWED / 2)


@pytest.mark.parametrize("name", ["output", "inputs", "weight 0", "weight 2"])
def test_a_result_that_differs_is_named(name: str) -> None:
    wanted = reference(CASE)
    with pytest.raises(DisagreementError, match=f"^peer gives other results .* `{name}` is off by"):
        check("peer", CASE, {**wanted, name: wanted[name] * (1 + 2 * ALLOWED)}, wanted)


@pytest.mark.parametrize("spoil", [lambda array: array[:-1], lambda array: array * np.nan], ids=["shape", "nan"])
def test_other_shapes_and_nan_never_agree(spoil: object) -> None:
    wanted = reference(CASE)
    assert callable(spoil)
    with pytest.raises(DisagreementError, match="is off by inf"):
        check("peer", CASE, {**wanted, "output": spoil(wanted["output"])}, wanted)


def test_every_gradient_is_wanted() -> None:
    wanted = reference(CASE)
    with pytest.raises(DisagreementError, match="peer gave"):
        check("peer", CASE, {name: wanted[name] for name in wanted if name != "weight 1"}, wanted)


def test_packed_sequences_have_outputs_where_steps_count() -> None:
    wanted = reference(CASE)
    got = {name: array for name, array in wanted.items() if name != "output"}
    got["output at unmasked steps"] = wanted["output"][CASE.mask]
    assert check("packed", CASE, got, wanted) == 0.0
    got["output at unmasked steps"] = got["output at unmasked steps"][::-1]
    with pytest.raises(DisagreementError):
        check("packed", CASE, got, wanted)
