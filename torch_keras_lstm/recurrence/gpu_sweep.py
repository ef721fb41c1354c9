"""Which sweeps a loop takes on an NVIDIA GPU, where launching each operation of a step costs more than computing it.

Nothing here was timed on a device: the table is reckoned from what is known of the hardware, and
``benchmarks/gpu_loop.py`` measures whether it is right.
"""

import functools
import importlib.util
import os
from typing import Literal

import torch
from torch import Tensor

from torch_keras_lstm import activations
from torch_keras_lstm.recurrence.cuda_graph import GraphedSweeps
from torch_keras_lstm.recurrence.kernel_activations import kernel_name
from torch_keras_lstm.recurrence.options import Activation
from torch_keras_lstm.recurrence.sweeps import Sweeps

# "sequence": one Triton kernel; "step": one a step, and cuBLAS; "graphed ...": these or the loop's own in a CUDA graph.
Way = Literal["sequence", "step", "graphed step", "graphed loop"]

_KERNEL_TYPES = (torch.float32, torch.bfloat16, torch.float16)

# Floating-point operations a second that products reach on an H100, in round numbers, by type and precision.
_RATES = {"ieee": 50e12, "tf32": 300e12, "16 bit": 600e12}


def gpu_sweeps_for(
    gates: Tensor,
    weight_hh: Tensor,
    activation: Activation,
    recurrent_activation: Activation,
    loop: Sweeps | None = None,
) -> Sweeps | None:
    """The two sweeps for a sequence, or ``None`` where the loop's own are to be taken as they are.

    Set the environment variable ``TORCH_KERAS_LSTM_TRITON`` or ``TORCH_KERAS_LSTM_CUDA_GRAPHS`` to 0 to do without
    the one or the other. Triton comes with torch's builds for CUDA; without it the loop's own sweeps are recorded.

    Args:
        gates: (time, batch, 4 * units)
        weight_hh: (4 * units, units)
        loop: the loop's own sweeps, to be recorded where there are no kernels; they must not wait for the device.
    """
    if gates.device.type != "cuda" or torch.version.hip is not None or gates.numel() == 0:
        return None
    time, batch, _ = gates.shape
    functions = (activation, recurrent_activation)
    way = way_for(
        time,
        batch,
        weight_hh.shape[1],
        gates.dtype,
        torch.backends.cuda.matmul.fp32_precision == "tf32",
        kernels=_is_on("TORCH_KERAS_LSTM_TRITON")
        and _has_triton(gates.device)
        and all(kernel_name(function) for function in functions),
        graphs=_is_on("TORCH_KERAS_LSTM_CUDA_GRAPHS"),
        loop=loop is not None and all(_is_known(function) for function in functions),
    )
    if way is None:
        return None
    if way == "graphed loop":
        assert loop is not None
        return _graphed(loop)
    return kernel_sweeps(way)


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
) -> Way | None:
    """The table. NOT measured on a device; what it is reckoned from, for an H100:

    - One kernel for the sequence, up to 128 units. A step costs its chain of product, exponentials and the exchange of
      the state, 1.2 to 2 us, while a multiprocessor holds the weights (227 KB: 128 units in 16 bits, 64 in 32, padded
      to powers of two as they are). Beyond that it reads them again from the second-level cache at about 117 GB/s,
      2.2 us for 128 units in 32 bits but 9 us for 256, where registers end as well. Sixteen rows take one of 132
      multiprocessors; beyond two waves of them products of the whole batch are the better use of the device.
    - Otherwise two launches a step, product and kernel. A graph puts them 1 to 1.5 us apart, so that a step costs
      5 to 8 us. Launched one by one they cost 10 us and more on the host, which does not matter where the product alone
      takes longer; then a graph's copies are saved.
    - Without kernels the loop's own operations in a graph, 10 to 15 us a step instead of 40 to 150.

    Args:
        kernels: whether Triton is there and has the activations.
        graphs: whether graphs may be recorded.
        loop: whether the loop's own sweeps may be recorded.
    """
    worth_recording = graphs and time >= 4
    if kernels and dtype in _KERNEL_TYPES:
        if units <= 128 and batch <= 4096:
            return "sequence"
        rate = _RATES["16 bit" if dtype.itemsize == 2 else "tf32" if tf32 else "ieee"]
        product = 8 * batch * units**2 / rate
        return "graphed step" if worth_recording and product < 20e-6 else "step"
    return "graphed loop" if worth_recording and loop else None


@functools.cache
def kernel_sweeps(way: Way) -> Sweeps:
    """The sweeps of :func:`way_for` that are made of kernels; the first call imports Triton."""
    if way == "sequence":
        from torch_keras_lstm.recurrence import triton_sequence

        return Sweeps(triton_sequence.forward_sweep, triton_sequence.backward_sweep)
    from torch_keras_lstm.recurrence import triton_step

    stepwise = Sweeps(triton_step.forward_sweep, triton_step.backward_sweep)
    return _graphed(stepwise) if way == "graphed step" else stepwise


@functools.cache
def _graphed(sweeps: Sweeps) -> Sweeps:
    graphed = GraphedSweeps(sweeps)
    return Sweeps(graphed.forward, graphed.backward)


@functools.cache
def _has_triton(device: torch.device) -> bool:
    """Whether it is there and compiles for the device."""
    return importlib.util.find_spec("triton") is not None and torch.cuda.get_device_capability(device) >= (8, 0)


def _is_on(variable: str) -> bool:
    return os.environ.get(variable, "1") != "0"


def _is_known(activation: Activation) -> bool:
    """Whether it is this package's or torch's, and so known to do nothing that cannot be recorded."""
    return kernel_name(activation) is not None or isinstance(activations.serialize(activation), str)
