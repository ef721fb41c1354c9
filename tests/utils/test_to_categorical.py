from typing import Any

import pytest

from torch_keras_lstm.utils import to_categorical


@pytest.mark.parametrize(
    ("x", "classes", "message"),
    [
        ([0, 3], 3, r"must lie in \[0, 2\], got classes from 0 to 3"),
        ([-1, 1], None, r"must lie in \[0, 1\], got classes from -1 to 1"),
        ([], None, "`num_classes` must be given"),
    ],
)
def test_bad_input(x: Any, classes: int | None, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        to_categorical(x, classes)


def test_no_samples_of_known_classes() -> None:
    assert to_categorical([], 4).shape == (0, 4)
