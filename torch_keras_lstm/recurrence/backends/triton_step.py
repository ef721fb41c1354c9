"""The steps one by one: one product of cuBLAS, or four with dropout of each gate's own, and one Triton kernel.

The kernel does everything between two products. That is still two launches a step, which cost more than the work they
start unless the units are many: meant for
:mod:`torch_keras_lstm.recurrence.backends.cuda_graph`.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

from torch_keras_lstm.recurrence.backends.base import Cell, Downstream, Trace, Upstream
from torch_keras_lstm.recurrence.backends.kernel_activations import kernel_name
from torch_keras_lstm.recurrence.backends.projection import ProjectedSteps
from torch_keras_lstm.recurrence.backends.triton_cell import backward_cell, forward_cell
from torch_keras_lstm.recurrence.gates import per_gate
from torch_keras_lstm.recurrence.state import LSTMState

_BLOCK = 512  # numbers a program computes: few, since a step has few and every processor of the device should get some


@triton.jit(do_not_specialize=["size"])
def forward_kernel(
    gates,
    hidden,
    cells,
    h_before,
    c_before,
    mask,
    factors,
    dropped,
    size,
    UNITS: tl.constexpr,
    BLOCK: tl.constexpr,
    DROPOUTS: tl.constexpr,
    ACTIVATION: tl.constexpr,
    GATE: tl.constexpr,
):
    """The pre-activations of one step to its state, and to the hidden state as the next step's gates take it."""
    at = tl.cast(tl.program_id(0), tl.int64) * BLOCK + tl.arange(0, BLOCK)
    inside = at < size
    row = at // UNITS
    gate_at = at + row * (3 * UNITS)
    o = tl.load(gates + gate_at, inside, 0.0).to(tl.float32)
    i = tl.load(gates + UNITS + gate_at, inside, 0.0).to(tl.float32)
    f = tl.load(gates + 2 * UNITS + gate_at, inside, 0.0).to(tl.float32)
    g = tl.load(gates + 3 * UNITS + gate_at, inside, 0.0).to(tl.float32)
    before = tl.load(c_before + at, inside, 0.0).to(tl.float32)
    h, c, o, i, f, g = forward_cell(o, i, f, g, before, ACTIVATION, GATE)
    if mask is not None:
        counts = tl.load(mask + row, inside, 0) != 0
        h = tl.where(counts, h, tl.load(h_before + at, inside, 0.0).to(tl.float32))
        c = tl.where(counts, c, before)
    tl.store(gates + gate_at, o.to(gates.dtype.element_ty), inside)
    tl.store(gates + UNITS + gate_at, i.to(gates.dtype.element_ty), inside)
    tl.store(gates + 2 * UNITS + gate_at, f.to(gates.dtype.element_ty), inside)
    tl.store(gates + 3 * UNITS + gate_at, g.to(gates.dtype.element_ty), inside)
    tl.store(hidden + at, h.to(hidden.dtype.element_ty), inside)
    tl.store(cells + at, c.to(cells.dtype.element_ty), inside)
    for gate in tl.static_range(DROPOUTS):
        factor = tl.load(factors + gate * size + at, inside, 0.0).to(tl.float32)
        tl.store(dropped + gate * size + at, (h * factor).to(dropped.dtype.element_ty), inside)


@triton.jit(do_not_specialize=["size"])
def backward_kernel(
    grad_hidden,
    products,
    passed_by,
    dc,
    gates,
    cells,
    c_before,
    mask,
    factors,
    dz,
    size,
    UNITS: tl.constexpr,
    BLOCK: tl.constexpr,
    DROPOUTS: tl.constexpr,
    ACTIVATION: tl.constexpr,
    GATE: tl.constexpr,
):
    """The gradients of one step's pre-activations.

    That of its hidden state has up to three parts: as an output, through the gates of the next step (``products``,
    whose dropout is still to be applied), and past the next step where that is masked (``passed_by``).
    """
    at = tl.cast(tl.program_id(0), tl.int64) * BLOCK + tl.arange(0, BLOCK)
    inside = at < size
    row = at // UNITS
    gate_at = at + row * (3 * UNITS)
    dh = tl.zeros((BLOCK,), tl.float32)
    if grad_hidden is not None:
        dh += tl.load(grad_hidden + at, inside, 0.0).to(tl.float32)
    if passed_by is not None:
        dh += tl.load(passed_by + at, inside, 0.0)
    if products is not None:
        if DROPOUTS == 0:
            dh += tl.load(products + at, inside, 0.0).to(tl.float32)
        for gate in tl.static_range(DROPOUTS):
            factor = tl.load(factors + gate * size + at, inside, 0.0).to(tl.float32)
            dh += factor * tl.load(products + gate * size + at, inside, 0.0).to(tl.float32)
    after = tl.load(dc + at, inside, 0.0)
    o = tl.load(gates + gate_at, inside, 0.0).to(tl.float32)
    i = tl.load(gates + UNITS + gate_at, inside, 0.0).to(tl.float32)
    f = tl.load(gates + 2 * UNITS + gate_at, inside, 0.0).to(tl.float32)
    g = tl.load(gates + 3 * UNITS + gate_at, inside, 0.0).to(tl.float32)
    c = tl.load(cells + at, inside, 0.0).to(tl.float32)
    before = tl.load(c_before + at, inside, 0.0).to(tl.float32)
    o, i, f, g, new_dc = backward_cell(o, i, f, g, c, before, dh, after, ACTIVATION, GATE)
    if mask is not None:
        counts = tl.load(mask + row, inside, 0) != 0
        o, i = tl.where(counts, o, 0.0), tl.where(counts, i, 0.0)
        f, g = tl.where(counts, f, 0.0), tl.where(counts, g, 0.0)
        new_dc = tl.where(counts, new_dc, after)
        tl.store(passed_by + at, tl.where(counts, 0.0, dh), inside)
    tl.store(dc + at, new_dc, inside)
    tl.store(dz + gate_at, o.to(dz.dtype.element_ty), inside)
    tl.store(dz + UNITS + gate_at, i.to(dz.dtype.element_ty), inside)
    tl.store(dz + 2 * UNITS + gate_at, f.to(dz.dtype.element_ty), inside)
    tl.store(dz + 3 * UNITS + gate_at, g.to(dz.dtype.element_ty), inside)


