"""One entry on autograd's tape for a whole sequence, whatever ran its steps: forth and back are written by hand.

What comes before the steps and after them is here, in the way forth the mask and the outputs, in the way back the
products that give the gradients of inputs and weights. Derivatives of derivatives are had from the readable loop.
"""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import torch
from torch import Tensor

from torch_keras_lstm import torch_internals
from torch_keras_lstm.recurrence.backends.base import (
    Backend,
    Cell,
    Projection,
    Request,
    Steps,
    Trace,
    Upstream,
    needs_gradients,
    some,
    why_recorded,
)
from torch_keras_lstm.recurrence.backends.projection import project_back
from torch_keras_lstm.recurrence.backends.weight_gradients import WeightGradients
from torch_keras_lstm.recurrence.gates import GATES
from torch_keras_lstm.recurrence.masks import (
    compact,
    masked_output,
    masked_output_in_place,
)
from torch_keras_lstm.recurrence.options import LSTMWeights, SequenceOptions
from torch_keras_lstm.recurrence.prelude import in_order
from torch_keras_lstm.recurrence.reference import lstm_reference
from torch_keras_lstm.recurrence.state import LSTMState


class SequenceBackend(Backend):
    """A backend that runs a whole sequence by hand, forth and back; a subclass adds what it cannot do to
    :meth:`why_not`.

    It is written for an LSTM. A cell that carries the hidden state alone has an empty tensor in the place of the cell
    state, here and in what is kept.

    Attributes:
        passes_over: whether masked steps cost nothing, so that it would save nothing to move the others together.
        has_cell_state: whether there is one.
        cells_every: of every how many cell states one is kept for the way back, the last of them.
        recomputes: whether it heeds :attr:`SequenceOptions.recompute`, and takes a trace without gates then.
    """

    passes_over: bool = False
    has_cell_state: bool = True
    cells_every: int = 1
    recomputes: bool = False

    def operands(self, inputs: Tensor, state: Sequence[Tensor], weights: Any) -> "Operands":
        """What gets gradients of what :meth:`Backend.run` takes."""
        return Operands(inputs, state[0], state[1], weights.weight_ih, weights.weight_hh, weights.bias)

    def kept_width(self, units: int) -> int:
        """How many numbers of a row of a step are kept for the way back."""
        return len(GATES) * units

    def recorded(
        self, operands: "Operands", mask: Tensor | None, options: SequenceOptions
    ) -> tuple[Tensor, LSTMState | None]:
        """The run in operations that autograd records, differentiable any number of times."""
        inputs, hidden, cell, weight_ih, weight_hh, bias, _ = operands
        weights = LSTMWeights(weight_ih, weight_hh, bias)
        return lstm_reference(inputs, LSTMState(hidden, cell), weights, mask, options)

    @abstractmethod
    def run_forward(self, operands: "Operands", mask: Tensor | None, options: SequenceOptions, trace: Trace) -> None:
        """Run the steps.

        Args:
            mask: (time, batch), boolean, ``False`` where the state stays as it is.
            options: what they say of order and masks is done, and so is input dropout that is the same for all gates.
            trace: uninitialised; written.
        """

    @abstractmethod
    def gradients(
        self,
        operands: "Operands",
        trace: Trace,
        mask: Tensor | None,
        options: SequenceOptions,
        upstream: Upstream,
        wanted: Sequence[bool],
    ) -> tuple[Tensor | None, ...]:
        """The gradients of the operands, ``None`` where not ``wanted``.

        Args:
            trace: as :meth:`run_forward` left it.
        """

    def why_not(self, request: Request) -> str | None:
        """What keeps any run from a way back that is written by hand, as the end of a sentence.

        It has no second derivatives either, but needs no plan for them: see :func:`double_backward`.
        """
        return None if request.in_graph else why_recorded()

    def run(
        self,
        inputs: Tensor,
        state: LSTMState,
        weights: LSTMWeights,
        mask: Tensor | None,
        options: SequenceOptions,
        record: "Record | None" = None,
    ) -> tuple[Tensor, LSTMState | None]:
        """As :meth:`Backend.run`.

        Args:
            record: what runs the steps, and sees that they are differentiated; by default :func:`run_steps`.
        """
        if record is None and inputs.shape[1] == 1 and needs_gradients((inputs, *state, *weights)):
            # autograd keeps no more of it than we would
            return self.recorded(self.operands(inputs, state, weights), mask, options)
        inputs, mask = in_order(inputs, mask, options, look=not self.passes_over)
        operands = self.operands(inputs, state, weights)
        record = record or run_steps
        if mask is None:
            hidden, final = record(self, operands, None, options)
            output = final.hidden if hidden is None else hidden.transpose(0, 1)
        elif self.passes_over:
            hidden, final = record(self, operands, mask.t(), options)
            outputs = None if hidden is None else hidden.transpose(0, 1)
            output = masked_output_in_place(outputs, final.hidden, mask, options, state.hidden)
        else:
            compacted = compact(inputs, mask)
            operands = operands._replace(inputs=compacted.inputs)
            hidden, final = record(self, operands, ~compacted.padding.t(), options)
            outputs = None if hidden is None else hidden.transpose(0, 1)
            output = masked_output(outputs, final.hidden, mask, options, state.hidden)
        return output, final if options.return_state else None


