"""Steps for an NVIDIA GPU, where launching each operation of a step costs more than computing it.

Nothing here was timed on a device: what is said of sizes is reckoned from what is known of the hardware, and
``benchmarks/gpu_loop.py`` measures whether it is right. Until then these are taken only where they are asked for by
name.
"""

import functools
import importlib.util
from collections.abc import Callable

import torch
from torch import Tensor

from torch_keras_lstm import activations
from torch_keras_lstm.recurrence import environment
from torch_keras_lstm.recurrence.autograd import StepBackend
from torch_keras_lstm.recurrence.backends.base import Cell, Downstream, Request, Trace, Upstream
from torch_keras_lstm.recurrence.backends.cuda_graph import GraphedSteps
from torch_keras_lstm.recurrence.backends.kernel_activations import kernel_name
from torch_keras_lstm.recurrence.backends.pointwise import pointwise
from torch_keras_lstm.recurrence.backends.projection import ProjectedSteps
from torch_keras_lstm.recurrence.backends.torch_ops import TORCH_OPS
from torch_keras_lstm.recurrence.options import Activation
from torch_keras_lstm.recurrence.state import LSTMState

_KERNEL_TYPES = (torch.float32, torch.bfloat16, torch.float16)

# Floating-point operations a second that products reach on an H100, in round numbers, by type and precision.
_RATES = {"ieee": 50e12, "tf32": 300e12, "16 bit": 600e12}

_UNTRIED = f"it has run on no device yet: ask for it by `use_backends`, or by {environment.BACKENDS}"


class GPUBackend(ProjectedSteps, StepBackend):
    """Steps that are made when they are first run; a subclass says what keeps a run from them.

    Args:
        name: by which they are asked for.
        make: the steps. It is called once.
    """

    def __init__(self, name: str, make: Callable[[], ProjectedSteps]) -> None:
        self.name = name
        self._steps = functools.cache(make)

    @property
    def steps(self) -> ProjectedSteps:
        """What is run."""
        return self._steps()

    def why_not(self, request: Request) -> str | None:
        """As :meth:`Backend.why_not`."""
        if not request.by_name:
            return _UNTRIED
        if request.device.type != "cuda" or torch.version.hip is not None:
            return "it runs on NVIDIA GPUs"
        if request.batch == 0:
            return "there are no rows"
        return self.why_no_steps(request) or super().why_not(request)

    def why_no_steps(self, request: Request) -> str | None:
        """What these steps cannot do, or not fast."""
        raise NotImplementedError

    def forward_steps(self, cell: Cell, state: LSTMState, mask: Tensor | None, trace: Trace) -> None:
        """As :meth:`ProjectedSteps.forward_steps`."""
        self.steps.forward_steps(cell, state, mask, trace)

    def backward(
        self,
        cell: Cell,
        trace: Trace,
        state: LSTMState,
        mask: Tensor | None,
        upstream: Upstream,
    ) -> Downstream:
        """As :meth:`Steps.backward`."""
        return self.steps.backward(cell, trace, state, mask, upstream)


class TritonBackend(GPUBackend):
    """Kernels in Triton, which comes with torch's builds for CUDA.

    Args:
        name, make: as in :class:`GPUBackend`.
        sizes: what keeps a run of these sizes from them, of (steps, batch, units, type of the numbers).
    """

    def __init__(
        self,
        name: str,
        make: Callable[[], ProjectedSteps],
        sizes: Callable[[int | None, int | None, int, torch.dtype], str | None] = lambda *sizes: None,
    ) -> None:
        super().__init__(name, make)
        self.sizes = sizes

    def why_no_steps(self, request: Request) -> str | None:
        """As :meth:`GPUBackend.why_no_steps`."""
        if not _has_triton(request.device):
            return "there is no Triton, or none that compiles for this device"
        if request.dtype not in _KERNEL_TYPES:
            return f"the kernels compute in single precision, not in {request.dtype}"
        for function in (request.options.activation, request.options.recurrent_activation):
            if kernel_name(function) is None:
                return f"the kernels do not have the activation {activations.serialize(function)!r}"
        return self.sizes(request.steps, request.batch, request.units, request.dtype)


