"""The whole sequence in one call of ``torch.nn.LSTM``'s kernels: oneDNN on a CPU, cuDNN on a GPU."""

from collections.abc import Sequence

import torch
from torch import Tensor

from torch_keras_lstm.recurrence.masks import as_asked, compact, freeze, last_valid, may_be_looked_at
from torch_keras_lstm.recurrence.options import LSTMOptions, LSTMWeights
from torch_keras_lstm.recurrence.state import LSTMState


def lstm_fused(
    inputs: Tensor, state: LSTMState, weights: LSTMWeights, mask: Tensor | None, options: LSTMOptions
) -> tuple[Tensor, LSTMState | None]:
    """Run the sequence through the fused kernels.

    Args:
        inputs: (batch, time, features), time at least 1.
        state: before the first step, (batch, units) each.
        weights: in torch's layout.
        mask: (batch, time), boolean, ``False`` where a step is to be skipped; any pattern, fully masked rows included.
        options: a configuration for which :func:`torch_keras_lstm.recurrence.choose.why_not_fused` gives no reason.

    Returns:
        The outputs, (batch, time, units) in the order of processing or (batch, units), and the final state if
        ``options.return_state``.
    """
    if options.input_dropout is not None:
        inputs = inputs * options.input_dropout[0].unsqueeze(1)
    if options.go_backwards:
        inputs = inputs.flip(1)
        mask = mask if mask is None else mask.flip(1)
    if mask is None or (may_be_looked_at(mask) and bool(mask.all())):
        if inputs.shape[1] == 1 and inputs.is_cpu and not torch.compiler.is_compiling():
            # oneDNN lays out the weights anew on every call, which takes several times as long as the step itself.
            final = LSTMState(*torch.lstm_cell(inputs[:, 0], state, *weights))
            output = final.hidden.unsqueeze(1) if options.return_sequences else final.hidden
            return output, final if options.return_state else None
        outputs, final = _one_way(inputs, state, weights)
        return outputs if options.return_sequences else outputs[:, -1], final if options.return_state else None
    return _masked(inputs, state, weights, mask, options)


def lstm_fused_both_ways(
    inputs: Tensor, states: tuple[LSTMState, LSTMState], weights: tuple[LSTMWeights, LSTMWeights]
) -> tuple[Tensor, tuple[LSTMState, LSTMState]]:
    """Run one LSTM forwards and another of the same size backwards in one call of the fused kernels.

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
        cudnn_mode = torch.backends.cudnn.rnn.get_cudnn_mode(mode)
        each = len(flat) // directions
        torch._cudnn_rnn_flatten_weight(flat, each, features, cudnn_mode, units, 0, 1, True, directions == 2)


def _masked(
    inputs: Tensor, state: LSTMState, weights: LSTMWeights, mask: Tensor, options: LSTMOptions
) -> tuple[Tensor, LSTMState | None]:
    compacted = compact(inputs, mask)
    inputs = compacted.inputs
    if options.return_state:
        inputs, weights = freeze(compacted, weights)
    outputs, final = _one_way(inputs, state, weights)
    hidden = last_valid(outputs, compacted.lengths, state.hidden)
    output = as_asked(outputs, hidden, mask, options, state.hidden)
    return output, LSTMState(hidden, final.cell) if options.return_state else None


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
        torch.is_grad_enabled(),  # cuDNN's training mode, without which its backward refuses; not the module's
        len(weights) == 2,  # bidirectional
        True,  # batch_first
    )
