"""The steps in C: one call for all of them, with any mask, in either precision, on a CPU.

``csrc/lstm.c`` is compiled when the package is installed where there is a C compiler (GCC or Clang). Without it, or
with the environment variable ``TORCH_KERAS_LSTM_COMPILED`` set to 0, the backends that follow give the same numbers but
for rounding, and take several times as long. The variable may also name the vectors to use: ``avx512``, ``avx2`` or
``any``.
"""

import importlib
from collections.abc import Mapping
from typing import Any

import torch  # before the kernels: it brings the OpenMP library whose threads they share
from torch import Tensor

from torch_keras_lstm import activations, torch_internals
from torch_keras_lstm.recurrence import environment
from torch_keras_lstm.recurrence.autograd import StepBackend
from torch_keras_lstm.recurrence.backends.base import Cell, Downstream, Request, Trace, Upstream
from torch_keras_lstm.recurrence.backends.torch_kernels import why_not_fused
from torch_keras_lstm.recurrence.options import Activation
from torch_keras_lstm.recurrence.state import LSTMState

_MISSING: str | None = None
try:
    compiled_module: Any = importlib.import_module("torch_keras_lstm.recurrence.backends._c_kernels")
except ImportError as error:
    compiled_module, _MISSING = None, str(error)

# The vectors that the kernels can use on this processor, the widest first.
VECTORS: tuple[str, ...] = compiled_module.KERNELS if compiled_module else ()
_TYPES = (torch.float32, torch.float64)
_WITH_MEMORY = (Tensor, torch.nn.Parameter)  # a subclass may have none, such as those that only have a shape
_WIDE = 320  # units from which on nothing but the matrix product counts

_AS_TORCH_HAS_THEM = {"relu": torch.relu, "tanh": torch.tanh, "sigmoid": torch.sigmoid}
# The numbers by which the kernels know activations.
_KINDS: Mapping[Activation, int] = {
    function: kind
    for kind, name in enumerate(compiled_module.ACTIVATIONS if compiled_module else ())
    for function in (getattr(activations, name), _AS_TORCH_HAS_THEM.get(name))
    if function is not None
}


class CKernels(StepBackend):
    """See the file. The gates stand in the order of torch.

    Args:
        vectors: one of :data:`VECTORS`; by default the widest.
        off: why they are not to be used.

    Attributes:
        vectors: those that are used; "" where there are none.
        fewest_for_threads: multiplications; with fewer, waking a second thread costs more than it saves.
    """

    name = "c_kernels"
    chunk_numbers = 2**19  # so many that packing the weights anew for each call does not count
    passes_over = True
    fewest_for_threads = 2**19

    def __init__(self, vectors: str | None = None, off: str | None = None) -> None:
        self.vectors = vectors or (VECTORS[0] if VECTORS else "")
        self.kernel = VECTORS.index(self.vectors) if VECTORS else 0
        self.off = f"the C kernels are not there: {_MISSING}" if compiled_module is None else off

    def why_not(self, request: Request) -> str | None:
        """As :meth:`Backend.why_not`.

        Measured: with two threads these take 0.4 to 0.95 of the time of oneDNN's kernels, with one 0.4 to 1.07
        (docs/performance.md). Two things are quicker there: a single step while autograd records, and inference with so
        many units that nothing but the matrix product counts, in which oneDNN's is ahead by a twentieth to a tenth.
        """
        reason = self._why_slower(request) or self.why_never(request)
        if reason is not None:
            return reason
        dtype = request.dtype
        for tensor in request.tensors:  # they read memory, which must be of one type, and be there
            if tensor is not None and (
                tensor.dtype is not dtype or not tensor.is_cpu or type(tensor) not in _WITH_MEMORY
            ):
                return "the C kernels read memory, which must be of one type, and be there"
        return super().why_not(request)

    def why_never(self, request: Request) -> str | None:
        """The part of :meth:`why_not` that asks for no tensor, and can be answered while a graph is traced."""
        if request.device.type != "cpu":
            return "the C kernels run on a CPU"
        if self.off is not None:
            return self.off
        if not torch.compiler.is_compiling() and torch_internals.operations_are_watched():
            return "somebody watches or replaces each of torch's operations"
        if request.dtype not in _TYPES:
            return f"the C kernels compute in single and double precision, not in {request.dtype}"
        for function in (request.options.activation, request.options.recurrent_activation):
            if function not in _KINDS:
                return f"the C kernels do not have the activation {activations.serialize(function)!r}"
        return None

    def _why_slower(self, request: Request) -> str | None:
        """When torch's kernels take less time, as the end of a sentence. A mask they only know how to work around."""
        if not (request.steps == 1 if torch.is_grad_enabled() else request.units > _WIDE):
            return None
        if request.masked or request.by_name or request.use_cudnn != "auto" or request.device.type != "cpu":
            return None
        if why_not_fused(request) is not None:
            return None
        return "torch's kernels take less time for one step that autograd records, and for many units"

    def forward(self, cell: Cell, inputs: Tensor, state: LSTMState, mask: Tensor | None, trace: Trace) -> None:
        """As :meth:`Steps.forward`; what stands at masked steps is not read."""
        assert cell.projection is not None, "the projection is a part of this"
        batch, time, features = inputs.shape
        row, step, number = inputs.stride()
        if number != 1:
            inputs = inputs.contiguous()
            row, step, number = inputs.stride()
        weight_ih, bias, input_dropout = cell.projection
        weight_ih = weight_ih.contiguous()
        bias, input_dropout = _contiguous(bias), _contiguous(input_dropout)
        _, cells, hidden = trace
        units = hidden.shape[-1]
        work = time * batch * 4 * units * (features + units)
        common, held = self._common(work, time, cell, state, mask, trace)
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

    def backward(
        self,
        cell: Cell,
        trace: Trace,
        state: LSTMState,
        mask: Tensor | None,
        upstream: Upstream,
        *,
        overwrite: bool = False,
    ) -> Downstream:
        """As :meth:`Steps.backward`."""
        gates, of_outputs = trace.kept, upstream.hidden
        gradients = gates if overwrite else torch.empty_like(gates)
        dh, dc = (
            torch.zeros_like(like, memory_format=torch.contiguous_format)
            if gradient is None
            else gradient.clone(memory_format=torch.contiguous_format)
            for like, gradient in zip(state, upstream[1:], strict=True)
        )
        if of_outputs is not None and of_outputs.stride(2) != 1:
            of_outputs = of_outputs.contiguous()
        time, _, units = trace.hidden.shape
        common, held = self._common(gates.numel() * units, time, cell, state, mask, trace)
        compiled_module.backward(
            *common,
            gradients.data_ptr(),
            *((0, 0, 0) if of_outputs is None else (of_outputs.data_ptr(), *of_outputs.stride()[:2])),
            dh.data_ptr(),
            dc.data_ptr(),
        )
        del held
        return gradients, dh, dc

    def _common(
        self, work: int, time: int, cell: Cell, state: LSTMState, mask: Tensor | None, trace: Trace
    ) -> tuple[tuple[int, ...], tuple[Tensor | None, ...]]:
        """The arguments that both ways begin with, and the tensors that must outlive the call.

        Args:
            work: how many multiplications it will be.
        """
        gates, cells, _ = trace
        batch, units = cells.shape[-2:]
        weight_hh, h, c = cell.weight_hh.contiguous(), state[0].contiguous(), state[1].contiguous()
        mask, dropout = _contiguous(mask), _contiguous(cell.recurrent_dropout)
        return (
            self.kernel,
            cells.dtype is torch.float64,
            1 if work < self.fewest_for_threads else torch.get_num_threads(),
            time,
            batch,
            units,
            _KINDS[cell.activation],
            _KINDS[cell.recurrent_activation],
            weight_hh.data_ptr(),
            0 if gates is None else gates.data_ptr(),
            h.data_ptr(),
            c.data_ptr(),
            cells.data_ptr(),
            0 if mask is None else mask.data_ptr(),
            0 if dropout is None else len(dropout),
            0 if dropout is None else dropout.data_ptr(),
        ), (weight_hh, h, c, mask, dropout)


