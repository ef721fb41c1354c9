"""The one table of tolerances: how far a result may lie from its reference, and why.

Every bound is relative to the largest absolute value of the reference array (at least 1e-30), because an LSTM's
gradients span many magnitudes and an element that cancels to nothing has no digits of its own to lose.
"""

from collections.abc import Mapping

import numpy as np

# name: bound. Nothing outside this table holds a literal tolerance.
TOLERANCES = {
    # The same float64 arithmetic in another order of summation. Worst seen over 400 random configurations: 1e-13.
    "float64": 1e-12,
    # One elementwise function or one product in float64, each with a library's own exp and log: a few ulp.
    "float64 elementwise": 1e-14,
    # One rounding to float32 and one sum of some dozen products of such numbers.
    "float32 elementwise": 1e-6,
    # A loss, or a weight, after up to 100 training steps in float64, each of which passes rounding on to the next.
    "float64 curve": 1e-10,
    # The same in single precision over some ten epochs, whose every step passes its rounding on.
    "float32 curve": 1e-4,
    # Half a dozen steps, forth and back, rounded at 2 ** -24 and with a GPU kernel's own exp and tanh.
    "float32 recurrence": 2e-6,
    # Half a dozen steps, forth and back, in a type that rounds at 2 ** -11 or 2 ** -8.
    "float16 recurrence": 5e-3,
    "bfloat16 recurrence": 4e-2,
    # A recorded or live Keras answer in float32: rounding through a whole model, by policy 1e-5 of the largest output.
    "float32 model": 1e-5,
}

# float32: our error against the float64 truth is at most this many times the error that Keras makes against it ...
FLOAT32_ERROR_RATIO = 2.0
# ... or this much, relative to the largest value, when Keras happens to hit the truth closer than float32 resolves.
FLOAT32_ERROR_FLOOR = 1e-6


def largest_error(got: object, expected: object) -> float:
    """The largest absolute difference, relative to the largest value expected; nan wherever the two disagree on nan."""
    got_array, expected_array = np.asarray(got, np.float64), np.asarray(expected, np.float64)
    assert got_array.shape == expected_array.shape, f"expected shape {expected_array.shape}, got {got_array.shape}"
    if expected_array.size == 0:
        return 0.0
    return float(np.max(np.abs(got_array - expected_array)) / max(np.max(np.abs(expected_array)), 1e-30))


def assert_close(got: object, expected: object, tolerance: str, what: str = "result") -> None:
    """Fail, naming ``what``, unless ``got`` lies within the named row of the table of ``expected``."""
    error = largest_error(got, expected)
    allowed = TOLERANCES[tolerance]
    assert error <= allowed, f"{what}: off by {error:.3g}, allowed {allowed:.3g} ({tolerance})"


def assert_all_close(got: Mapping[str, object], expected: Mapping[str, object], tolerance: str) -> None:
    """Compare every named array; the names must agree too."""
    assert got.keys() == expected.keys()
    for name in expected:
        assert_close(got[name], expected[name], tolerance, name)
