"""The whole sequence in one call of torch's kernels for RNNs: oneDNN on a CPU, cuDNN on a GPU."""

from abc import abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor

from torch_keras_lstm import activations, torch_internals
from torch_keras_lstm.recurrence.backends.base import Backend, Request
from torch_keras_lstm.recurrence.masks import compact, freeze, last_valid, masked_output
from torch_keras_lstm.recurrence.options import LSTMWeights, SequenceOptions
from torch_keras_lstm.recurrence.prelude import in_order
from torch_keras_lstm.recurrence.state import LSTMState

_TANH = (activations.tanh, torch.tanh)
_SIGMOID = (activations.sigmoid, torch.sigmoid)


def why_not_fused(request: Request) -> str | None:
    """What keeps a configuration of two activations from the kernels of ``torch.nn.LSTM`` or ``GRU``."""
    activation, recurrent_activation = request.options.activation, request.options.recurrent_activation
    if activation not in _TANH:
        return f"torch's kernels compute `activation` 'tanh' only, not {activations.serialize(activation)!r}"
    if recurrent_activation not in _SIGMOID:
        name = activations.serialize(recurrent_activation)
        return f"torch's kernels compute `recurrent_activation` 'sigmoid' only, not {name!r}"
    if request.recurrent_dropout:
        return "torch's kernels have no `recurrent_dropout`"
    if request.input_dropout > 1:
        return "torch's kernels have no `dropout` of each gate's own (`implementation=1`)"
    return None


class TorchKernels(Backend):
    """One of torch's kernels for RNNs, which torch differentiates itself."""

    name = "torch_kernels"

    def why_not(self, request: Request) -> str | None:
        """As :meth:`Backend.why_not`."""
        if request.use_cudnn is False:
            return "`use_cudnn` is False"
        reason = self.why_never(request)
        if reason is not None or request.use_cudnn is True:
            return reason
        if torch_internals.transforms_are_active() and not torch.compiler.is_exporting():
            return "a transform of torch.func is active"  # `vmap`, `grad` and their like know no rule for these kernels
        if torch_internals.forward_mode_is_active():  # which these have not at all, or not for several tangents at once
            return "forward-mode derivatives are being computed"
        return None

    @abstractmethod
    def why_never(self, request: Request) -> str | None:
        """What the configuration asks for that the kernel does not compute; ``None`` for nothing. Masks never do."""

    @abstractmethod
    def mode(self, options: SequenceOptions) -> str | None:
        """torch's name of the kernel, as :func:`flatten_for_cudnn` takes it; ``None`` where there is none."""


class LSTMKernels(TorchKernels):
    """The kernels of ``torch.nn.LSTM``."""

    why_never = staticmethod(why_not_fused)

    def mode(self, options: SequenceOptions) -> str:
        """As :meth:`TorchKernels.mode`."""
        return "LSTM"

    def run(
        self, inputs: Tensor, state: LSTMState, weights: LSTMWeights, mask: Tensor | None, options: SequenceOptions
    ) -> tuple[Tensor, LSTMState | None]:
        """As :meth:`Backend.run`."""
        return lstm_fused(inputs, state, weights, mask, options)


def lstm_fused(
    inputs: Tensor, state: LSTMState, weights: LSTMWeights, mask: Tensor | None, options: SequenceOptions
) -> tuple[Tensor, LSTMState | None]:
    """Run the sequence through the kernels of ``torch.nn.LSTM``.

    Args:
        inputs: (batch, time, features), time at least 1.
        state: hidden and cell state before the first step, (batch, units) each.
        weights: in torch's layout.
        mask: (batch, time), boolean, ``False`` where a step is to be skipped, in any pattern; ``None`` for no mask.
        options: what is the same at every step: tanh and sigmoid, no recurrent dropout.

    Returns:
        The outputs, (batch, time, units) in the order of processing, or the last one, (batch, units), without
        ``options.return_sequences``; and the final state, ``None`` without ``options.return_state``.
    """
    inputs, mask = in_order(inputs, mask, options)
    if mask is not None:
        return _masked(inputs, state, weights, mask, options)
    if inputs.shape[1] == 1 and inputs.is_cpu and not _is_traced():
        # oneDNN lays out the weights anew on every call, which takes several times as long as the step itself.
        final = LSTMState(*torch.lstm_cell(inputs[:, 0], state, *weights))
        output = final.hidden.unsqueeze(1) if options.return_sequences else final.hidden
        return output, final if options.return_state else None
    outputs, final = _one_way(inputs, state, weights)
    return outputs if options.return_sequences else outputs[:, -1], final if options.return_state else None


