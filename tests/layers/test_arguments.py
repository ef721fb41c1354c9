import numpy as np
import pytest

from torch_keras_lstm.layers.arguments import positive_integer


def test_integers_of_any_library_become_int() -> None:
    assert positive_integer(3, "units") == 3
    assert type(positive_integer(np.int64(3), "units")) is int


@pytest.mark.parametrize("value", [0, -3, 2.0, True, "4", None])
def test_everything_else_is_refused_by_name(value: object) -> None:
    with pytest.raises(ValueError, match=rf"^`units` must be a positive integer, got {value!r}\.$"):
        positive_integer(value, "units")  # type: ignore[arg-type]