class Operands(NamedTuple):
    """What gets gradients.

    Attributes:
        inputs: (batch, time, features), in the order of processing, dropout that is the same for all gates applied,
            zeros at masked steps unless the backend passes over those.
        hidden, cell: (batch, units), the state before the first step.
        weight_ih, weight_hh, bias: in torch's layout, one bias or ``None``.
        state_bias: what a GRU adds to what its recurrent kernel makes of the state.
    """

    inputs: Tensor
    hidden: Tensor
    cell: Tensor
    weight_ih: Tensor
    weight_hh: Tensor
    bias: Tensor | None
    state_bias: Tensor | None = None


class StepBackend(Steps, SequenceBackend):
    """One whose steps are written by hand; the products for all of them are made here."""

    def run_forward(self, operands: Operands, mask: Tensor | None, options: SequenceOptions, trace: Trace) -> None:
        """As :meth:`SequenceBackend.run_forward`."""
        state = LSTMState(operands.hidden, operands.cell)
        self.forward(self._cell(operands, options), operands.inputs, state, mask, trace)

    def gradients(
        self,
        operands: Operands,
        trace: Trace,
        mask: Tensor | None,
        options: SequenceOptions,
        upstream: Upstream,
        wanted: Sequence[bool],
    ) -> tuple[Tensor | None, ...]:
        """As :meth:`SequenceBackend.gradients`."""
        time, batch, units = trace.hidden.shape
        want_inputs, want_hidden, want_cell, *want_weights = wanted[:6]
        cell = self._cell(operands, options)
        assert cell.projection is not None
        inputs = operands.inputs.new_empty(time, batch, operands.inputs.shape[2]) if want_inputs else None
        sums = WeightGradients(cell, cell.projection, want_weights, self.product_rows)
        of_hidden, of_cell = upstream.last_hidden, upstream.last_cell
        for steps in reversed(self.chunks(operands.inputs, units)):
            start, part = steps.start, trace.of(steps)
            before = LSTMState(operands.hidden, operands.cell)
            if start:
                before = LSTMState(trace.hidden[start - 1], trace.cells[start - 1])
            arriving = Upstream(some(upstream.hidden, steps), of_hidden, of_cell)
            gates, of_hidden, of_cell = self.backward(cell, part, before, some(mask, steps), arriving)
            sums.add(gates, operands.inputs[:, steps].transpose(0, 1), before.hidden, part.hidden)
            if inputs is not None:
                project_back(inputs[steps], gates, cell.projection)
        return (
            None if inputs is None else inputs.transpose(0, 1),
            of_hidden if want_hidden else None,
            of_cell if want_cell else None,
            *(None if total is None else self.from_order(total).to(operands.inputs.dtype) for total in sums.parts()),
            None,
        )

    def _cell(self, operands: Operands, options: SequenceOptions) -> Cell:
        order, for_inputs, for_hidden = self.to_order, options.input_dropout, options.recurrent_dropout
        projection = Projection(
            order(operands.weight_ih),
            None if operands.bias is None else order(operands.bias),
            None if for_inputs is None or len(for_inputs) == 1 else order(for_inputs),
        )
        return Cell(
            order(operands.weight_hh),
            for_hidden if for_hidden is None or len(for_hidden) == 1 else order(for_hidden),
            options.activation,
            options.recurrent_activation,
            projection,
        )