class BoundSteps:
    """Runs of the steps that differ in inputs and states alone: no mask, no dropout, and no way back.

    Args:
        kernels: what runs them.
        inputs: (batch, time, features), contiguous as they will be in each run.
        weight_ih, weight_hh, bias: contiguous. Their numbers may change, and must stay where they are.
        activation, recurrent_activation: which the kernels have.
    """

    def __init__(
        self,
        kernels: CKernels,
        inputs: Tensor,
        weight_ih: Tensor,
        weight_hh: Tensor,
        bias: Tensor | None,
        activation: Activation,
        recurrent_activation: Activation,
    ) -> None:
        batch, time, features = inputs.shape
        units = weight_hh.shape[1]
        work = time * batch * 4 * units * (features + units)
        self._few = work < kernels.fewest_for_threads
        self._kernel, self._is_double = kernels.kernel, inputs.dtype is torch.float64
        self._sizes = (time, batch, units, _KINDS[activation], _KINDS[recurrent_activation], weight_hh.data_ptr(), 0)
        self._row, self._features = time * features, features
        self._weights = (weight_ih.data_ptr(), 0 if bias is None else bias.data_ptr())
        self._every, self._last = (time, batch, units), (batch, units)

    def __call__(self, inputs: Tensor, hidden: Tensor, cell: Tensor, every: bool) -> tuple[Tensor, Tensor]:
        """The hidden states of all steps, (time, batch, units), or of the last alone, and the last cell state."""
        outputs, cells = inputs.new_empty(self._every if every else self._last), inputs.new_empty(self._last)
        compiled_module.forward(
            self._kernel,
            self._is_double,
            1 if self._few else torch.get_num_threads(),
            *self._sizes,
            hidden.data_ptr(),
            cell.data_ptr(),
            cells.data_ptr(),
            0,
            0,
            0,
            self._features,
            inputs.data_ptr(),
            self._features,
            self._row,
            *self._weights,
            outputs.data_ptr(),
            self._last[0] * self._last[1] if every else 0,
            0,
            0,
            0,
        )
        return outputs, cells


def _contiguous(tensor: Tensor | None) -> Tensor | None:
    return None if tensor is None else tensor.contiguous()


def _chosen() -> CKernels:
    """Those that the environment variable asks for.

    Raises:
        ValueError: when it asks for vectors that this processor does not have.
    """
    wanted = environment.wanted_vectors()
    if wanted in VECTORS:
        return CKernels(wanted)
    if wanted not in ("0", "1") and VECTORS:
        names = ", ".join(VECTORS)
        raise ValueError(f"{environment.COMPILED} must be 0, 1, or one of {names} on this processor, got {wanted!r}.")
    return CKernels(off=f"the environment variable {environment.COMPILED} is 0" if wanted == "0" else None)


C_KERNELS = _chosen()


def description() -> str:
    """Whether the kernels in C are there, and for which vectors of this processor, or why not."""
    kernels = C_KERNELS
    return f"without the kernels in C: {kernels.off}" if kernels.off else f"with the kernels in C, {kernels.vectors}"
