"""The ways in which a loop on a CPU may sweep over time, each to be forced."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from torch_keras_lstm.recurrence import compiled

OWN = "torch's operations"


def ways_to_sweep() -> list[str]:
    """The loop's own sweeps in torch's operations, and the compiled ones of each kind that this processor knows."""
    return [OWN, *(compiled.compiled_module.KERNELS if compiled.compiled_module else ())]


@contextmanager
def sweeping(way: str) -> Iterator[None]:
    """Have loops sweep in one of these ways."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compiled, "_IS_ON", way != OWN)
        if way != OWN:
            patch.setattr(compiled, "_KERNEL", compiled.compiled_module.KERNELS.index(way))
        yield