# (backend, operands, mask (time, batch) in the order of processing, options) -> the hidden states of all steps, (time,
# batch, units), and the final state, each if the options ask for it. What they say of the order and of masks is done.
Record = Callable[[SequenceBackend, Operands, Tensor | None, SequenceOptions], tuple[Tensor | None, LSTMState]]


def run_steps(
    backend: SequenceBackend, operands: Operands, mask: Tensor | None, options: SequenceOptions
) -> tuple[Tensor | None, LSTMState]:
    """The :data:`Record` of a call: an entry on the tape where there is one."""
    if needs_gradients(operands):
        if any(tensor.is_inference() for tensor in operands[:3]):  # which no pass backwards could be handed
            inputs, hidden, cell = (tensor.clone() for tensor in operands[:3])
            operands = operands._replace(inputs=inputs, hidden=hidden, cell=cell)
        hidden, *final = _Steps.apply(backend, mask, options, None, *operands)  # type: ignore[no-untyped-call]
        return hidden, LSTMState(*final)
    trace = forward(backend, operands, mask, options, keep=False)
    last = _last(trace, copy=options.return_state or not options.return_sequences)
    return (trace.hidden if options.return_sequences else None), last


def run_and_keep(to: list[Tensor]) -> Record:
    """:func:`run_steps` without autograd, which leaves in ``to`` what :func:`run_from` takes, the fields of
    :class:`Trace`, with an empty tensor in the place of gates that were not kept.
    """

    def run(
        backend: SequenceBackend, operands: Operands, mask: Tensor | None, options: SequenceOptions
    ) -> tuple[Tensor | None, LSTMState]:
        trace = forward(backend, operands, mask, options, keep=True)
        gates = trace.hidden.new_empty(0) if trace.gates is None else trace.gates
        to.extend((gates, trace.cells, trace.hidden))
        return (trace.hidden if options.return_sequences else None), _last(trace)

    return run


def run_from(trace: Trace) -> Record:
    """:func:`run_steps` that is over already, and is only to be differentiated."""

    def run(
        backend: SequenceBackend, operands: Operands, mask: Tensor | None, options: SequenceOptions
    ) -> tuple[Tensor | None, LSTMState]:
        hidden, *final = _Steps.apply(backend, mask, options, trace, *operands)  # type: ignore[no-untyped-call]
        return hidden, LSTMState(*final)

    return run


