"""What every test shares: a fixed seed, TensorFlow kept quiet and on the CPU, one thread beside other workers."""

import gc
import importlib.util
import os
from collections.abc import Generator

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")  # oneDNN reorders TensorFlow's float32 sums from run to run
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TRITON_INTERPRET", "1")  # read when Triton is imported; kernels then run on a CPU
if int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")) > 1:
    # Each worker of `pytest -n` keeps to one processor: two threads each would wait for those of the others. Libraries
    # read this when they are imported, and the processes that tests start inherit it.
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
        os.environ.setdefault(variable, "1")
if importlib.util.find_spec("triton"):
    # torch imports it when it first compiles something. After TensorFlow that ends the process: both bring an LLVM.
    import triton  # noqa: F401


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--fill-uninitialized-memory``: NaN in every ``torch.empty``, which shows what is read before it is written."""
    parser.addoption(
        "--fill-uninitialized-memory",
        action="store_true",
        help="run with torch's deterministic mode, which fills uninitialised memory with NaN",
    )


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What imports and the collection of tests make stays: the garbage collector need not search it ever again.

    Otherwise each full search, such as Keras asks for in ``clear_session``, takes seconds.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.fixture(autouse=True)
def _filled_memory(request: pytest.FixtureRequest) -> Generator[None]:
    """What the option of that name asks for."""
    if not request.config.getoption("--fill-uninitialized-memory"):
        yield
        return
    import torch

    assert torch.utils.deterministic.fill_uninitialized_memory  # type: ignore[attr-defined]
    torch.use_deterministic_algorithms(True)
    assert torch.empty(3).isnan().all()
    yield
    torch.use_deterministic_algorithms(False)


@pytest.fixture(autouse=True)
def _seed() -> None:
    """Each test starts from the same random numbers, whatever ran before it."""
    import numpy as np
    import torch

    torch.manual_seed(0)
    np.random.seed(0)  # noqa: NPY002 - Keras' NumPy-backed parts read the legacy generator


@pytest.fixture
def without_c_kernels() -> Generator[None]:
    """Without the kernels in C: as where there is no C compiler, the fused kernels are then the first choice."""
    from tests.step_backends import TORCH_OPS, running_on

    with running_on(TORCH_OPS):
        yield
