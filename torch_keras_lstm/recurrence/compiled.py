"""The sweeps of an LSTM over time in C: one call for all steps, with any mask, in either precision, on a CPU.

``csrc/sweeps.c`` is compiled when the package is installed where there is a C compiler (GCC or Clang). Without it, or
with the environment variable ``TORCH_KERAS_LSTM_COMPILED`` set to 0, the loop takes its own sweeps, which give the same
numbers but for rounding and take several times as long. The variable may also name the vectors to use: ``avx512``,
``avx2`` or ``any``.
"""

import importlib
import os
from collections.abc import Mapping, Sequence
from typing import Any

import torch  # before the sweeps: it brings the OpenMP library whose threads they share
from torch import Tensor

from torch_keras_lstm import activations
from torch_keras_lstm.recurrence.options import Activation
from torch_keras_lstm.recurrence.state import LSTMState
from torch_keras_lstm.recurrence.sweeps import Arranged, WholeSweeps

_MISSING: str | None = None
try:
    compiled_module: Any = importlib.import_module("torch_keras_lstm.recurrence._sweeps")
except ImportError as error:
    compiled_module, _MISSING = None, str(error)

_SWITCH = "TORCH_KERAS_LSTM_COMPILED"
_WANTED = os.environ.get(_SWITCH, "1")
_IS_ON = _WANTED != "0"
_TYPES = (torch.float32, torch.float64)
_WITH_MEMORY = (Tensor, torch.nn.Parameter)  # a subclass may have none, such as those that only have a shape
_KERNELS: tuple[str, ...] = compiled_module.KERNELS if compiled_module else ()  # for this processor, the widest first
_KERNEL = 0
if _WANTED in _KERNELS:
    _KERNEL = _KERNELS.index(_WANTED)
elif _WANTED not in ("0", "1") and _KERNELS:
    raise ValueError(f"{_SWITCH} must be 0, 1, or one of {', '.join(_KERNELS)} on this processor, got {_WANTED!r}.")
_FEWEST_FOR_THREADS = 2**19  # multiplications: with fewer, waking a second thread costs more than it saves

_AS_TORCH_HAS_THEM = {"relu": torch.relu, "tanh": torch.tanh, "sigmoid": torch.sigmoid}
# The numbers by which the sweeps know activations.
_KINDS: Mapping[Activation, int] = {
    function: kind
    for kind, name in enumerate(compiled_module.ACTIVATIONS if compiled_module else ())
    for function in (getattr(activations, name), _AS_TORCH_HAS_THEM.get(name))
    if function is not None
}


def what_there_is() -> str:
    """Whether the compiled sweeps are there, and for which vectors of this processor, or why not."""
    if compiled_module is None:
        return f"without the kernels in C: {_MISSING}"
    if not _IS_ON:
        return f"without the kernels in C: the environment variable {_SWITCH} is 0"
    return f"with the kernels in C, {_KERNELS[_KERNEL]}"


def why_not_compiled(
    device: torch.device, dtype: torch.dtype, activation: Activation, recurrent_activation: Activation
) -> str | None:
    """What keeps a run from the compiled sweeps, as the end of a sentence; ``None`` when nothing does."""
    if device.type != "cpu":
        return "the compiled sweeps run on a CPU"
    if compiled_module is None:
        return f"the compiled sweeps are not there: {_MISSING}"
    if not _IS_ON:
        return f"the environment variable {_SWITCH} is 0"
    if not torch.compiler.is_compiling() and (  # which puts the whole run into its graph
        torch._C._get_tracing_state() is not None or torch._C._len_torch_dispatch_stack()
    ):
        return "somebody watches or replaces each of torch's operations"
    if dtype not in _TYPES:
        return f"the compiled sweeps compute in single and double precision, not in {dtype}"
    for function in (activation, recurrent_activation):
        if function not in _KINDS:
            return f"the compiled sweeps do not have the activation {activations.serialize(function)!r}"
    return None


def compiled_sweeps_for(
    tensors: Sequence[Tensor | None], activation: Activation, recurrent_activation: Activation
) -> WholeSweeps | None:
    """The two sweeps, or ``None`` where :func:`why_not_compiled` gives a reason.

    Args:
        tensors: all that they are to run with: they read memory, which must be of one type, and be there.
    """
    first = tensors[0]
    assert first is not None
    dtype = first.dtype
    if why_not_compiled(first.device, dtype, activation, recurrent_activation) is not None:
        return None
    for tensor in tensors:
        if tensor is not None and (tensor.dtype is not dtype or not tensor.is_cpu or type(tensor) not in _WITH_MEMORY):
            return None
    return SWEEPS