def forward(
    backend: SequenceBackend, operands: Operands, mask: Tensor | None, options: SequenceOptions, *, keep: bool
) -> Trace:
    """Run the steps.

    Args:
        mask: (time, batch), in the order of processing.
        keep: whether there is a way back. Where there is none, a CPU keeps no more than is asked for; elsewhere what
            counts is to have few and large operations.
    """
    inputs, new = operands.inputs, operands.inputs.new_empty
    batch, time, _ = inputs.shape
    units = operands.weight_hh.shape[1]
    last, every = (batch, units), (time, batch, units)
    if keep or not inputs.is_cpu:
        cells = new((-(-time // backend.cells_every), *last) if backend.has_cell_state else 0)
        recompute = options.recompute and backend.recomputes
        trace = Trace(None if recompute else new(time, batch, backend.kept_width(units)), cells, new(every))
    else:
        cells = new(last if backend.has_cell_state else 0)
        trace = Trace(None, cells, new(every if options.return_sequences else last))
    backend.run_forward(operands, mask, options, trace)
    return trace


def _last(trace: Trace, *, copy: bool = True) -> LSTMState:
    """The last state; as a copy where it is one of many: views of what is kept could not be written to afterwards."""
    _, cells, hidden = trace
    if hidden.dim() == 3:
        hidden = hidden[-1].clone() if copy else hidden[-1]
    if cells.dim() == 3:
        cells = cells[-1].clone() if copy else cells[-1]
    return LSTMState(hidden, cells)


class _Steps(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        backend: SequenceBackend,
        mask: Tensor | None,
        options: SequenceOptions,
        given: Trace | None,
        *tensors: Any,
    ) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        if given is None:
            trace = forward(backend, Operands(*tensors), mask, options, keep=True)
        else:
            trace = Trace(*(None if tensor is None else tensor.detach() for tensor in given))  # type: ignore[arg-type]
        ctx.backend, ctx.options = backend, options
        ctx.save_for_backward(mask, *tensors, *trace)
        ctx.set_materialize_grads(False)
        return (
            trace.hidden if options.return_sequences else None,
            trace.hidden[-1].clone() if options.return_state or not options.return_sequences else None,
            (trace.cells[-1] if backend.has_cell_state else trace.cells).clone() if options.return_state else None,
        )

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[Tensor | None, ...]:
        mask, *tensors = ctx.saved_tensors
        operands, trace, upstream = Operands(*tensors[:7]), Trace(*tensors[7:]), Upstream(*gradients)
        wanted = ctx.needs_input_grad[4:]
        if torch.is_grad_enabled():  # as with `create_graph=True`
            return None, None, None, None, *double_backward(ctx.backend, operands, mask, ctx.options, upstream, wanted)
        if any(one is not None and torch_internals.stands_for_several(one) for one in gradients):
            with torch.enable_grad():  # several passes backwards at once, in tensors that have no memory
                several = double_backward(
                    ctx.backend, operands, mask, ctx.options, upstream, wanted, create_graph=False
                )
            return None, None, None, None, *several
        found = ctx.backend.gradients(operands, trace, mask, ctx.options, upstream, wanted)
        return None, None, None, None, *found


def double_backward(
    backend: SequenceBackend,
    operands: Operands,
    mask: Tensor | None,
    options: SequenceOptions,
    upstream: Upstream,
    wanted: Sequence[bool],
    create_graph: bool = True,
) -> list[Tensor | None]:
    """The gradients of the operands, differentiable again: the sequence is run once more, this time on the tape.

    Args:
        create_graph: whether they are to be differentiable.
    """
    output, final = backend.recorded(operands, None if mask is None else mask.t(), carried(options))
    assert final is not None
    return gradients_of((output.transpose(0, 1), *final), upstream, operands, wanted, create_graph=create_graph)


def carried(options: SequenceOptions) -> SequenceOptions:
    """The options by which a run is made once more from its operands, each hidden state returned as it is carried."""
    for_inputs = options.input_dropout
    return replace(
        options,
        go_backwards=False,
        return_sequences=True,
        return_state=True,
        zero_output_for_mask=False,
        hold_initial_state=True,
        input_dropout=None if for_inputs is None or len(for_inputs) == 1 else for_inputs,  # one for all is applied
    )


def gradients_of(
    outputs: Sequence[Tensor],
    gradients: Sequence[Tensor | None],
    operands: Sequence[Tensor | None],
    wanted: Sequence[bool],
    *,
    create_graph: bool,
) -> list[Tensor | None]:
    """The gradients of the operands by autograd, given those of the outputs; ``None`` where not ``wanted``."""
    given = [(value, gradient) for value, gradient in zip(outputs, gradients, strict=True) if gradient is not None]
    results = iter(
        torch.autograd.grad(
            [value for value, _ in given],
            [operand for operand, is_wanted in zip(operands, wanted, strict=True) if is_wanted and operand is not None],
            [gradient for _, gradient in given],
            create_graph=create_graph,
            allow_unused=True,
        )
    )
    return [next(results) if is_wanted else None for is_wanted in wanted]