def lstm_fused_both_ways(
    inputs: Tensor, states: tuple[LSTMState, LSTMState], weights: tuple[LSTMWeights, LSTMWeights]
) -> tuple[Tensor, tuple[LSTMState, LSTMState]]:
    """Run one LSTM forwards and another of the same size backwards in one call of torch's kernels.

    Args:
        inputs: (batch, time, features), time at least 1.
        states: before the first step of either, the forward one's first; (batch, units) each.
        weights: in torch's layout, in the same order; both with biases or both without.

    Returns:
        The outputs, (batch, time, 2 * units), those of the two beside each other and both in the order of time, and
        the final states.
    """
    forward, backward = states
    hidden, cell = torch.stack((forward.hidden, backward.hidden)), torch.stack((forward.cell, backward.cell))
    outputs, hidden, cell = _kernel(inputs, hidden, cell, weights)
    return outputs, (LSTMState(hidden[0], cell[0]), LSTMState(hidden[1], cell[1]))


def flatten_for_cudnn(weights: Sequence[Tensor | None], mode: str = "LSTM", *, directions: int = 1) -> None:
    """Move CUDA weights, in place, into the one buffer that cuDNN reads, or it copies them together on every call.

    The tensors stay the same objects, so optimizers do not notice. Weights elsewhere are left alone.

    Args:
        weights: as torch's kernels take them, ``weight_ih`` and ``weight_hh`` first.
        mode: torch's name of the kernel: "LSTM", "GRU", "RNN_TANH" or "RNN_RELU".
        directions: 2 for the weights of a bidirectional call, all those of one direction first.
    """
    flat = [weight for weight in weights if weight is not None]
    if not all(weight.is_cuda and torch.backends.cudnn.is_acceptable(weight) for weight in flat):
        return
    features, units = flat[0].shape[1], flat[1].shape[1]
    with torch.no_grad(), torch.cuda.device_of(flat[0]):
        torch_internals.flatten_cudnn_weights(flat, mode, features, units, directions)


def _masked(
    inputs: Tensor, state: LSTMState, weights: LSTMWeights, mask: Tensor, options: SequenceOptions
) -> tuple[Tensor, LSTMState | None]:
    compacted = compact(inputs, mask)
    inputs = compacted.inputs
    if options.return_state:
        inputs, weights = freeze(compacted, weights)
    outputs, final = _one_way(inputs, state, weights)
    hidden = last_valid(outputs, compacted.lengths, state.hidden)
    output = masked_output(outputs, hidden, mask, options, state.hidden)
    return output, LSTMState(hidden, final.cell) if options.return_state else None


def _is_traced() -> bool:
    """Whether the call must do for any number of steps, and inside and outside of ``torch.no_grad()``."""
    return torch.compiler.is_compiling() or torch_internals.is_jit_traced()


def keeps_for_backward() -> bool:
    """cuDNN's training mode, without which its backward refuses; not the module's.

    A trace keeps it, whoever runs it, so it must not hang on whether gradients were recorded then; OpenVINO takes none
    with it.
    """
    return torch.is_grad_enabled() and (torch.compiler.is_compiling() or not torch_internals.is_jit_traced())


def _one_way(inputs: Tensor, state: LSTMState, weights: LSTMWeights) -> tuple[Tensor, LSTMState]:
    outputs, hidden, cell = _kernel(inputs, state.hidden.unsqueeze(0), state.cell.unsqueeze(0), (weights,))
    return outputs, LSTMState(hidden.squeeze(0), cell.squeeze(0))


def _kernel(
    inputs: Tensor, hidden: Tensor, cell: Tensor, weights: tuple[LSTMWeights, ...]
) -> tuple[Tensor, Tensor, Tensor]:
    """torch's call: states (directions, batch, units), the weights of each direction."""
    flat = [weight for direction in weights for weight in direction if weight is not None]
    return torch.lstm(
        inputs,
        (hidden, cell),
        flat,
        len(flat) == 4 * len(weights),  # has_biases
        1,  # num_layers
        0.0,  # dropout between layers
        keeps_for_backward(),
        len(weights) == 2,  # bidirectional
        True,  # batch_first
    )


LSTM_KERNELS = LSTMKernels()
