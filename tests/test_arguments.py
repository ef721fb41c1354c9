import math
import re
from collections.abc import Callable

import numpy as np
import pytest

from torch_keras_lstm import arguments

CHECKS: list[tuple[Callable[[str, object], None], str, list[object], list[object]]] = [
    (
        arguments.check_number,
        "a finite number",
        [0, -3, 0.5, np.float32(0.5), np.int64(2)],
        [math.nan, math.inf, -math.inf, 10**400, True, "1", None, [1]],
    ),
    (
        arguments.check_non_negative,
        "a finite number of at least 0",
        [0, 3, 0.5, np.float32(0.5)],
        [-1, -1e-300, math.nan, math.inf, 10**400, False, "1", None],
    ),
    (arguments.check_integer, "an integer", [0, -3, 10**400, np.int64(2)], [1.0, True, "1", None, [1]]),
    (arguments.check_axes, "a list of integers", [[], [0, -1], (2,)], [0, [0.0], [True], ["0"], None]),
]


@pytest.mark.parametrize(("check", "value"), [(check, value) for check, _, good, _ in CHECKS for value in good])
def test_accepts(check: Callable[[str, object], None], value: object) -> None:
    check("size", value)


@pytest.mark.parametrize(
    ("check", "expected", "value"), [(check, expected, value) for check, expected, _, bad in CHECKS for value in bad]
)
def test_refuses(check: Callable[[str, object], None], expected: str, value: object) -> None:
    message = f"Received an invalid value for argument `size`: expected {expected}, got {value!r:.200}."
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        check("size", value)


def test_choice() -> None:
    arguments.check_choice("mode", "rows", ["rows", "columns"])
    with pytest.raises(ValueError, match=r"argument `mode`: expected one of 'rows', 'columns', got \['rows'\]\.$"):
        arguments.check_choice("mode", ["rows"], ["rows", "columns"])


@pytest.mark.parametrize(("value", "expected"), [(3, (3, 3)), ([2, 5], (2, 5)), ((np.int64(4), 1), (4, 1))])
def test_one_integer_for_all_axes_or_one_for_each(value: object, expected: tuple[int, ...]) -> None:
    assert arguments.integers_per_axis("size", value, 2) == expected


@pytest.mark.parametrize("value", [0, -1, 2.0, True, None, "22", [1], [1, 2, 3], [1, 0], [1, None], {1: 2, 2: 3}])
def test_integers_that_do_not_fit_the_axes(value: object) -> None:
    message = f"argument `size`: expected an integer of at least 1, or a list of 2 of them, got {value!r}."
    with pytest.raises(ValueError, match=f"{re.escape(message)}$"):
        arguments.integers_per_axis("size", value, 2)


def test_integers_from_zero_on() -> None:
    assert arguments.integers_per_axis("padding", [0, 3], 2, least=0) == (0, 3)
    with pytest.raises(ValueError, match=r"an integer of at least 0, or a list of 2 of them, got \[0, -1\]\.$"):
        arguments.integers_per_axis("padding", [0, -1], 2, least=0)
