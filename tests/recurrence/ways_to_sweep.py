"""The ways in which a loop on a CPU may sweep over time, each to be forced."""

import pytest

from torch_keras_lstm.recurrence import compiled

OWN = "torch's operations"


def ways_to_sweep() -> list[str]:
    """The loop's own sweeps in torch's operations, and the compiled ones of each kind that this processor knows."""
    return [OWN, *(compiled._sweeps.KERNELS if compiled._sweeps else ())]


def sweep_by(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have loops sweep in one of these ways."""
    monkeypatch.setattr(compiled, "_IS_ON", way != OWN)
    if way != OWN:
        monkeypatch.setattr(compiled, "_KERNEL", compiled._sweeps.KERNELS.index(way))
        monkeypatch.setattr(compiled, "_FEWEST_FOR_THREADS", 1)  # several threads however little there is to do
