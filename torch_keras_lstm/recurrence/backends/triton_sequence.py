"""The steps of a whole sequence in one Triton kernel, forth, and one back, for layers of few units.

A program takes some rows of the batch through all of time, so that programs have nothing to tell each other and a
sequence costs one launch. It computes all units of its rows: states never leave it. Weights that are too many to stay
on the chip are read again at each step, from the second-level cache, and what they are multiplied with comes back the
same way. Each step's numbers are asked for one step ahead.

The first call of a configuration compiles it, which takes seconds (Triton keeps the result on disk); batch and time are
no part of it.
"""

import functools
from dataclasses import asdict, dataclass

import torch
import triton
import triton.language as tl
from torch import Tensor

from torch_keras_lstm.recurrence.backends.base import Cell, Downstream, Trace, Upstream
from torch_keras_lstm.recurrence.backends.kernel_activations import kernel_name
from torch_keras_lstm.recurrence.backends.projection import ProjectedSteps
from torch_keras_lstm.recurrence.backends.triton_cell import backward_cell, forward_cell
from torch_keras_lstm.recurrence.state import LSTMState


@triton.jit
def _inside_if(condition, rows, batch, in_units):
    # A bound that is 0 where nothing is to be read: Triton's interpreter spreads a boolean as integers, and from 3.9 on
    # takes none for a mask.
    return (rows < tl.where(condition, batch, 0))[:, None] & in_units[None, :]


@triton.jit
def _load_four(pointer, at, inside, distance):
    return (
        tl.load(pointer + at, inside, 0.0),
        tl.load(pointer + distance + at, inside, 0.0),
        tl.load(pointer + 2 * distance + at, inside, 0.0),
        tl.load(pointer + 3 * distance + at, inside, 0.0),
    )


@triton.jit
def _store_four(pointer, at, inside, o, i, f, g, distance):
    tl.store(pointer + at, o.to(pointer.dtype.element_ty), inside)
    tl.store(pointer + distance + at, i.to(pointer.dtype.element_ty), inside)
    tl.store(pointer + 2 * distance + at, f.to(pointer.dtype.element_ty), inside)
    tl.store(pointer + 3 * distance + at, g.to(pointer.dtype.element_ty), inside)


@triton.jit
def _to_float(o, i, f, g):
    return o.to(tl.float32), i.to(tl.float32), f.to(tl.float32), g.to(tl.float32)


@triton.jit
def _drop(h, factors, at, inside, distance, DROPOUTS: tl.constexpr):
    """The hidden state as it enters each gate."""
    if DROPOUTS == 0:
        h_o, h_i, h_f, h_g = h, h, h, h
    elif DROPOUTS == 1:
        h_o = h * tl.load(factors + at, inside, 0.0).to(tl.float32)
        h_i, h_f, h_g = h_o, h_o, h_o
    else:
        o, i, f, g = _load_four(factors, at, inside, distance)
        o, i, f, g = _to_float(o, i, f, g)
        h_o, h_i, h_f, h_g = h * o, h * i, h * f, h * g
    return h_o, h_i, h_f, h_g


@triton.jit
def _add_product(total, left, right, PRECISION: tl.constexpr):
    return tl.dot(left.to(right.dtype), right, total, input_precision=PRECISION)


@triton.jit
def _back_through(p_o, p_i, p_f, p_g, d_o, d_i, d_f, d_g, w_o, w_i, w_f, w_g, DROPOUTS: tl.constexpr, P: tl.constexpr):
    """Add the products to ``p_o`` all together, or to each gate's own where its dropout still has to be applied."""
    p_o = _add_product(p_o, d_o, w_o, P)
    if DROPOUTS == 4:
        p_i = _add_product(p_i, d_i, w_i, P)
        p_f = _add_product(p_f, d_f, w_f, P)
        p_g = _add_product(p_g, d_g, w_g, P)
    else:
        p_o = _add_product(p_o, d_i, w_i, P)
        p_o = _add_product(p_o, d_f, w_f, P)
        p_o = _add_product(p_o, d_g, w_g, P)
    return p_o, p_i, p_f, p_g