def _gate_by_gate(gates: Tensor) -> Tensor:
    """(batch, 4 * units) -> (4, batch, units), a view."""
    by_gate: Tensor = gates.unflatten(-1, (4, -1))
    return by_gate.transpose(0, 1)


class TritonStep(ProjectedSteps):
    """See the file."""

    def forward_steps(self, cell: Cell, state: LSTMState, mask: Tensor | None, trace: Trace) -> None:
        """As :meth:`ProjectedSteps.forward_steps`."""
        gates, (_, batch, units) = trace.kept, trace.hidden.shape
        factors = None if cell.recurrent_dropout is None else cell.recurrent_dropout.contiguous()
        h, c = state.hidden.to(trace.hidden.dtype).contiguous(), state.cell.contiguous()
        dropped = None if factors is None else h * factors
        skip = (None,) * len(gates) if mask is None else mask.contiguous().view(torch.uint8).unbind(0)
        each = zip(gates.unbind(0), trace.hidden.unbind(0), trace.cells.unbind(0), skip, strict=True)
        with torch.cuda.device_of(gates):
            for z, h_after, c_after, counts in each:
                if dropped is not None and len(dropped) > 1:
                    _gate_by_gate(z).baddbmm_(dropped, per_gate(cell.weight_hh).mT)
                else:
                    z.addmm_(h if dropped is None else dropped[0], cell.weight_hh.t())
                forward_kernel[(triton.cdiv(batch * units, _BLOCK),)](
                    z,
                    h_after,
                    c_after,
                    h,
                    c,
                    counts,
                    factors,
                    dropped,
                    batch * units,
                    **_constants(cell, units),
                )
                h, c = h_after, c_after

    def backward(
        self,
        cell: Cell,
        trace: Trace,
        state: LSTMState,
        mask: Tensor | None,
        upstream: Upstream,
    ) -> Downstream:
        """As :meth:`Steps.backward`."""
        gates, cells, (time, batch, units) = trace.kept, trace.cells, trace.hidden.shape
        factors = None if cell.recurrent_dropout is None else cell.recurrent_dropout.contiguous()
        dropouts = 0 if factors is None else len(factors)
        dz = torch.empty_like(gates)
        dc = _single_precision(upstream.last_cell, state.cell)
        passed_by: Tensor | None = _single_precision(upstream.last_hidden, state.hidden)
        # what the gates' gradients give for the step before
        products = trace.hidden.new_empty(max(dropouts, 1), batch, units)
        before = state.cell.to(cells.dtype).contiguous()
        counts = None if mask is None else mask.contiguous().view(torch.uint8)
        outputs = None if upstream.hidden is None else upstream.hidden.contiguous()
        with torch.cuda.device_of(gates):
            for step in range(time - 1, -1, -1):
                backward_kernel[(triton.cdiv(batch * units, _BLOCK),)](
                    None if outputs is None else outputs[step],
                    None if step == time - 1 else products,
                    passed_by,
                    dc,
                    gates[step],
                    cells[step],
                    cells[step - 1] if step else before,
                    None if counts is None else counts[step],
                    factors,
                    dz[step],
                    batch * units,
                    **_constants(cell, units),
                )
                if dropouts > 1:
                    torch.bmm(_gate_by_gate(dz[step]), per_gate(cell.weight_hh), out=products)
                else:
                    torch.mm(dz[step], cell.weight_hh, out=products[0])
                if mask is None:
                    passed_by = None  # it held the gradient of the last state
        dh = (products if factors is None else products.float() * factors).sum(0)
        if passed_by is not None:
            dh = dh + passed_by
        return dz, dh.to(state.hidden.dtype), dc.to(state.cell.dtype)


def _constants(cell: Cell, units: int) -> dict[str, object]:
    """What a kernel is compiled for."""
    return {
        "UNITS": units,
        "BLOCK": _BLOCK,
        "DROPOUTS": 0 if cell.recurrent_dropout is None else len(cell.recurrent_dropout),
        "ACTIVATION": kernel_name(cell.activation),
        "GATE": kernel_name(cell.recurrent_activation),
    }


def _single_precision(gradient: Tensor | None, like: Tensor) -> Tensor:
    """A copy, zeros for ``None``."""
    if gradient is None:
        return torch.zeros_like(like, dtype=torch.float32, memory_format=torch.contiguous_format)
    return gradient.to(torch.float32, memory_format=torch.contiguous_format, copy=True)
