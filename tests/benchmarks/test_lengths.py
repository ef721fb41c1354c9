"""How a cost grows."""

import pytest

from benchmarks.lengths import growth


@pytest.mark.parametrize("power", [0.5, 1.0, 2.0])
def test_exponents(power: float) -> None:
    lengths = [100, 1000, 10000]
    assert growth(lengths, [3e-6 * length**power for length in lengths]) == pytest.approx(power)