@triton.jit
def _dropped_sum(p_o, p_i, p_f, p_g, factors, at, inside, distance, DROPOUTS: tl.constexpr):
    """The gradient of the hidden state, from what :func:`_back_through` left."""
    if DROPOUTS == 4:
        o, i, f, g = _load_four(factors, at, inside, distance)
        o, i, f, g = _to_float(o, i, f, g)
        total = p_o * o + p_i * i + p_f * f + p_g * g
    elif DROPOUTS == 1:
        total = p_o * tl.load(factors + at, inside, 0.0).to(tl.float32)
    else:
        total = p_o
    return total


@triton.jit(do_not_specialize=["time", "batch"])
def forward_kernel(
    gates,
    hidden,
    cells,
    h_0,
    c_0,
    weight,
    mask,
    factors,
    time,
    batch,
    UNITS: tl.constexpr,
    BLOCK_ROWS: tl.constexpr,
    BLOCK_UNITS: tl.constexpr,
    BLOCK_SUM: tl.constexpr,
    DROPOUTS: tl.constexpr,
    ACTIVATION: tl.constexpr,
    GATE: tl.constexpr,
    PRECISION: tl.constexpr,
):
    """As :class:`TritonSequence` calls it. The weights stay on the chip where a block of the sum holds all units."""
    RESIDENT: tl.constexpr = BLOCK_SUM == BLOCK_UNITS
    rows = (tl.program_id(0) * BLOCK_ROWS + tl.arange(0, BLOCK_ROWS)).to(tl.int64)
    units = tl.arange(0, BLOCK_UNITS)
    in_rows, in_units = rows < batch, units < UNITS
    inside = in_rows[:, None] & in_units[None, :]
    at = rows[:, None] * UNITS + units[None, :]
    gates_at = rows[:, None] * (4 * UNITS) + units[None, :]
    size = tl.cast(batch, tl.int64) * UNITS  # of a state

    h = tl.load(h_0 + at, inside, 0.0).to(tl.float32)
    c = tl.load(c_0 + at, inside, 0.0).to(tl.float32)
    if RESIDENT:  # (in, out), as the product takes them
        w_o, w_i, w_f, w_g = _load_four(
            weight, units[:, None] + units[None, :] * UNITS, in_units[:, None] & in_units[None, :], UNITS * UNITS
        )
    before = h_0
    next_o, next_i, next_f, next_g = _load_four(gates, gates_at, _inside_if(time > 0, rows, batch, in_units), UNITS)
    for step in range(time):
        z_o, z_i, z_f, z_g = _to_float(next_o, next_i, next_f, next_g)
        later = _inside_if(step + 1 < time, rows, batch, in_units)
        next_o, next_i, next_f, next_g = _load_four(gates + 4 * size, gates_at, later, UNITS)
        if RESIDENT:
            h_o, h_i, h_f, h_g = _drop(h, factors, at, inside, size, DROPOUTS)
            z_o = _add_product(z_o, h_o, w_o, PRECISION)
            z_i = _add_product(z_i, h_i, w_i, PRECISION)
            z_f = _add_product(z_f, h_f, w_f, PRECISION)
            z_g = _add_product(z_g, h_g, w_g, PRECISION)
        else:
            for start in range(0, UNITS, BLOCK_SUM):
                summed = start + tl.arange(0, BLOCK_SUM)
                in_sum = summed < UNITS
                part_at = rows[:, None] * UNITS + summed[None, :]
                in_part = in_rows[:, None] & in_sum[None, :]
                part = tl.load(before + part_at, in_part, 0.0).to(tl.float32)
                h_o, h_i, h_f, h_g = _drop(part, factors, part_at, in_part, size, DROPOUTS)
                u_o, u_i, u_f, u_g = _load_four(
                    weight, summed[:, None] + units[None, :] * UNITS, in_sum[:, None] & in_units[None, :], UNITS * UNITS
                )
                z_o = _add_product(z_o, h_o, u_o, PRECISION)
                z_i = _add_product(z_i, h_i, u_i, PRECISION)
                z_f = _add_product(z_f, h_f, u_f, PRECISION)
                z_g = _add_product(z_g, h_g, u_g, PRECISION)
        new_h, new_c, z_o, z_i, z_f, z_g = forward_cell(z_o, z_i, z_f, z_g, c, ACTIVATION, GATE)
        if mask is not None:
            counts = (tl.load(mask + rows, in_rows, 0) != 0)[:, None]
            new_h, new_c = tl.where(counts, new_h, h), tl.where(counts, new_c, c)
            mask += batch
        # What stands beyond the last unit need not be 0, and times the weights' zeros it must not become nan.
        h, c = tl.where(inside, new_h, 0.0), new_c
        _store_four(gates, gates_at, inside, z_o, z_i, z_f, z_g, UNITS)
        tl.store(hidden + at, h.to(hidden.dtype.element_ty), inside)
        tl.store(cells + at, c.to(cells.dtype.element_ty), inside)
        if not RESIDENT:
            tl.debug_barrier()  # in the next step other threads read what these have written
        before = hidden
        gates += 4 * size
        hidden += size
        cells += size


