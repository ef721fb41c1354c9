"""Recurrent layers over time in C: all steps of a sequence, in one direction or both, in one call, forth or back.

``csrc/kernels.c`` is compiled when the package is installed where there is a C compiler (GCC or Clang). Without it, or
with the environment variable ``TORCH_KERAS_LSTM_COMPILED`` set to 0, the backends that follow give the same numbers but
for rounding, and take several times as long. The variable may also name the vectors to use: ``avx512``, ``avx2`` or
``any``. It knows addresses and sizes only; what it is given is checked here and in the backends.
"""

import importlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from torch_keras_lstm import activations, torch_internals
from torch_keras_lstm.recurrence import environment
from torch_keras_lstm.recurrence.backends.base import Request
from torch_keras_lstm.recurrence.options import Activation

INTERFACE = 4  # the number that csrc/kernels.c has of the arguments and their meaning
_MISSING: str | None = None
try:
    compiled_module: Any = importlib.import_module("torch_keras_lstm.recurrence.backends._c_kernels")
except ImportError as error:
    compiled_module, _MISSING = None, f"the C kernels are not there: {error}"
if compiled_module is not None and getattr(compiled_module, "INTERFACE", 1) != INTERFACE:
    compiled_module = None
    _MISSING = "the C kernels are not those of this version: install the package again, which compiles them"

# The vectors that the kernels can use on this processor, the widest first.
VECTORS: tuple[str, ...] = compiled_module.KERNELS if compiled_module else ()
CELLS: tuple[str, ...] = compiled_module.CELLS if compiled_module else ()
# Of an LSTM's cell states every so many are kept for the way back, and the last.
CELLS_EVERY: int = compiled_module.CELLS_EVERY if compiled_module else 1
_TYPES = (torch.float32, torch.float64)
_WITH_MEMORY = (Tensor, torch.nn.Parameter)  # a subclass may have none, such as those that only have a shape

_AS_TORCH_HAS_THEM = {"relu": torch.relu, "tanh": torch.tanh, "sigmoid": torch.sigmoid}
# The numbers by which the kernels know activations.
KINDS: Mapping[Activation, int] = {
    function: kind
    for kind, name in enumerate(compiled_module.ACTIVATIONS if compiled_module else ())
    for function in (getattr(activations, name), _AS_TORCH_HAS_THEM.get(name))
    if function is not None
}


class Run(NamedTuple):
    """One direction: what goes in, and where what comes out is written.

    Attributes:
        cell: one of :data:`CELLS`, the number of gates by which the sizes below go.
        activation, recurrent_activation: that the kernels know; a cell without gates has no use for the second.
        inputs: (batch, time, features)
        weight_ih, weight_hh: (gates * units, features) and (gates * units, units), in torch's order of gates.
        bias, state_bias: (gates * units,) or ``None``; the second is a GRU's alone.
        hidden_before, cell_before: (batch, units), before the first step; the cell state is the LSTM's alone.
        mask: (time, batch), boolean, or ``None``; what stands at masked steps is not read.
        input_dropout: factors for the inputs that differ between the gates, (gates, batch, features), or ``None``.
        dropout: factors for the hidden state, (1, batch, units) or (gates, batch, units), or ``None``.
        kept: (time, batch, :func:`kept_width`), what the way back takes; ``None`` without one, or for one that computes
            it once more.
        hidden: (time, batch, units), the states after each step; or (batch, units), the last one alone.
        cells: (time / :data:`CELLS_EVERY`, batch, units), the last of so many steps, in the order of processing; or
            (batch, units), the last one alone.
        backwards: whether inputs, mask and hidden states are worked on from the last step to the first.
    """

    cell: str
    activation: Activation
    recurrent_activation: Activation
    inputs: Tensor
    weight_ih: Tensor
    weight_hh: Tensor
    bias: Tensor | None
    state_bias: Tensor | None
    hidden_before: Tensor
    cell_before: Tensor | None
    mask: Tensor | None
    input_dropout: Tensor | None
    dropout: Tensor | None
    kept: Tensor | None
    hidden: Tensor
    cells: Tensor | None
    backwards: bool = False

    @property
    def work(self) -> int:
        """How many multiplications it is."""
        (batch, time, features), (rows, units) = self.inputs.shape, self.weight_hh.shape
        return batch * time * rows * (features + units)