def forward(
    inputs: Tensor,
    gates: Tensor | None,
    hidden: Tensor,
    cells: Tensor,
    state: LSTMState,
    arranged: Arranged,
    mask: Tensor | None,
) -> None:
    """Run the steps.

    Args:
        inputs: (batch, time, features); what stands at masked steps is not read.
        gates: (time, batch, 4 * units), written with what :func:`backward` takes; ``None`` without a way back.
        hidden: (time, batch, units), written with the state after each step, or (batch, units), with the last one.
        cells: likewise.
        state: before the first step, (batch, units) each.
        arranged: with the gates in the order of torch.
        mask: (time, batch), boolean, ``False`` where the state stays as it is.
    """
    batch, time, features = inputs.shape
    row, step, number = inputs.stride()
    if number != 1:
        inputs = inputs.contiguous()
        row, step, number = inputs.stride()
    weight_ih, weight_hh, bias, input_dropout, dropout, activation, recurrent_activation = arranged
    weight_ih = weight_ih.contiguous()
    bias, input_dropout = _in_order(bias), _in_order(input_dropout)
    units = hidden.shape[-1]
    common, held = _common(
        time * batch * 4 * units * (features + units),
        time,
        batch,
        units,
        state,
        gates,
        cells,
        mask,
        weight_hh,
        dropout,
        activation,
        recurrent_activation,
    )
    compiled_module.forward(
        *common,
        features,
        inputs.data_ptr(),
        step,
        row,
        weight_ih.data_ptr(),
        0 if bias is None else bias.data_ptr(),
        hidden.data_ptr(),
        batch * units if hidden.dim() == 3 else 0,
        batch * units if cells.dim() == 3 else 0,
        0 if input_dropout is None else len(input_dropout),
        0 if input_dropout is None else input_dropout.data_ptr(),
    )
    del held


def backward_sweep(
    grad_hidden: Tensor | None,
    grad_h_n: Tensor | None,
    grad_c_n: Tensor | None,
    gates: Tensor,
    hidden: Tensor,
    cells: Tensor,
    state: LSTMState,
    weight_hh: Tensor,
    activation: Activation,
    recurrent_activation: Activation,
    mask: Tensor | None,
    recurrent_dropout: Tensor | None,
    *,
    overwrite: bool = False,
) -> tuple[Tensor, Tensor, Tensor]:
    """As :func:`torch_keras_lstm.recurrence.sweep.backward_sweep`, but with all gates in the order of torch.

    Args:
        overwrite: write the gradients over ``gates``, and return those.
    """
    gradients = gates if overwrite else torch.empty_like(gates)
    dh, dc = (
        torch.zeros_like(like, memory_format=torch.contiguous_format)
        if gradient is None
        else gradient.clone(memory_format=torch.contiguous_format)
        for like, gradient in zip(state, (grad_h_n, grad_c_n), strict=True)
    )
    if grad_hidden is not None and grad_hidden.stride(2) != 1:
        grad_hidden = grad_hidden.contiguous()
    common, held = _common(
        gates.numel() * hidden.shape[2],
        hidden.shape[0],
        hidden.shape[1],
        hidden.shape[2],
        state,
        gates,
        cells,
        mask,
        weight_hh,
        recurrent_dropout,
        activation,
        recurrent_activation,
    )
    compiled_module.backward(
        *common,
        gradients.data_ptr(),
        *((0, 0, 0) if grad_hidden is None else (grad_hidden.data_ptr(), *grad_hidden.stride()[:2])),
        dh.data_ptr(),
        dc.data_ptr(),
    )
    del held
    return gradients, dh, dc


def _common(
    work: int,
    time: int,
    batch: int,
    units: int,
    state: LSTMState,
    gates: Tensor | None,
    cells: Tensor,
    mask: Tensor | None,
    weight_hh: Tensor,
    dropout: Tensor | None,
    activation: Activation,
    recurrent_activation: Activation,
) -> tuple[tuple[int, ...], tuple[Tensor | None, ...]]:
    """The arguments that both sweeps begin with, and the tensors that must outlive the call.

    Args:
        work: how many multiplications it will be.
    """
    weight_hh, hidden, cell = weight_hh.contiguous(), state[0].contiguous(), state[1].contiguous()
    mask, dropout = _in_order(mask), _in_order(dropout)
    return (
        _KERNEL,
        cells.dtype is torch.float64,
        1 if work < _FEWEST_FOR_THREADS else torch.get_num_threads(),
        time,
        batch,
        units,
        _KINDS[activation],
        _KINDS[recurrent_activation],
        weight_hh.data_ptr(),
        0 if gates is None else gates.data_ptr(),
        hidden.data_ptr(),
        cell.data_ptr(),
        cells.data_ptr(),
        0 if mask is None else mask.data_ptr(),
        0 if dropout is None else len(dropout),
        0 if dropout is None else dropout.data_ptr(),
    ), (weight_hh, hidden, cell, mask, dropout)


def _in_order(tensor: Tensor | None) -> Tensor | None:
    return None if tensor is None else tensor.contiguous()


# So many numbers that packing the weights anew for each call does not count.
SWEEPS = WholeSweeps(forward, backward_sweep, chunk_numbers=2**19)
