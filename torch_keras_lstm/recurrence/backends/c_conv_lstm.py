"""A convolutional LSTM's steps in C, on a CPU: one call for all of them, forth or back.

What the inputs contribute is one convolution for all steps, torch's, as are the gradients of both kernels: in between
comes the convolution of the hidden state, which is part of the steps and copies nothing out.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from torch_keras_lstm import torch_internals
from torch_keras_lstm.recurrence.autograd import gradients_of
from torch_keras_lstm.recurrence.backends import c_runs
from torch_keras_lstm.recurrence.backends.base import Backend, Request, Upstream, needs_gradients, why_recorded
from torch_keras_lstm.recurrence.backends.conv_loop import ConvLoop, carried
from torch_keras_lstm.recurrence.gates import GATES
from torch_keras_lstm.recurrence.options import SequenceOptions
from torch_keras_lstm.recurrence.state import LSTMState
from torch_keras_lstm.sliding_windows import pad, pads

_AXES = 3  # of images in C, planes, lines and places


class _Operands(NamedTuple):
    """What gets gradients, channels last.

    Attributes:
        projected: (batch, time, *spatial, 4 * filters), what inputs and bias contribute to the gates.
        hidden, cell: (batch, *spatial, filters), before the first step.
        weight_hh: (4 * filters, filters, *window)
    """

    projected: Tensor
    hidden: Tensor
    cell: Tensor
    weight_hh: Tensor


class _Trace(NamedTuple):
    """What the way forth leaves.

    Attributes:
        kept: (time, batch, *spatial, 4 * filters), or ``None`` where there is no way back.
        cells: (time, batch, *spatial, filters), or the last one alone without a way back.
        hidden: (batch, time, *spatial, filters), or the last one alone without a way back and ``return_sequences``.
    """

    kept: Tensor | None
    cells: Tensor
    hidden: Tensor


class ConvCKernels(c_runs.Chosen, Backend):
    """See the file, and :class:`c_runs.Chosen` for the arguments.

    Args:
        readable: the backend that records each operation.
    """

    cell = "conv_lstm"

    def __init__(self, readable: ConvLoop, vectors: str | None = None, off: str | None = None) -> None:
        super().__init__(vectors, off)
        self.readable = readable

    def why_not(self, request: Request) -> str | None:
        """As :meth:`Backend.why_not`."""
        return self.why_never(request) or self.why_no_memory(request) or why_recorded()

    def run(
        self, inputs: Tensor, state: LSTMState, weights: tuple[Tensor], mask: Tensor | None, options: SequenceOptions
    ) -> tuple[Tensor, LSTMState]:
        """As :meth:`ConvLoop.run`."""
        hidden, cell = (part.movedim(1, -1) for part in state)
        operands = _Operands(inputs.movedim(2, -1), hidden, cell, *weights)
        places = None if mask is None else _of_each_place(mask, operands.projected)
        if needs_gradients(operands):
            if any(tensor.is_inference() for tensor in operands):  # which no pass backwards could be handed
                operands = _Operands(*(tensor.clone() if tensor.is_inference() else tensor for tensor in operands))
            hidden, *final = _Steps.apply(self, places, options, *operands)  # type: ignore[no-untyped-call]
        else:
            trace = self.forward(operands, places, options, keep=False)
            every = options.return_sequences
            hidden = trace.hidden if every else trace.hidden.unsqueeze(1)
            last = hidden[:, 0 if options.go_backwards and every else -1]
            final = [last.clone() if every else last, trace.cells]
        if options.go_backwards:  # as the steps left them, in the order of time
            hidden, places = hidden.flip(1), None if places is None else places.flip(1)
        output = hidden if places is None else _held(hidden, places, options, operands.hidden)
        if not options.return_sequences:
            output = output[:, -1]
        return output.movedim(-1, 2 if options.return_sequences else 1), LSTMState(
            *(one.movedim(-1, 1) for one in final)
        )

    def forward(self, operands: _Operands, mask: Tensor | None, options: SequenceOptions, *, keep: bool) -> _Trace:
        """Run the steps.

        Args:
            mask: (batch, time, *spatial), contiguous, or ``None``.
            keep: whether there is a way back.
        """
        new, (batch, time, *places, gates) = operands.projected.new_empty, operands.projected.shape
        last = (batch, *places, gates // len(GATES))
        trace = _Trace(
            new(time, batch, *places, gates) if keep else None,
            new((time, *last) if keep else last),
            new((batch, time, *last[1:]) if keep or options.return_sequences else last),
        )
        held: list[Tensor] = []
        c_runs.compiled_module.images_forward(
            *self._images(operands, back=False), *self._numbers(operands, trace, mask, options, held, back=False)
        )
        return trace

    def gradients(
        self,
        operands: _Operands,
        trace: _Trace,
        mask: Tensor | None,
        options: SequenceOptions,
        upstream: Upstream,
        wanted: Sequence[bool],
    ) -> tuple[Tensor | None, ...]:
        """The gradients of the operands, ``None`` where not ``wanted``.

        Args:
            upstream: of all hidden states, (batch, time, *spatial, filters), and of the last ones.
        """
        of_projected = torch.empty_like(operands.projected, memory_format=torch.contiguous_format)
        of_hidden, of_cell = (
            torch.zeros_like(like, memory_format=torch.contiguous_format)
            if gradient is None
            else gradient.clone(memory_format=torch.contiguous_format)
            for like, gradient in zip(operands[1:3], upstream[1:], strict=True)
        )
        held: list[Tensor] = []
        of_outputs = (0, 0, 0)
        if upstream.hidden is not None:
            of_outputs = _by_step(_whole(upstream.hidden, held), options.go_backwards)
        c_runs.compiled_module.images_backward(
            *self._images(operands, back=True),
            *self._numbers(operands, trace, mask, options, held, back=True),
            *of_outputs,
            of_hidden.data_ptr(),
            of_cell.data_ptr(),
            *_by_step(of_projected, options.go_backwards),
            0,
            0,
            0,
            0,
        )
        of_weight = _kernel_gradient(operands, trace, of_projected, options) if wanted[3] else None
        found = (of_projected, of_hidden, of_cell, of_weight)
        return tuple(one if is_wanted else None for one, is_wanted in zip(found, wanted, strict=True))

    def _images(self, operands: _Operands, *, back: bool) -> list[int]:
        """What a call begins with: of the processor, and of the images."""
        projected, weight = operands.projected, operands.weight_hh
        places, window = projected.shape[2:-1], weight.shape[2:]
        every = (1,) * len(window)
        before = [first for first, _ in pads(places, window, every, every, "same")]
        if back:
            before = [size - 1 - first for size, first in zip(window, before, strict=True)]
        work = projected.shape[:-1].numel() * weight.numel()
        missing = _AXES - len(window)
        return [
            self.kernel,
            int(projected.dtype is torch.float64),
            self.threads(work),
            *(1,) * missing,
            *places,
            *(1,) * missing,
            *window,
            *(0,) * missing,
            *before,
        ]

    def _numbers(
        self,
        operands: _Operands,
        trace: _Trace,
        mask: Tensor | None,
        options: SequenceOptions,
        held: list[Tensor],
        *,
        back: bool,
    ) -> list[int]:
        """What C takes of a run, images its rows; tensors that must outlive the call go into ``held``."""
        projected, backwards = _whole(operands.projected, held), options.go_backwards
        batch, time, *_, gates = projected.shape
        filters, dropout = gates // len(GATES), options.recurrent_dropout
        factors = None if dropout is None else _whole(dropout.movedim(2, -1), held)
        every = trace.hidden.dim() == projected.dim()
        by_mask = (0, 0, 0) if mask is None else _by_step(mask, backwards)
        return [
            c_runs.CELLS.index("lstm"),
            time,
            batch,
            0,
            filters,
            c_runs.KINDS[options.activation],
            c_runs.KINDS[options.recurrent_activation],
            *_by_step(projected, backwards),
            0,
            _whole(_kernel(operands.weight_hh, options, back=back), held).data_ptr(),
            0,
            0,
            0 if trace.kept is None else trace.kept.data_ptr(),
            *(_by_step(trace.hidden, backwards) if every else (trace.hidden.data_ptr(), 0, trace.hidden.stride(0))),
            trace.cells.data_ptr(),
            trace.cells.stride(0) if trace.kept is not None else 0,
            _whole(operands.hidden, held).data_ptr(),
            _whole(operands.cell, held).data_ptr(),
            *by_mask,
            0,
            0,
            0 if factors is None else len(GATES),
            0 if factors is None else factors.data_ptr(),
        ]


def _whole(tensor: Tensor, held: list[Tensor]) -> Tensor:
    """The same in one piece, which goes into ``held``."""
    whole = tensor.contiguous()
    held.append(whole)
    return whole


def _by_step(tensor: Tensor, backwards: bool) -> tuple[int, int, int]:
    """Where the first step of (batch, time, ...) lies in the order of processing, and the strides of steps and rows."""
    row, step, *_ = tensor.stride()
    first = tensor.data_ptr()
    if backwards:
        return first + (tensor.shape[1] - 1) * step * tensor.element_size(), -step, row
    return first, step, row


def _of_each_place(mask: Tensor, projected: Tensor) -> Tensor:
    """(batch, time), or (batch, time, 1, *spatial), as (batch, time, *spatial)."""
    batch, time, *places, _ = projected.shape
    if mask.dim() == 2:
        mask = mask.reshape(batch, time, 1, *(1,) * len(places))
    return mask.squeeze(2).expand(batch, time, *places).contiguous()


def _kernel(weight: Tensor, options: SequenceOptions, *, back: bool) -> Tensor:
    """(4 * filters, filters, *window) as images.h packs it: (groups, *window, channels, columns), where a group is all
    gates or, with dropout, each gate by itself.
    """
    groups = 1 if options.recurrent_dropout is None else len(GATES)
    apart = weight.detach().unflatten(0, (groups, -1))
    turned: Tensor = (
        apart.flip(tuple(range(3, apart.dim()))) if back else apart.transpose(1, 2)
    )  # seen from the other side
    return turned.movedim((1, 2), (-2, -1))


def _kernel_gradient(operands: _Operands, trace: _Trace, of_projected: Tensor, options: SequenceOptions) -> Tensor:
    """That of the recurrent kernel: one convolution over all steps."""
    hidden, weight = trace.hidden, operands.weight_hh
    first = operands.hidden.unsqueeze(1)
    before = torch.cat((hidden[:, 1:], first), 1) if options.go_backwards else torch.cat((first, hidden[:, :-1]), 1)
    window = weight.shape[2:]
    every = (1,) * len(window)
    groups = 1
    if options.recurrent_dropout is not None:
        groups = len(GATES)
        factors = options.recurrent_dropout.movedim(2, -1).unsqueeze(2)
        before = torch.cat((before * factors).unbind(0), -1)
    images, gradients = (one.flatten(0, 1).movedim(-1, 1) for one in (before, of_projected))
    amounts = pads(images.shape[2:], window, every, every, "same")
    symmetric = all(front == behind for front, behind in amounts)
    found: tuple[Tensor, ...] = torch.ops.aten.convolution_backward(
        gradients,
        images if symmetric else pad(images, amounts),
        weight,
        None,
        every,
        [front if symmetric else 0 for front, _ in amounts],
        every,
        False,
        (0,) * len(window),
        groups,
        (False, True, False),
    )
    return found[1]


def _held(hidden: Tensor, mask: Tensor, options: SequenceOptions, given: Tensor) -> Tensor:
    """The outputs, by Keras' rule for masked steps, of the states, which masked steps keep; in the order of processing.

    Args:
        hidden: (batch, time, *spatial, filters), or the last one alone, with a time of 1.
        mask: (batch, time, *spatial)
        given: the state before the first step.
    """
    if options.zero_output_for_mask:
        return hidden.masked_fill(~mask[:, -hidden.shape[1] :].unsqueeze(-1), 0)
    if options.hold_initial_state:
        return hidden
    seen = mask.cumsum(1, dtype=torch.int64)[:, -hidden.shape[1] :] > 0
    return hidden.masked_fill(~seen.unsqueeze(-1), 0)


class _Steps(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, backend: ConvCKernels, mask: Tensor | None, options: SequenceOptions, *tensors: Any
    ) -> tuple[Tensor, Tensor, Tensor]:
        trace = backend.forward(_Operands(*tensors), mask, options, keep=True)
        ctx.backend, ctx.options = backend, options
        ctx.save_for_backward(mask, *tensors, *trace)
        ctx.set_materialize_grads(False)
        last = trace.hidden[:, 0 if options.go_backwards else -1].clone()
        return trace.hidden, last, trace.cells[-1].clone()

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[Tensor | None, ...]:
        backend, options, wanted = ctx.backend, ctx.options, ctx.needs_input_grad[3:]
        mask, *tensors = ctx.saved_tensors
        operands, trace, upstream = _Operands(*tensors[:4]), _Trace(*tensors[4:]), Upstream(*gradients)
        several = any(one is not None and torch_internals.stands_for_several(one) for one in gradients)
        if not several and not torch.is_grad_enabled():
            return None, None, None, *backend.gradients(operands, trace, mask, options, upstream, wanted)
        create_graph = torch.is_grad_enabled()
        with torch.enable_grad():  # the sequence is run once more, on the tape
            projected, hidden, cell, weight = operands
            output, final = backend.readable.run(
                projected.movedim(-1, 2),
                LSTMState(hidden.movedim(-1, 1), cell.movedim(-1, 1)),
                (weight,),
                None if mask is None else mask.unsqueeze(2),
                carried(options),
            )
            hidden = output.movedim(2, -1)
            outputs = (
                hidden.flip(1) if options.go_backwards else hidden,
                *(one.movedim(1, -1) for one in final),
            )
            found = gradients_of(outputs, upstream, operands, wanted, create_graph=create_graph)
        return None, None, None, *found