class Gradients(NamedTuple):
    """What comes in on the way back, and where what comes out is written; ``None`` where nobody asks for it.

    Attributes:
        outputs: (time, batch, units), of the hidden states of all steps, in the order of :attr:`Run.inputs`.
        hidden, cell: (batch, units), of the states after the last step; overwritten by those before the first.
        inputs: (batch, time, features)
        weight_ih, weight_hh, bias, state_bias: as the weights.
    """

    outputs: Tensor | None
    hidden: Tensor
    cell: Tensor | None
    inputs: Tensor | None
    weight_ih: Tensor | None
    weight_hh: Tensor | None
    bias: Tensor | None
    state_bias: Tensor | None


def kept_width(cell: str, units: int) -> int:
    """How many numbers the way forth keeps of a row of a step."""
    return units if cell == "simple_rnn" else 4 * units


def forward(vectors: int, threads: int, *runs: Run) -> None:
    """Compute one run, or two of the same sizes at the same time.

    Args:
        vectors: which of :data:`VECTORS`.
        threads: at most.
    """
    numbers = [vectors, runs[0].hidden.dtype is torch.float64, threads]
    held: list[Tensor] = []
    for run in runs:
        numbers += _numbers(run, held)
    compiled_module.forward(*numbers)


def backward(vectors: int, threads: int, *runs: tuple[Run, Gradients]) -> None:
    """The same on the way back, given what the way forth left.

    Args:
        runs: each with its gradients.
    """
    numbers = [vectors, runs[0][0].hidden.dtype is torch.float64, threads]
    held: list[Tensor] = []
    for run, gradients in runs:
        numbers += _numbers(run, held)
        numbers += _numbers_of_gradients(gradients, held, run.backwards)
    compiled_module.backward(*numbers)


def _numbers(run: Run, held: list[Tensor]) -> list[int]:
    """What C takes of a run; tensors that must outlive the call go into ``held``."""
    inputs, hidden, cells, mask, backwards = run.inputs, run.hidden, run.cells, run.mask, run.backwards
    if inputs.stride(2) != 1:
        inputs = inputs.contiguous()
        held.append(inputs)
    batch, time, features = inputs.shape
    row, step, _ = inputs.stride()
    of_inputs = _in_time(inputs, step, time, backwards)
    of_mask = (0, 0) if mask is None else _in_time(mask, mask.stride(0), time, backwards)
    of_hidden = _in_time(hidden, hidden.stride(0), time, backwards) if hidden.dim() == 3 else (hidden.data_ptr(), 0)
    return [
        CELLS.index(run.cell),
        time,
        batch,
        features,
        run.weight_hh.shape[1],
        KINDS[run.activation],
        KINDS[run.recurrent_activation],
        *of_inputs,
        row,
        _place(run.weight_ih, held),
        _place(run.weight_hh, held),
        _place(run.bias, held),
        _place(run.state_bias, held),
        0 if run.kept is None else run.kept.data_ptr(),
        *of_hidden,
        hidden.stride(-2),
        0 if cells is None else cells.data_ptr(),
        0 if cells is None or cells.dim() == 2 else cells.stride(0),
        _place(run.hidden_before, held),
        _place(run.cell_before, held),
        *of_mask,
        0 if mask is None else mask.stride(1),
        0 if run.input_dropout is None else len(run.input_dropout),
        _place(run.input_dropout, held),
        0 if run.dropout is None else len(run.dropout),
        _place(run.dropout, held),
    ]