@triton.jit(do_not_specialize=["time", "batch"])
def backward_kernel(
    grad_hidden,
    grad_h_n,
    grad_c_n,
    gates,
    cells,
    c_0,
    weight,
    mask,
    factors,
    dz,
    grad_h_0,
    grad_c_0,
    time,
    batch,
    UNITS: tl.constexpr,
    BLOCK_ROWS: tl.constexpr,
    BLOCK_UNITS: tl.constexpr,
    BLOCK_SUM: tl.constexpr,
    DROPOUTS: tl.constexpr,
    ACTIVATION: tl.constexpr,
    GATE: tl.constexpr,
    PRECISION: tl.constexpr,
):
    """As :class:`TritonSequence` calls it; the weights as in :func:`forward_kernel`."""
    RESIDENT: tl.constexpr = BLOCK_SUM == BLOCK_UNITS
    rows = (tl.program_id(0) * BLOCK_ROWS + tl.arange(0, BLOCK_ROWS)).to(tl.int64)
    units = tl.arange(0, BLOCK_UNITS)
    in_rows, in_units = rows < batch, units < UNITS
    inside = in_rows[:, None] & in_units[None, :]
    at = rows[:, None] * UNITS + units[None, :]
    gates_at = rows[:, None] * (4 * UNITS) + units[None, :]
    size = tl.cast(batch, tl.int64) * UNITS  # of a state

    dh = tl.zeros((BLOCK_ROWS, BLOCK_UNITS), tl.float32)
    dc = tl.zeros((BLOCK_ROWS, BLOCK_UNITS), tl.float32)
    if grad_h_n is not None:
        dh += tl.load(grad_h_n + at, inside, 0.0).to(tl.float32)
    if grad_c_n is not None:
        dc += tl.load(grad_c_n + at, inside, 0.0).to(tl.float32)
    if RESIDENT:  # (in, out), as the product takes them
        w_o, w_i, w_f, w_g = _load_four(
            weight, units[:, None] * UNITS + units[None, :], in_units[:, None] & in_units[None, :], UNITS * UNITS
        )
    last = tl.cast(time - 1, tl.int64)
    gates += last * 4 * size
    dz += last * 4 * size
    cells += last * size
    if grad_hidden is not None:
        grad_hidden += last * size
        next_grad = tl.load(grad_hidden + at, inside, 0.0)
    if mask is not None:
        mask += last * batch
    next_o, next_i, next_f, next_g = _load_four(gates, gates_at, inside, UNITS)
    c = tl.load(cells + at, inside, 0.0).to(tl.float32)
    for left in range(time, 0, -1):
        earlier = _inside_if(left > 1, rows, batch, in_units)
        o, i, f, g = _to_float(next_o, next_i, next_f, next_g)
        next_o, next_i, next_f, next_g = _load_four(gates - 4 * size, gates_at, earlier, UNITS)
        # one of the two reads nothing
        c_before = tl.load(cells - size + at, earlier, 0.0).to(tl.float32)
        c_before += tl.load(c_0 + at, _inside_if(left == 1, rows, batch, in_units), 0.0).to(tl.float32)
        if grad_hidden is not None:
            dh += next_grad.to(tl.float32)
            next_grad = tl.load(grad_hidden - size + at, earlier, 0.0)
            grad_hidden -= size
        d_o, d_i, d_f, d_g, new_dc = backward_cell(o, i, f, g, c, c_before, dh, dc, ACTIVATION, GATE)
        if mask is not None:
            counts = (tl.load(mask + rows, in_rows, 0) != 0)[:, None]
            d_o, d_i = tl.where(counts, d_o, 0.0), tl.where(counts, d_i, 0.0)
            d_f, d_g = tl.where(counts, d_f, 0.0), tl.where(counts, d_g, 0.0)
            new_dc = tl.where(counts, new_dc, dc)
            mask -= batch
        _store_four(dz, gates_at, inside, d_o, d_i, d_f, d_g, UNITS)
        p_o = tl.zeros((BLOCK_ROWS, BLOCK_UNITS), tl.float32)
        p_i, p_f, p_g = p_o, p_o, p_o
        if RESIDENT:
            p_o, p_i, p_f, p_g = _back_through(
                p_o, p_i, p_f, p_g, d_o, d_i, d_f, d_g, w_o, w_i, w_f, w_g, DROPOUTS, PRECISION
            )
        else:
            tl.debug_barrier()  # the gradients of all units are read, whatever thread computed them
            for start in range(0, UNITS, BLOCK_SUM):
                summed = start + tl.arange(0, BLOCK_SUM)
                in_sum = summed < UNITS
                part_at = rows[:, None] * (4 * UNITS) + summed[None, :]
                e_o, e_i, e_f, e_g = _load_four(dz, part_at, in_rows[:, None] & in_sum[None, :], UNITS)
                u_o, u_i, u_f, u_g = _load_four(
                    weight, summed[:, None] * UNITS + units[None, :], in_sum[:, None] & in_units[None, :], UNITS * UNITS
                )
                p_o, p_i, p_f, p_g = _back_through(
                    p_o, p_i, p_f, p_g, e_o, e_i, e_f, e_g, u_o, u_i, u_f, u_g, DROPOUTS, PRECISION
                )
        new_dh = _dropped_sum(p_o, p_i, p_f, p_g, factors, at, inside, size, DROPOUTS)
        if mask is not None:
            new_dh += tl.where(counts, 0.0, dh)
        dh, dc, c = new_dh, new_dc, c_before
        gates -= 4 * size
        dz -= 4 * size
        cells -= size
    tl.store(grad_h_0 + at, dh.to(grad_h_0.dtype.element_ty), inside)
    tl.store(grad_c_0 + at, dc.to(grad_c_0.dtype.element_ty), inside)