class GraphedTorchOps(GPUBackend):
    """The steps in torch's operations as a CUDA graph: 10 to 15 us a step instead of 40 to 150."""

    def why_no_steps(self, request: Request) -> str | None:
        """As :meth:`GPUBackend.why_no_steps`."""
        for function in (request.options.activation, request.options.recurrent_activation):
            if pointwise(function) is None or not _is_known(function):
                return "a function of somebody's own may do what cannot be recorded"
        return _why_not_recorded(request.steps)


def way_for(
    time: int,
    batch: int,
    units: int,
    dtype: torch.dtype,
    tf32: bool,
    *,
    kernels: bool,
    graphs: bool,
    loop: bool,
) -> str | None:
    """Which of the steps above is reckoned to be the fastest: "sequence", "step", "graphed step" or "graphed loop".

    Args:
        kernels: whether Triton is there and has the activations.
        graphs: whether graphs may be recorded.
        loop: whether the steps in torch's operations may be recorded.
    """
    if kernels and dtype in _KERNEL_TYPES:
        if _why_no_sequence(time, batch, units, dtype) is None:
            return "sequence"
        worth_it = _why_not_recorded(time) is None and not _hides_launches(batch, units, dtype, tf32)
        return "graphed step" if graphs and worth_it else "step"
    return "graphed loop" if graphs and _why_not_recorded(time) is None and loop else None


def _why_no_sequence(steps: int | None, batch: int | None, units: int, dtype: torch.dtype) -> str | None:
    """NOT measured on a device; what it is reckoned from, for an H100.

    A step costs its chain of product, exponentials and the exchange of the state, 1.2 to 2 us, while a multiprocessor
    holds the weights (227 KB: 128 units in 16 bits, 64 in 32, padded to powers of two as they are). Beyond that it
    reads them again from the second-level cache at about 117 GB/s, 2.2 us for 128 units in 32 bits but 9 us for 256,
    where registers end as well. Sixteen rows take one of 132 multiprocessors; beyond two waves of them products of the
    whole batch are the better use of the device.
    """
    if units <= 128 and (batch is None or batch <= 4096):
        return None
    return "beyond 128 units or 4096 rows products of the whole batch are reckoned to be faster"


def _why_no_graph(steps: int | None, batch: int | None, units: int, dtype: torch.dtype) -> str | None:
    """The same for product and kernel of each step as a graph.

    A graph puts the two launches 1 to 1.5 us apart, so that a step costs 5 to 8 us. Launched one by one they cost 10 us
    and more on the host, which does not matter where the product alone takes longer; then a graph's copies are saved.
    """
    if batch is not None and _hides_launches(batch, units, dtype, torch.backends.cuda.matmul.fp32_precision == "tf32"):
        return "the product of a step is reckoned to take longer than its launch"
    return _why_not_recorded(steps)


def _why_not_recorded(steps: int | None) -> str | None:
    return None if steps is None or steps >= 4 else "recording so few steps saves nothing"


def _hides_launches(batch: int, units: int, dtype: torch.dtype, tf32: bool) -> bool:
    """Whether a step's product alone takes longer than the host does for its launches."""
    rate = _RATES["16 bit" if dtype.itemsize == 2 else "tf32" if tf32 else "ieee"]
    return 8 * batch * units**2 / rate >= 20e-6


def _sequence() -> ProjectedSteps:
    from torch_keras_lstm.recurrence.backends.triton_sequence import TritonSequence

    return TritonSequence()


def _step() -> ProjectedSteps:
    from torch_keras_lstm.recurrence.backends.triton_step import TritonStep

    return TritonStep()


TRITON_SEQUENCE = TritonBackend("triton_sequence", _sequence, _why_no_sequence)
TRITON_GRAPH = TritonBackend("triton_graph", lambda: GraphedSteps(_step()), _why_no_graph)
TRITON_STEP = TritonBackend("triton_step", _step)
CUDA_GRAPH = GraphedTorchOps("cuda_graph", lambda: GraphedSteps(TORCH_OPS))


@functools.cache
def _has_triton(device: torch.device) -> bool:
    """Whether it is there and compiles for the device."""
    return importlib.util.find_spec("triton") is not None and torch.cuda.get_device_capability(device) >= (8, 0)


def _is_known(activation: Activation) -> bool:
    """Whether it is this package's or torch's, and so known to do nothing that cannot be recorded."""
    return kernel_name(activation) is not None or isinstance(activations.serialize(activation), str)