def _numbers_of_gradients(gradients: Gradients, held: list[Tensor], backwards: bool) -> list[int]:
    """The same of what is for the way back alone."""
    outputs, hidden, cell, inputs, *weights = gradients
    if outputs is not None and outputs.stride(2) != 1:
        outputs = outputs.contiguous()
        held.append(outputs)
    of_outputs, of_inputs = (0, 0, 0), (0, 0, 0)
    if outputs is not None:
        step, row, _ = outputs.stride()
        of_outputs = (*_in_time(outputs, step, outputs.shape[0], backwards), row)
    if inputs is not None:
        row, step, _ = inputs.stride()
        of_inputs = (*_in_time(inputs, step, inputs.shape[1], backwards), row)
    return [
        *of_outputs,
        hidden.data_ptr(),
        0 if cell is None else cell.data_ptr(),
        *of_inputs,
        *(0 if weight is None else weight.data_ptr() for weight in weights),
    ]


def _in_time(tensor: Tensor, step: int, time: int, backwards: bool) -> tuple[int, int]:
    """Where the first step of the order of processing lies, and how many numbers further each next one."""
    place = tensor.data_ptr()
    return (place + (time - 1) * step * tensor.element_size(), -step) if backwards else (place, step)


def _place(tensor: Tensor | None, held: list[Tensor]) -> int:
    """Where it lies in one piece; 0 for ``None``."""
    if tensor is None:
        return 0
    if not tensor.is_contiguous():
        tensor = tensor.contiguous()
        held.append(tensor)
    return tensor.data_ptr()


class Chosen:
    """What the backends in C have in common: the vectors, the threads, and what keeps a run from them.

    Args:
        vectors: one of :data:`VECTORS`; by default the widest.
        off: why they are not to be used.

    Attributes:
        vectors: those that are used; "" where there are none.
        fewest_for_threads: multiplications; with fewer, waking a second thread costs more than it saves.
    """

    name = "c_kernels"
    fewest_for_threads = 2**19

    def __init__(self, vectors: str | None = None, off: str | None = None) -> None:
        self.vectors = vectors or (VECTORS[0] if VECTORS else "")
        self.kernel = VECTORS.index(self.vectors) if VECTORS else 0
        self.off = _MISSING if compiled_module is None else off

    def threads(self, work: int) -> int:
        """How many are worth waking for so many multiplications."""
        return 1 if work < self.fewest_for_threads else torch.get_num_threads()

    def why_no_memory(self, request: Request) -> str | None:
        """What keeps its tensors from being read by their addresses."""
        dtype = request.dtype
        for tensor in request.tensors:
            if tensor is not None and (
                tensor.dtype is not dtype or not tensor.is_cpu or type(tensor) not in _WITH_MEMORY
            ):
                return "the C kernels read memory, which must be of one type, and be there"
        return None

    def why_never(self, request: Request) -> str | None:
        """The part of :meth:`Backend.why_not` that asks for no tensor, and can be answered while a graph is traced."""
        if request.device.type != "cpu":
            return "the C kernels run on a CPU"
        if self.off is not None:
            return self.off
        if not torch.compiler.is_compiling() and torch_internals.operations_are_watched():
            return "somebody watches or replaces each of torch's operations"
        if request.dtype not in _TYPES:
            return f"the C kernels compute in single and double precision, not in {request.dtype}"
        for function in (request.options.activation, request.options.recurrent_activation):
            if function not in KINDS:
                return f"the C kernels do not have the activation {activations.serialize(function)!r}"
        return None


def chosen() -> tuple[str | None, str | None]:
    """What the environment variable asks for, as :class:`Chosen` takes it.

    Raises:
        ValueError: when it asks for vectors that this processor does not have.
    """
    wanted = environment.wanted_vectors()
    if wanted in VECTORS:
        return wanted, None
    if wanted not in ("0", "1") and VECTORS:
        names = ", ".join(VECTORS)
        raise ValueError(f"{environment.COMPILED} must be 0, 1, or one of {names} on this processor, got {wanted!r}.")
    return None, f"the environment variable {environment.COMPILED} is 0" if wanted == "0" else None
