"""An LSTM's steps in C: one call for all of them, with any mask, in either precision, on a CPU."""

from collections.abc import Sequence

import torch
from torch import Tensor

from torch_keras_lstm.recurrence.autograd import Operands, SequenceBackend
from torch_keras_lstm.recurrence.backends import c_runs
from torch_keras_lstm.recurrence.backends.base import Request, Trace, Upstream
from torch_keras_lstm.recurrence.backends.torch_kernels import why_not_fused
from torch_keras_lstm.recurrence.options import Activation, SequenceOptions

_NO_MASK_NO_DROPOUT = (0,) * 7
_WIDE = 320  # units from which on nothing but the matrix product counts


class CKernels(c_runs.Chosen, SequenceBackend):
    """See the file, and :class:`c_runs.Chosen` for the arguments. The gates stand in the order of torch."""

    passes_over = True
    cells_every = c_runs.CELLS_EVERY
    recomputes = True

    def why_not(self, request: Request) -> str | None:
        """As :meth:`Backend.why_not`.

        Measured: with two threads these take 0.4 to 0.95 of the time of oneDNN's kernels, with one 0.4 to 1.07
        (docs/performance.md). Two things are quicker there: a single step while autograd records, and inference with so
        many units that nothing but the matrix product counts, in which oneDNN's is ahead by a twentieth to a tenth.
        """
        reason = self._why_slower(request) or self.why_never(request) or self.why_no_memory(request)
        return super().why_not(request) if reason is None else reason

    def _why_slower(self, request: Request) -> str | None:
        """When torch's kernels take less time, as the end of a sentence. A mask they only know how to work around."""
        if not (request.steps == 1 if torch.is_grad_enabled() else request.units > _WIDE):
            return None
        if request.masked or request.by_name or request.use_cudnn != "auto" or request.device.type != "cpu":
            return None
        if why_not_fused(request) is not None:
            return None
        return "torch's kernels take less time for one step that autograd records, and for many units"

    def run_forward(self, operands: Operands, mask: Tensor | None, options: SequenceOptions, trace: Trace) -> None:
        """As :meth:`SequenceBackend.run_forward`; what stands at masked steps is not read."""
        run = self.c_run(operands, mask, options, trace)
        c_runs.forward(self.kernel, self.threads(run.work), run)

    def gradients(
        self,
        operands: Operands,
        trace: Trace,
        mask: Tensor | None,
        options: SequenceOptions,
        upstream: Upstream,
        wanted: Sequence[bool],
    ) -> tuple[Tensor | None, ...]:
        """As :meth:`SequenceBackend.gradients`; what stands at masked steps is not read."""
        run, gradients = self.c_run(operands, mask, options, trace), self.new_gradients(operands, upstream, wanted)
        c_runs.backward(self.kernel, self.threads(run.work), (run, gradients))
        return self.found(gradients, wanted)

    def new_gradients(self, operands: Operands, upstream: Upstream, wanted: Sequence[bool]) -> c_runs.Gradients:
        """What C takes of those that come in, and room for those that are wanted."""
        of_hidden, of_cell = (
            torch.zeros_like(like, memory_format=torch.contiguous_format)
            if gradient is None
            else gradient.clone(memory_format=torch.contiguous_format)
            for like, gradient in zip(operands[1:3], upstream[1:], strict=True)
        )
        inputs = operands.inputs
        new = inputs.new_empty if inputs.numel() else inputs.new_zeros
        of_inputs, *of_weights = (
            new(operand.shape) if is_wanted and operand is not None else None
            for operand, is_wanted in zip((inputs, *operands[3:]), (wanted[0], *wanted[3:]), strict=True)
        )
        return c_runs.Gradients(upstream.hidden, of_hidden, of_cell, of_inputs, *of_weights)

    def found(self, gradients: c_runs.Gradients, wanted: Sequence[bool]) -> tuple[Tensor | None, ...]:
        """The gradients of the operands, once C has written them."""
        _, hidden, cell, inputs, *weights = gradients
        return inputs, hidden if wanted[1] else None, cell if wanted[2] else None, *weights

    def c_cell(self, options: SequenceOptions) -> str:
        """Which of the cells the kernels have: one of :data:`c_runs.CELLS`."""
        return "lstm"

    def c_run(self, operands: Operands, mask: Tensor | None, options: SequenceOptions, trace: Trace) -> c_runs.Run:
        """What C takes of a run."""
        for_inputs, has_cell_state = options.input_dropout, self.has_cell_state
        return c_runs.Run(
            self.c_cell(options),
            options.activation,
            options.recurrent_activation,
            operands.inputs,
            operands.weight_ih,
            operands.weight_hh,
            operands.bias,
            operands.state_bias,
            operands.hidden,
            operands.cell if has_cell_state else None,
            mask,
            None if for_inputs is None or len(for_inputs) == 1 else for_inputs,  # one for all gates is applied
            options.recurrent_dropout,
            trace.gates,
            trace.hidden,
            trace.cells if has_cell_state else None,
        )


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
        kinds = (c_runs.KINDS[activation], c_runs.KINDS[recurrent_activation])
        self._few = time * batch * 4 * units * (features + units) < kernels.fewest_for_threads
        self._kernel, self._is_double = kernels.kernel, inputs.dtype is torch.float64
        self._sizes = (c_runs.CELLS.index("lstm"), time, batch, features, units, *kinds)
        self._strides = (features, time * features)
        self._weights = (weight_ih.data_ptr(), weight_hh.data_ptr(), 0 if bias is None else bias.data_ptr())
        self._every, self._last = (time, batch, units), (batch, units)
        self._step = (batch * units, units)

    def __call__(self, inputs: Tensor, hidden: Tensor, cell: Tensor, every: bool) -> tuple[Tensor, Tensor]:
        """The hidden states of all steps, (time, batch, units), or of the last alone, and the last cell state."""
        outputs, cells = inputs.new_empty(self._every if every else self._last), inputs.new_empty(self._last)
        step, row = self._step
        c_runs.compiled_module.forward(
            self._kernel,
            self._is_double,
            1 if self._few else torch.get_num_threads(),
            *self._sizes,
            inputs.data_ptr(),
            *self._strides,
            *self._weights,
            0,
            0,
            outputs.data_ptr(),
            step if every else 0,
            row,
            cells.data_ptr(),
            0,
            hidden.data_ptr(),
            cell.data_ptr(),
            *_NO_MASK_NO_DROPOUT,
        )
        return outputs, cells


C_KERNELS = CKernels(*c_runs.chosen())


def description() -> str:
    """Whether the kernels in C are there, and for which vectors of this processor, or why not."""
    kernels = C_KERNELS
    return f"without the kernels in C: {kernels.off}" if kernels.off else f"with the kernels in C, {kernels.vectors}"