@dataclass(frozen=True, slots=True)
class Blocks:
    """How the work is cut, and by how many warps a program is run.

    Attributes:
        BLOCK_ROWS: rows of the batch that a program takes.
        BLOCK_UNITS: the next power of two of the units, at least 16, the least that a product is made of.
        BLOCK_SUM: how many units a product sums over at once; all of them keep the weights on the chip.
        num_warps, num_stages: Triton's.
    """

    BLOCK_ROWS: int
    BLOCK_UNITS: int
    BLOCK_SUM: int
    num_warps: int
    num_stages: int


def blocks_for(units: int, batch: int, dtype: torch.dtype, precision: str, shared_memory: int) -> Blocks:
    """How to cut the work: reckoned, NOT measured on a device.

    Compiled for sm_80 and sm_90 no registers spill, but for 32 bytes with TF32, 128 units and dropout of each gate's
    own.

    Args:
        shared_memory: bytes of it that one program can have.
    """
    block_units = max(16, triton.next_power_of_2(units))
    # Sixteen rows are what a tensor core multiplies at once. None of them multiplies IEEE's float32: a step of 16 rows
    # and 128 units would take one multiprocessor 4 us at its peak. Four rows take a quarter of it, until there are more
    # programs than multiprocessors anyway.
    tensor_cores = dtype != torch.float32 or precision == "tf32"
    block_rows = 16 if tensor_cores or batch > 4 * 132 else 4
    # Beside the four matrices there stand the rows' gates, on their way from one layout to another.
    needed = (4 * block_units + 6 * block_rows) * block_units * dtype.itemsize
    resident = needed <= shared_memory
    return Blocks(
        block_rows,
        block_units,
        block_units if resident else 32,
        num_warps=8 if block_units >= 64 else 4,
        num_stages=1 if resident else 2,
    )


