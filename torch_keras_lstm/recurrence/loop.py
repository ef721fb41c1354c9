"""The whole sequence step by step, with its backward pass written by hand: what the fused kernels cannot compute."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from itertools import repeat
from typing import Any, NamedTuple

import torch
from torch import Tensor

from torch_keras_lstm.recurrence.compiled import compiled_sweeps_for
from torch_keras_lstm.recurrence.gates import GATES
from torch_keras_lstm.recurrence.gpu_sweep import gpu_sweeps_for
from torch_keras_lstm.recurrence.masks import as_asked, as_asked_in_place, blank, compact, may_be_looked_at
from torch_keras_lstm.recurrence.options import LSTMOptions, LSTMWeights
from torch_keras_lstm.recurrence.plain import lstm_plain
from torch_keras_lstm.recurrence.pointwise import pointwise
from torch_keras_lstm.recurrence.state import LSTMState
from torch_keras_lstm.recurrence.sweep import SWEEPS, SweptCell, sweep
from torch_keras_lstm.recurrence.sweeps import AnySweeps, Arranged, WholeSweeps
from torch_keras_lstm.recurrence.weight_gradients import WeightGradients

_CHUNK_ROWS = 256  # enough for the product of a chunk's inputs to run at full speed


def lstm_loop(
    inputs: Tensor,
    state: LSTMState,
    weights: LSTMWeights,
    mask: Tensor | None,
    options: LSTMOptions,
    run: "Run | None" = None,
) -> tuple[Tensor, LSTMState | None]:
    """Run the sequence one step at a time; see :func:`why_plain` for what is differentiable how.

    Args and returns: as :func:`torch_keras_lstm.recurrence.fused.lstm_fused`, for every configuration.

    Args:
        run: what runs the steps where they are not all left to autograd; by default :func:`run_steps`.
    """
    run = run or run_steps
    tensors = (inputs, *state, *weights, options.input_dropout, options.recurrent_dropout)
    sweeps = compiled_sweeps_for(tensors, options.activation, options.recurrent_activation)
    if inputs.shape[1] == 1 and (sweeps is None or _needs_gradients(tensors)):
        return lstm_plain(inputs, state, weights, mask, options)  # of one step autograd keeps no more than we would
    if why_plain(options) is not None:
        return lstm_plain(inputs, state, weights, mask, options)
    if options.input_dropout is not None and len(options.input_dropout) == 1:
        inputs = inputs * options.input_dropout[0].unsqueeze(1)
    if options.go_backwards:
        inputs = inputs.flip(1)
        mask = mask if mask is None else mask.flip(1)
    operands = Operands(inputs, state[0], state[1], weights.weight_ih, weights.weight_hh, weights.bias)
    if mask is None or (may_be_looked_at(mask) and bool(mask.all())):
        hidden, final = run(operands, None, options, sweeps)
        output = final.hidden if hidden is None else hidden.transpose(0, 1)
    elif sweeps is not None:
        if torch.is_grad_enabled():  # or nan at a masked step would reach the gradients of the weights
            operands = operands._replace(inputs=blank(inputs, mask))
        hidden, final = run(operands, mask.t(), options, sweeps)
        outputs = None if hidden is None else hidden.transpose(0, 1)
        output = as_asked_in_place(outputs, final.hidden, mask, options)
    else:
        compacted = compact(inputs, mask)
        hidden, final = run(operands._replace(inputs=compacted.inputs), ~compacted.padding.t(), options, None)
        outputs = None if hidden is None else hidden.transpose(0, 1)
        output = as_asked(outputs, final.hidden, mask, options, state.hidden)
    return output, final if options.return_state else None


def run_steps(
    operands: "Operands", mask: Tensor | None, options: LSTMOptions, sweeps: WholeSweeps | None
) -> tuple[Tensor | None, LSTMState]:
    """The hidden states of all steps, (time, batch, units), and the final state, each if ``options`` ask for it."""
    if not _needs_gradients(operands):
        return forward(operands, mask, options, sweeps)
    if any(tensor.is_inference() for tensor in operands[:3]):  # which no pass backwards could be handed
        inputs, hidden, cell = (tensor.clone() for tensor in operands[:3])
        operands = operands._replace(inputs=inputs, hidden=hidden, cell=cell)
    hidden, *final = _Loop.apply(mask, options, sweeps, None, *operands)  # type: ignore[no-untyped-call]
    return hidden, LSTMState(*final)


def run_and_keep(to: list[Tensor]) -> "Run":
    """:func:`run_steps` without autograd, which leaves in ``to`` what :func:`run_from` takes, the fields of
    :class:`Kept`.
    """

    def run(
        operands: Operands, mask: Tensor | None, options: LSTMOptions, sweeps: WholeSweeps | None
    ) -> tuple[Tensor | None, LSTMState]:
        kept, _ = forward_for_backward(operands, mask, options, sweeps)
        to.extend(kept)
        final = LSTMState(kept.hidden[-1].clone(), kept.cells[-1].clone())
        return (kept.hidden if options.return_sequences else None), final

    return run


def run_from(kept: "Kept") -> "Run":
    """:func:`run_steps` that is over already, and is only to be differentiated."""

    def run(
        operands: Operands, mask: Tensor | None, options: LSTMOptions, sweeps: WholeSweeps | None
    ) -> tuple[Tensor | None, LSTMState]:
        hidden, *final = _Loop.apply(mask, options, sweeps, kept, *operands)  # type: ignore[no-untyped-call]
        return hidden, LSTMState(*final)

    return run


def _needs_gradients(tensors: Sequence[Tensor | None]) -> bool:
    if not torch.is_grad_enabled():
        return False
    return any(tensor is not None and tensor.requires_grad for tensor in tensors)


def why_plain(options: LSTMOptions) -> str | None:
    """What keeps a run from the backward pass written by hand, as the end of a sentence; ``None`` when nothing does.

    It has no second derivatives either, but needs no plan for them: it takes the plain loop when they are asked for.
    """
    for name in ("activation", "recurrent_activation"):
        if pointwise(getattr(options, name)) is None:
            return f"`{name}` is no activation of single elements that this package knows"
    if torch._C._are_functorch_transforms_active():
        return "a transform of torch.func is active"
    if torch.autograd.forward_ad._current_level >= 0:
        return "forward-mode derivatives are being computed"
    return "torch.compile traces each operation" if torch.compiler.is_compiling() else None


class Operands(NamedTuple):
    """What gets gradients.

    Attributes:
        inputs: (batch, time, features), in the order of processing, zeros at masked steps, dropout that is the same for
            all gates applied.
        hidden, cell: (batch, units), the state before the first step.
        weight_ih, weight_hh, bias: in torch's layout, one bias or ``None``.
    """

    inputs: Tensor
    hidden: Tensor
    cell: Tensor
    weight_ih: Tensor
    weight_hh: Tensor
    bias: Tensor | None


# What runs the steps; as :func:`run_steps`.
Run = Callable[[Operands, Tensor | None, LSTMOptions, WholeSweeps | None], tuple[Tensor | None, LSTMState]]


class Kept(NamedTuple):
    """What the backward pass needs of the forward pass: (time, batch, ...) each."""

    gates: Tensor
    cells: Tensor
    hidden: Tensor


def _arrange(operands: Operands, options: LSTMOptions, sweeps: AnySweeps) -> Arranged:
    input_dropout, dropout = options.input_dropout, options.recurrent_dropout
    return Arranged(
        sweeps.to_order(operands.weight_ih),
        sweeps.to_order(operands.weight_hh),
        None if operands.bias is None else sweeps.to_order(operands.bias),
        None if input_dropout is None or len(input_dropout) == 1 else sweeps.to_order(input_dropout),
        dropout if dropout is None or len(dropout) == 1 else sweeps.to_order(dropout),
        options.activation,
        options.recurrent_activation,
    )


def _each_gate_drops(options: LSTMOptions) -> bool:
    """Whether each gate has factors of its own for the inputs."""
    return options.input_dropout is not None and len(options.input_dropout) > 1


def forward(
    operands: Operands, mask: Tensor | None, options: LSTMOptions, sweeps: WholeSweeps | None
) -> tuple[Tensor | None, LSTMState]:
    """The hidden states of all steps, (time, batch, units), if ``options`` ask for outputs of all, and the last state.

    Args:
        mask: (time, batch), in the order of processing.
        options: what they say of the order and of masks is done already.
        sweeps: those to take; ``None`` for the device's.
    """
    if operands.inputs.device.type != "cpu":  # where what counts is to have few and large operations
        kept, _ = forward_for_backward(operands, mask, options, sweeps)
        hidden = kept.hidden if options.return_sequences else None
        return hidden, LSTMState(kept.hidden[-1].clone(), kept.cells[-1].clone())
    batch, time, _ = operands.inputs.shape
    units = operands.weight_hh.shape[1]
    shape = (time, batch, units) if options.return_sequences else (batch, units)
    hidden, cell_state = operands.inputs.new_empty(shape), operands.inputs.new_empty(batch, units)
    arranged = _arrange(operands, options, sweeps or SWEEPS)
    state = LSTMState(operands.hidden, operands.cell)
    if sweeps is not None:
        sweeps.forward(operands.inputs, None, hidden, cell_state, state, arranged, mask)
        state = LSTMState(hidden[-1] if options.return_sequences else hidden, cell_state)
    else:
        chunks = _chunks(operands.inputs, units, SWEEPS)
        gates = hidden.new_empty(chunks[0].stop, batch, len(GATES) * units)
        cell = SweptCell.of(
            arranged.weight_hh, arranged.activation, arranged.recurrent_activation, arranged.recurrent_dropout
        )
        for steps in chunks:
            part = gates[: steps.stop - steps.start]
            _project(part, operands.inputs[:, steps], arranged)
            written = hidden[steps].unbind(0) if options.return_sequences else repeat(hidden)
            state = sweep(cell, part, state, written, repeat(cell_state), _of(mask, steps), keep=False)
    if not options.return_sequences:
        return None, state
    return hidden, LSTMState(state.hidden.clone(), state.cell) if options.return_state else state


def forward_for_backward(
    operands: Operands, mask: Tensor | None, options: LSTMOptions, sweeps: WholeSweeps | None
) -> tuple[Kept, AnySweeps]:
    """Arguments as :func:`forward`; what :func:`backward` needs, the hidden states of all steps among it."""
    batch, time = operands.inputs.shape[:2]
    units = operands.weight_hh.shape[1]
    hidden = operands.inputs.new_empty(time, batch, units)
    gates, cells = hidden.new_empty(time, batch, len(GATES) * units), torch.empty_like(hidden)
    functions = options.activation, options.recurrent_activation
    state = LSTMState(operands.hidden, operands.cell)
    if sweeps is not None:
        arranged = _arrange(operands, options, sweeps)
        sweeps.forward(operands.inputs, gates, hidden, cells, state, arranged, mask)
        return Kept(gates, cells, hidden), sweeps
    by_steps = gpu_sweeps_for(gates, operands.weight_hh, *functions, loop=SWEEPS) or SWEEPS
    arranged = _arrange(operands, options, by_steps)
    for steps in _chunks(operands.inputs, units, by_steps):
        _project(gates[steps], operands.inputs[:, steps], arranged)
        by_steps.forward(
            gates[steps],
            hidden[steps],
            cells[steps],
            state,
            arranged.weight_hh,
            *functions,
            _of(mask, steps),
            arranged.recurrent_dropout,
        )
        state = LSTMState(hidden[steps.stop - 1], cells[steps.stop - 1])
    return Kept(gates, cells, hidden), by_steps


def backward(
    operands: Operands,
    kept: Kept,
    mask: Tensor | None,
    options: LSTMOptions,
    gradients: tuple[Tensor | None, Tensor | None, Tensor | None],
    wanted: Sequence[bool],
    sweeps: AnySweeps,
    overwrite: bool = False,
) -> tuple[Tensor | None, ...]:
    """The gradients of the operands, ``None`` where not ``wanted``.

    Args:
        gradients: of the hidden states of all steps, (time, batch, units), and of the last hidden and cell state.
        sweeps: those that left ``kept``.
        overwrite: whether ``kept`` is not needed any more, and its memory may be used.
    """
    sweep_back = sweeps.backward
    if overwrite and isinstance(sweeps, WholeSweeps):
        sweep_back = partial(sweeps.backward, overwrite=True)
    of_outputs, of_hidden, of_cell = gradients
    gates, cells, hidden = kept
    time, batch, units = hidden.shape
    want_inputs, want_hidden, want_cell, *want_weights = wanted
    arranged = _arrange(operands, options, sweeps)
    inputs = operands.inputs.new_empty(time, batch, operands.inputs.shape[2]) if want_inputs else None
    sums = WeightGradients(arranged, *want_weights)
    for steps in reversed(_chunks(operands.inputs, units, sweeps)):
        start = steps.start
        before = LSTMState(hidden[start - 1], cells[start - 1]) if start else LSTMState(operands.hidden, operands.cell)
        part, of_hidden, of_cell = sweep_back(
            _of(of_outputs, steps),
            of_hidden,
            of_cell,
            gates[steps],
            hidden[steps],
            cells[steps],
            before,
            arranged.weight_hh,
            options.activation,
            options.recurrent_activation,
            _of(mask, steps),
            arranged.recurrent_dropout,
        )
        sums.add(part, operands.inputs[:, steps].transpose(0, 1), before.hidden, hidden[steps])
        if inputs is not None:
            _input_gradient(inputs[steps], part, arranged)
    return (
        None if inputs is None else inputs.transpose(0, 1),
        of_hidden if want_hidden else None,
        of_cell if want_cell else None,
        *(None if total is None else sweeps.from_order(total).to(operands.inputs.dtype) for total in sums.parts()),
    )


class _Loop(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        mask: Tensor | None,
        options: LSTMOptions,
        sweeps: WholeSweeps | None,
        given: Kept | None,
        *tensors: Any,
    ) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        if given is None:
            kept, ctx.sweeps = forward_for_backward(Operands(*tensors), mask, options, sweeps)
        else:
            kept, ctx.sweeps = Kept(*(tensor.detach() for tensor in given)), sweeps
        # Somebody who packs what is saved may hold it for longer, and must not see it overwritten.
        ctx.is_ours = given is None and torch._C._autograd._top_saved_tensors_default_hooks(True) is None
        ctx.save_for_backward(mask, *tensors, *kept)
        ctx.options = options
        ctx.set_materialize_grads(False)
        # The last states are copies: views of what is kept could not be written to afterwards.
        return (
            kept.hidden if options.return_sequences else None,
            kept.hidden[-1].clone() if options.return_state or not options.return_sequences else None,
            kept.cells[-1].clone() if options.return_state else None,
        )

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[Tensor | None, ...]:
        mask, *tensors = ctx.saved_tensors
        operands, kept = Operands(*tensors[:6]), Kept(*tensors[6:])
        wanted = ctx.needs_input_grad[4:]
        if torch.is_grad_enabled():  # as with `create_graph=True`
            return None, None, None, None, *_by_the_plain_loop(operands, mask, ctx.options, gradients, wanted)
        if any(gradient is not None and _is_several(gradient) for gradient in gradients):
            with torch.enable_grad():  # several pass backwards at once, in tensors that have no memory
                several = _by_the_plain_loop(operands, mask, ctx.options, gradients, wanted, create_graph=False)
            return None, None, None, None, *several
        overwrite = ctx.is_ours and _is_the_last_time()
        found = backward(operands, kept, mask, ctx.options, gradients, wanted, ctx.sweeps, overwrite=overwrite)
        return None, None, None, None, *found


def _is_several(gradient: Tensor) -> bool:
    """Whether the gradient stands for those of several passes backwards that are made at once."""
    functorch = torch._C._functorch
    return functorch.is_batchedtensor(gradient) or functorch.is_legacy_batchedtensor(gradient)


def _is_the_last_time() -> bool:
    """Whether the pass backwards that is under way frees what it was given, so that there cannot be another."""
    keeps = getattr(torch._C._autograd, "_get_current_graph_task_keep_graph", None)  # torch's own, for its compiler
    return keeps is not None and not keeps()


def _by_the_plain_loop(
    operands: Operands,
    mask: Tensor | None,
    options: LSTMOptions,
    gradients: Sequence[Tensor | None],
    wanted: Sequence[bool],
    create_graph: bool = True,
) -> list[Tensor | None]:
    """The gradients of the operands, differentiable again: the sequence is run once more, this time on the tape.

    Args:
        create_graph: whether they are to be differentiable.
    """
    inputs, hidden, cell, weight_ih, weight_hh, bias = operands
    as_carried = replace(
        options,
        go_backwards=False,
        return_sequences=True,
        return_state=True,
        zero_output_for_mask=False,
        hold_initial_state=True,
        input_dropout=options.input_dropout if _each_gate_drops(options) else None,
    )
    output, final = lstm_plain(
        inputs,
        LSTMState(hidden, cell),
        LSTMWeights(weight_ih, weight_hh, bias),
        None if mask is None else mask.t(),
        as_carried,
    )
    assert final is not None
    given = [
        (value, gradient)
        for value, gradient in zip((output.transpose(0, 1), *final), gradients, strict=True)
        if gradient is not None
    ]
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


def _chunks(inputs: Tensor, units: int, sweeps: AnySweeps) -> list[slice]:
    """The steps, in parts that are worked on together."""
    batch, time, _ = inputs.shape
    steps = max(1, time)
    if sweeps.chunk_numbers is not None and inputs.device.type == "cpu":
        steps = max(1, sweeps.chunk_numbers // max(1, batch * units), _CHUNK_ROWS // max(1, batch))
    return [slice(start, min(start + steps, time)) for start in range(0, time, steps)]


def _of(tensor: Tensor | None, steps: slice) -> Tensor | None:
    return None if tensor is None else tensor[steps]


def _project(gates: Tensor, inputs: Tensor, arranged: Arranged) -> None:
    """Write what ``inputs``, (batch, steps, features), and the bias contribute to ``gates``, (steps, batch, ...)."""
    rows, weight_ih, bias, dropout = inputs.transpose(0, 1), arranged.weight_ih, arranged.bias, arranged.input_dropout
    if dropout is None:
        flat = rows.reshape(-1, rows.shape[-1])
        if bias is None:
            torch.mm(flat, weight_ih.t(), out=gates.flatten(0, 1))
        else:
            torch.addmm(bias, flat, weight_ih.t(), out=gates.flatten(0, 1))
        return
    for gate, kernel, factors in zip(gates.chunk(4, -1), weight_ih.chunk(4), dropout, strict=True):
        gate.copy_((rows * factors) @ kernel.t())
    if bias is not None:
        gates.add_(bias)


def _input_gradient(out: Tensor, gates: Tensor, arranged: Arranged) -> None:
    """Write the gradient of the inputs, (steps, batch, features), given that of the gates."""
    weight_ih, dropout = arranged.weight_ih, arranged.input_dropout
    if dropout is None:
        torch.mm(gates.flatten(0, 1), weight_ih, out=out.flatten(0, 1))
        return
    each = zip(gates.chunk(4, -1), weight_ih.chunk(4), dropout, strict=True)
    torch.sum(torch.stack([(gate @ kernel) * factors for gate, kernel, factors in each]), 0, out=out)
