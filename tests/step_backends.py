"""The backends whose steps are written by hand, as far as a CPU runs them, each to be asked for."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch_keras_lstm.recurrence import use_backends
from torch_keras_lstm.recurrence.backends.c_kernels import CKernels
from torch_keras_lstm.recurrence.backends.c_runs import VECTORS
from torch_keras_lstm.recurrence.backends.c_single_state import SingleStateCKernels
from torch_keras_lstm.recurrence.gru import GRU_BACKENDS
from torch_keras_lstm.recurrence.simple_rnn import SIMPLE_RNN_BACKENDS

TORCH_OPS = "torch_ops"


def step_backends() -> list[str]:
    """torch's operations, and the kernels in C by the vectors that this processor has."""
    return [TORCH_OPS, *VECTORS]


def c_kernels(vectors: str) -> list[CKernels]:
    """Those of each cell, on these vectors."""
    single = [backend for backends in (GRU_BACKENDS, SIMPLE_RNN_BACKENDS) for backend in backends]
    return [CKernels(vectors), *(one.on(vectors) for one in single if isinstance(one, SingleStateCKernels))]


@contextmanager
def running_on(name: str) -> Iterator[None]:
    """Have steps run on one of these, and what it cannot run on what every machine has."""
    first = [] if name == TORCH_OPS else c_kernels(name)
    with use_backends(*first, "torch_kernels", TORCH_OPS, "reference"):
        yield