@functools.cache
def shared_memory(device: torch.device) -> int:
    """Bytes of shared memory that one program can have; where the interpreter runs the kernels there is no limit."""
    if device.type != "cuda":
        return 2**31
    return int(torch.cuda.get_device_properties(device).shared_memory_per_block_optin)  # type: ignore[attr-defined]


def product_precision() -> str:
    """What the products of float32 numbers are made of: "tf32" or "ieee".

    As for all products of torch it is ``torch.backends.cuda.matmul.fp32_precision`` that decides (and so
    ``torch.set_float32_matmul_precision``), not the setting for cuDNN's RNN kernels: a sequence gives the same numbers
    whether a kernel takes it as a whole or cuBLAS makes its products step by step.
    """
    return "tf32" if torch.backends.cuda.matmul.fp32_precision == "tf32" else "ieee"


class TritonSequence(ProjectedSteps):
    """See the file."""

    def blocks(self, units: int, batch: int, dtype: torch.dtype, precision: str, device: torch.device) -> Blocks:
        """As :func:`blocks_for`, on a device."""
        return blocks_for(units, batch, dtype, precision, shared_memory(device))

    def forward_steps(self, cell: Cell, state: LSTMState, mask: Tensor | None, trace: Trace) -> None:
        """As :meth:`ProjectedSteps.forward_steps`."""
        gates, precision = trace.kept, product_precision()
        time, batch, units = trace.hidden.shape
        blocks = self.blocks(units, batch, gates.dtype, precision, gates.device)
        with torch.cuda.device_of(gates):
            forward_kernel[(triton.cdiv(batch, blocks.BLOCK_ROWS),)](
                gates,
                trace.hidden,
                trace.cells,
                state.hidden.to(trace.hidden.dtype).contiguous(),  # read as those of later steps are
                state.cell.contiguous(),
                cell.weight_hh.contiguous(),
                _bytes(mask),
                _contiguous(cell.recurrent_dropout),
                time,
                batch,
                **_constants(cell, units, precision, blocks),
            )

    def backward(
        self,
        cell: Cell,
        trace: Trace,
        state: LSTMState,
        mask: Tensor | None,
        upstream: Upstream,
    ) -> Downstream:
        """As :meth:`Steps.backward`."""
        gates, precision = trace.kept, product_precision()
        time, batch, units = trace.hidden.shape
        blocks = self.blocks(units, batch, gates.dtype, precision, gates.device)
        dz = torch.empty_like(gates)
        dh, dc = (torch.empty_like(part, memory_format=torch.contiguous_format) for part in state)
        with torch.cuda.device_of(gates):
            backward_kernel[(triton.cdiv(batch, blocks.BLOCK_ROWS),)](
                *map(_contiguous, upstream),
                gates,
                trace.cells,
                state.cell.contiguous(),
                cell.weight_hh.contiguous(),
                _bytes(mask),
                _contiguous(cell.recurrent_dropout),
                dz,
                dh,
                dc,
                time,
                batch,
                **_constants(cell, units, precision, blocks),
            )
        return dz, dh, dc


def _constants(cell: Cell, units: int, precision: str, blocks: Blocks) -> dict[str, object]:
    """What a kernel is compiled for."""
    return {
        "UNITS": units,
        "DROPOUTS": 0 if cell.recurrent_dropout is None else len(cell.recurrent_dropout),
        "ACTIVATION": kernel_name(cell.activation),
        "GATE": kernel_name(cell.recurrent_activation),
        "PRECISION": precision,
        **asdict(blocks),
    }


def _contiguous(tensor: Tensor | None) -> Tensor | None:
    return None if tensor is None else tensor.contiguous()


def _bytes(mask: Tensor | None) -> Tensor | None:
    return None if mask is None else mask.contiguous().view(torch.uint8)
