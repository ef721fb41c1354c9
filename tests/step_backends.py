"""The backends whose steps are written by hand, as far as a CPU runs them, each to be asked for."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch_keras_lstm.recurrence import use_backends
from torch_keras_lstm.recurrence.backends.c_kernels import VECTORS, CKernels

TORCH_OPS = "torch_ops"


def step_backends() -> list[str]:
    """torch's operations, and the kernels in C by the vectors that this processor has."""
    return [TORCH_OPS, *VECTORS]


@contextmanager
def running_on(name: str) -> Iterator[None]:
    """Have steps run on one of these, and what it cannot run on what every machine has."""
    first = [] if name == TORCH_OPS else [CKernels(name)]
    with use_backends(*first, "torch_kernels", TORCH_OPS, "reference"):
        yield
