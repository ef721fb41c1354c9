"""Steps of training of one kind: what does not change between them is worked out once.

As for inference, but autograd records the call, and each of them has new memory: several may wait for their way back.
"""

from typing import Any

import torch
from torch import Tensor

from torch_keras_lstm import torch_internals
from torch_keras_lstm.recurrence.autograd import Operands, double_backward
from torch_keras_lstm.recurrence.backends import c_runs
from torch_keras_lstm.recurrence.backends.base import Upstream
from torch_keras_lstm.recurrence.backends.c_kernels import CKernels
from torch_keras_lstm.recurrence.options import SequenceOptions


class TrainingPlan:
    """Calls of a recurrent layer that autograd records: no mask, no dropout, no states that are given or kept.

    Args:
        kernels: what runs them.
        inputs: (batch, time, features), contiguous as they will be in each call.
        weights: of the layer, contiguous: kernels and the bias, and what a GRU adds to its state's part.
        options: of the layer; nothing of them will change.
    """

    def __init__(
        self, kernels: CKernels, inputs: Tensor, weights: tuple[Tensor | None, ...], options: SequenceOptions
    ) -> None:
        batch, time, features = inputs.shape
        assert weights[1] is not None  # for mypy
        units, rows = weights[1].shape[1], weights[1].shape[0]
        self.kernels, self.options = kernels, options
        self.few = batch * time * rows * (features + units) < kernels.fewest_for_threads
        self.is_double = inputs.dtype is torch.float64
        self.zeros = torch.zeros(batch, units, dtype=inputs.dtype)
        self.hidden_shape, self.cells_shape = (batch, time, units), (-(-time // kernels.cells_every), batch, units)
        self.kept_shape = None if options.recompute and kernels.recomputes else (time, batch, kernels.kept_width(units))
        self.sizes = (
            c_runs.CELLS.index(kernels.c_cell(options)),
            time,
            batch,
            features,
            units,
            c_runs.KINDS[options.activation],
            c_runs.KINDS[options.recurrent_activation],
        )
        backwards = options.go_backwards
        self.offset = (time - 1) * features * inputs.element_size() if backwards else 0
        self.strides = (-features if backwards else features, time * features)
        self.hidden_strides = (units, time * units)
        self.step = batch * units

    def run(self, inputs: Tensor, weights: tuple[Tensor | None, ...]) -> Tensor:
        """The outputs of a call: all, (batch, time, units), or the last ones, (batch, units)."""
        hidden: Tensor = _Planned.apply(self, inputs, *weights)  # type: ignore[no-untyped-call]
        return hidden

    def numbers(
        self,
        inputs: Tensor,
        weights: tuple[Tensor | None, ...],
        kept: Tensor | None,
        hidden: Tensor,
        cells: Tensor | None,
    ) -> tuple[int, ...]:
        """What C takes of a run."""
        zeros = self.zeros.data_ptr()
        return (
            *self.sizes,
            inputs.data_ptr() + self.offset,
            *self.strides,
            *[0 if weight is None else weight.data_ptr() for weight in weights],
            0 if kept is None else kept.data_ptr(),
            hidden.data_ptr(),
            *self.hidden_strides,
            *((0, 0) if cells is None else (cells.data_ptr(), self.step)),
            zeros,
            0 if cells is None else zeros,
            *_NO_MASK_NO_DROPOUT,
        )

    @property
    def threads(self) -> int:
        """How many are worth waking."""
        return 1 if self.few else torch.get_num_threads()


_NO_MASK_NO_DROPOUT = (0,) * 7


class _Planned(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, plan: TrainingPlan, inputs: Tensor, *weights: Tensor | None) -> Tensor:
        new, has_cells = inputs.new_empty, plan.kernels.has_cell_state
        kept = None if plan.kept_shape is None else new(plan.kept_shape)
        hidden = new(plan.hidden_shape)
        cells = new(plan.cells_shape) if has_cells else None
        c_runs.compiled_module.forward(
            plan.kernels.kernel,
            plan.is_double,
            plan.threads,
            *plan.numbers(inputs, weights, kept, hidden, cells),
        )
        ctx.plan = plan
        ctx.save_for_backward(inputs, *weights, kept, hidden, cells)
        return hidden if plan.options.return_sequences else hidden[:, -1].clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        plan: TrainingPlan = ctx.plan
        inputs, weight_ih, weight_hh, bias, state_bias, kept, hidden, cells = ctx.saved_tensors
        weights = (weight_ih, weight_hh, bias, state_bias)
        sequences, (_, want_inputs, *want_weights) = plan.options.return_sequences, ctx.needs_input_grad
        if torch.is_grad_enabled() or torch_internals.stands_for_several(gradient):
            return None, *_again(plan, inputs, weights, gradient, ctx.needs_input_grad[1:])
        of_inputs = torch.empty_like(inputs) if want_inputs else None
        of_weights = [
            torch.empty_like(weight) if is_wanted and weight is not None else None
            for weight, is_wanted in zip(weights, want_weights, strict=True)
        ]
        of_outputs = (0, 0, 0)
        if sequences:
            if gradient.stride(2) != 1:
                gradient = gradient.contiguous()
            row, step, _ = gradient.stride()
            of_outputs = (gradient.data_ptr(), step, row)
            of_hidden = torch.zeros_like(plan.zeros)
        else:
            of_hidden = gradient.clone(memory_format=torch.contiguous_format)
        of_cell = None if cells is None else torch.zeros_like(plan.zeros)
        c_runs.compiled_module.backward(
            plan.kernels.kernel,
            plan.is_double,
            plan.threads,
            *plan.numbers(inputs, weights, kept, hidden, cells),
            *of_outputs,
            of_hidden.data_ptr(),
            0 if of_cell is None else of_cell.data_ptr(),
            *((0, 0, 0) if of_inputs is None else (of_inputs.data_ptr() + plan.offset, *plan.strides)),
            *[0 if one is None else one.data_ptr() for one in of_weights],
        )
        return None, of_inputs, *of_weights


def _again(
    plan: TrainingPlan,
    inputs: Tensor,
    weights: tuple[Tensor | None, ...],
    gradient: Tensor,
    wanted: tuple[bool, ...],
) -> tuple[Tensor | None, ...]:
    """The gradients of inputs and weights, differentiable again where that is asked for, or of several at once."""
    create_graph = torch.is_grad_enabled()
    weight_ih, weight_hh, bias, state_bias = weights
    assert weight_ih is not None  # for mypy
    assert weight_hh is not None
    no_cell = plan.zeros if plan.kernels.has_cell_state else plan.zeros.new_empty(0)
    backwards = plan.options.go_backwards
    with torch.enable_grad():
        ordered = inputs.flip(1) if backwards else inputs
        operands = Operands(ordered, plan.zeros, no_cell, weight_ih, weight_hh, bias, state_bias)
        upstream = (
            Upstream(gradient.transpose(0, 1), None, None)
            if plan.options.return_sequences
            else Upstream(None, gradient, None)
        )
        want_inputs, *want_weights = wanted
        found = double_backward(
            plan.kernels,
            operands,
            None,
            plan.options,
            upstream,
            (want_inputs, False, False, *want_weights),
            create_graph=create_graph,
        )
        of_inputs, _, _, *of_weights = found
        if backwards and of_inputs is not None:
            of_inputs = of_inputs.flip(1)
    return of_inputs, *of_weights
