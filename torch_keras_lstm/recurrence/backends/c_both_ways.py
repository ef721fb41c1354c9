"""Both directions of a bidirectional layer in one call of the kernels in C, which share the threads.

Nothing is turned round: one of the two reads inputs and mask and writes hidden states from the last step to the first,
and both write theirs side by side into what is returned.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import torch
from torch import Tensor

from torch_keras_lstm import torch_internals
from torch_keras_lstm.recurrence.autograd import Operands, carried, gradients_of
from torch_keras_lstm.recurrence.backends import c_runs
from torch_keras_lstm.recurrence.backends.base import Trace, Upstream, needs_gradients
from torch_keras_lstm.recurrence.backends.c_kernels import CKernels
from torch_keras_lstm.recurrence.masks import masked_output
from torch_keras_lstm.recurrence.options import SequenceOptions

_COUNT = len(Operands._fields)


class Half(NamedTuple):
    """One direction: as :meth:`Backend.run` takes it, but for inputs and mask. The second half runs backwards."""

    state: Sequence[Tensor]
    weights: Any
    options: SequenceOptions


def run_both_ways(
    backend: CKernels, inputs: Tensor, mask: Tensor | None, halves: tuple[Half, Half]
) -> tuple[Tensor, tuple[tuple[Tensor, ...], tuple[Tensor, ...]]]:
    """Run one layer forwards and another of the same sizes backwards.

    Args:
        backend: that runs each of the two.
        inputs: (batch, time, features)
        mask: (batch, time), boolean, or ``None``; outputs of sequences are zeros where it is ``False``.
        halves: the one that runs forwards first.

    Returns:
        The outputs side by side, (batch, time, 2 * units) in the order of time, or the last ones, (batch, 2 * units);
        and the final states of both.
    """
    operands = tuple(_operands(backend, inputs, half) for half in halves)
    options = (halves[0].options, halves[1].options)
    by_time = None if mask is None else mask.t()
    if needs_gradients((*operands[0], *operands[1])):
        found = _BothWays.apply(backend, by_time, options, *operands[0], *operands[1])  # type: ignore[no-untyped-call]
    else:
        hidden, _, states = _forward(backend, by_time, options, operands, keep=False)
        found = (hidden, *states)
    hidden, *flat = found
    each = len(halves[0].state)
    final = (tuple(flat[:each]), tuple(flat[each:]))
    if halves[0].options.return_sequences:
        output = hidden.transpose(0, 1)
        return output if mask is None else output.masked_fill(~mask.unsqueeze(-1), 0), final
    last = [states[0] for states in final]
    if mask is not None:
        turned = (mask, mask.flip(1))
        last = [
            masked_output(None, one, of_half, half.options, half.state[0])
            for one, of_half, half in zip(last, turned, halves, strict=True)
        ]
    return torch.cat(last, -1), final


def _operands(backend: CKernels, inputs: Tensor, half: Half) -> Operands:
    """With the dropout that is the same for all gates applied."""
    dropout = half.options.input_dropout
    if dropout is not None and len(dropout) == 1:
        inputs = inputs * dropout[0].unsqueeze(1)
    state = half.state if backend.has_cell_state else (half.state[0], inputs.new_empty(0))
    operands = backend.operands(inputs, state, half.weights)
    if any(tensor.is_inference() for tensor in operands[:3]) and needs_gradients(operands):
        inputs, hidden, cell = (tensor.clone() for tensor in operands[:3])
        operands = operands._replace(inputs=inputs, hidden=hidden, cell=cell)
    return operands


def _forward(
    backend: CKernels,
    mask: Tensor | None,
    options: Sequence[SequenceOptions],
    operands: Sequence[Operands],
    *,
    keep: bool,
) -> tuple[Tensor, list[Trace], list[Tensor]]:
    """The hidden states side by side, (time, batch, 2 * units) where they are kept or returned, what is kept of each
    half, and the final states.
    """
    new, (batch, time, _) = operands[0].inputs.new_empty, operands[0].inputs.shape
    units = operands[0].weight_hh.shape[1]
    every = keep or options[0].return_sequences
    hidden = new(time, batch, 2 * units) if every else new(2, batch, units)
    parts = hidden.split(units, -1) if every else hidden.unbind(0)
    traces = []
    for part in parts:
        some = -(-time // backend.cells_every)
        cells = new((some, batch, units) if keep else (batch, units)) if backend.has_cell_state else new(0)
        kept = new(time, batch, backend.kept_width(units)) if keep and not options[0].recompute else None
        traces.append(Trace(kept, cells, part))
    runs = _runs(backend, mask, options, operands, traces)
    c_runs.forward(backend.kernel, backend.threads(2 * runs[0].work), *runs)
    states = []
    for place, (_, cells, part) in zip((-1, 0), traces, strict=True):
        states.append(part[place].clone() if every else part)
        if backend.has_cell_state:
            states.append(cells[-1].clone() if keep else cells)
    return hidden, traces, states


def _runs(
    backend: CKernels,
    mask: Tensor | None,
    options: Sequence[SequenceOptions],
    operands: Sequence[Operands],
    traces: Sequence[Trace],
) -> list[c_runs.Run]:
    halves = zip(operands, options, traces, strict=True)
    forward, backward = (backend.c_run(one, mask, option, trace) for one, option, trace in halves)
    return [forward, backward._replace(backwards=True)]


class _BothWays(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        backend: CKernels,
        mask: Tensor | None,
        options: tuple[SequenceOptions, SequenceOptions],
        *tensors: Any,
    ) -> tuple[Tensor, ...]:
        operands = (Operands(*tensors[:_COUNT]), Operands(*tensors[_COUNT:]))
        hidden, traces, states = _forward(backend, mask, options, operands, keep=True)
        ctx.backend, ctx.options = backend, options
        ctx.save_for_backward(mask, *tensors, hidden, *(one for trace in traces for one in trace[:2]))
        ctx.set_materialize_grads(False)
        return hidden, *states

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[Tensor | None, ...]:
        backend, options = ctx.backend, ctx.options
        mask, *tensors = ctx.saved_tensors
        operands = (Operands(*tensors[:_COUNT]), Operands(*tensors[_COUNT : 2 * _COUNT]))
        hidden, *kept = tensors[2 * _COUNT :]
        wanted = ctx.needs_input_grad[3:]
        if torch.is_grad_enabled() or any(
            torch_internals.stands_for_several(one) for one in gradients if one is not None
        ):
            create_graph = torch.is_grad_enabled()
            with torch.enable_grad():
                # views: what both halves have, such as the inputs, is to get the gradient of each by itself
                flat: list[Any] = [None if one is None else one.view_as(one) for one in (*operands[0], *operands[1])]
                apart = (Operands(*flat[:_COUNT]), Operands(*flat[_COUNT:]))
                outputs = _recorded(backend, mask, options, apart)
                return None, None, None, *gradients_of(outputs, gradients, flat, wanted, create_graph=create_graph)
        units = hidden.shape[-1] // 2
        traces = [
            Trace(gates, cells, part)
            for gates, cells, part in zip(kept[::2], kept[1::2], hidden.split(units, -1), strict=True)
        ]
        of_hidden, *of_states = gradients
        of_parts = (None, None) if of_hidden is None else of_hidden.split(units, -1)
        of_each = (
            (of_states[:2], of_states[2:]) if backend.has_cell_state else ((of_states[0], None), (of_states[1], None))
        )
        upstreams = [Upstream(part, *states) for part, states in zip(of_parts, of_each, strict=True)]
        either = [one or other for one, other in zip(wanted[:_COUNT], wanted[_COUNT:], strict=True)]
        runs = _runs(backend, mask, options, operands, traces)
        found = [
            backend.new_gradients(one, upstream, either) for one, upstream in zip(operands, upstreams, strict=True)
        ]
        pairs = zip(runs, found, strict=True)
        c_runs.backward(backend.kernel, backend.threads(2 * runs[0].work), *pairs)
        return None, None, None, *backend.found(found[0], either), *backend.found(found[1], either)


def _recorded(
    backend: CKernels, mask: Tensor | None, options: Sequence[SequenceOptions], operands: Sequence[Operands]
) -> tuple[Tensor, ...]:
    """What :class:`_BothWays` returns, in operations that autograd records."""
    outputs, states = [], list[Tensor]()
    for one, option, backwards in zip(operands, options, (False, True), strict=True):
        as_carried = replace(carried(option), go_backwards=backwards)
        output, final = backend.recorded(one, None if mask is None else mask.t(), as_carried)
        assert final is not None
        outputs.append(output.flip(1) if backwards else output)
        states += final[: 1 + backend.has_cell_state]
    return torch.cat(outputs, -1).transpose(0, 1), *states
