"""Whether peers compute the same thing: asked before anything is timed."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.cases import Case

# Relative to the largest value. float32 keeps 6e-8 of each number; a hundred steps and sums of some thousand products
# make that 1e-6 to 1e-5 here, while a gate in the wrong place, or a mask that is ignored, is worth more than 1e-2.
ALLOWED = 1e-4


class DisagreementError(Exception):
    """A peer gave other results than the reference."""


def error(got: NDArray[Any], wanted: NDArray[Any]) -> float:
    """The largest difference, relative to the largest value wanted; infinite when shapes differ or a number is nan."""
    if got.shape != wanted.shape:
        return float("inf")
    difference = float(np.abs(got - wanted).max() / max(np.abs(wanted).max(), 1e-30))
    return difference if np.isfinite(difference) else float("inf")


def check(peer: str, case: Case, got: Mapping[str, NDArray[Any]], wanted: Mapping[str, NDArray[Any]]) -> float:
    """The largest error of a peer's results.

    Args:
        peer: its name, for the message.
        case: what was computed.
        got: ``output`` and, in training, the gradients, by name. Where masked steps have no output, as in a packed
            sequence, ``output at unmasked steps`` stands in the place of ``output``.
        wanted: the reference's.

    Raises:
        DisagreementError: when a result is missing or differs by more than is allowed.
    """
    wanted = dict(wanted)
    if "output at unmasked steps" in got:
        assert case.mask is not None
        wanted["output at unmasked steps"] = wanted.pop("output")[case.mask]
    if got.keys() != wanted.keys():
        raise DisagreementError(f"{peer} gave {sorted(got)} where {sorted(wanted)} are wanted.")
    errors = {name: error(got[name], wanted[name]) for name in wanted}
    name = max(errors, key=lambda name: errors[name])
    if errors[name] > ALLOWED:
        raise DisagreementError(
            f"{peer} gives other results for {case.configuration} at {case.shape}, {case.mode}: `{name}` is off by "
            f"{errors[name]:.1e} of its largest value, allowed are {ALLOWED:.0e}."
        )
    return errors[name]
