"""The two halves of a ``Bidirectional`` as one call, of the kernels in C or of torch's bidirectional kernel.

It saves turning round the inputs and the outputs, and both directions run at the same time.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from torch_keras_lstm.layers.cell_layer import CellLayer
from torch_keras_lstm.layers.gru import GRU
from torch_keras_lstm.layers.lstm import LSTM
from torch_keras_lstm.layers.recurrent import RecurrentLayer
from torch_keras_lstm.layers.simple_rnn import SimpleRNN
from torch_keras_lstm.recurrence import LSTMState, lstm_fused_both_ways, select
from torch_keras_lstm.recurrence.backends.c_both_ways import Half, run_both_ways
from torch_keras_lstm.recurrence.backends.c_kernels import CKernels
from torch_keras_lstm.recurrence.backends.torch_kernels import flatten_for_cudnn
from torch_keras_lstm.recurrence.masks import values_are_known
from torch_keras_lstm.torch_internals import is_called_through_more, is_jit_traced

Halves = tuple[RecurrentLayer, RecurrentLayer]
_CLASSES = (LSTM, GRU, SimpleRNN)
_NAMES = "LSTM, GRU or SimpleRNN"


def why_apart(halves: Halves, inputs: Tensor, mask: Any, training: bool) -> str | None:
    """What keeps a call of both halves from being one, as the end of a sentence; ``None`` when nothing does.

    Args:
        halves: the one that runs forwards, then the other.
        inputs: (batch, time, features)
        mask: (batch, time), boolean, or ``None``.
        training: whether dropout is active.

    Raises:
        ValueError: when ``mask`` is no mask, or a half insists on the fused kernels and cannot have them.
    """
    if torch.compiler.is_compiling():
        return "torch.compile and torch.export trace the halves one by one"
    if is_jit_traced():
        return "torch.jit.trace traces the halves one by one"
    reason = _why_no_pair(halves)
    if reason is not None:
        return reason
    if kernels_of(halves, inputs, mask, training) is not None:
        return _why_apart_in_c(halves, inputs, mask)
    if type(halves[0]) is not LSTM:
        return "torch's kernels of both directions are those of `LSTM`"
    forward, backward = _as_lstms(halves)
    for half in (forward, backward):
        reason = half.path_for(inputs, mask, training).reason
        if reason is not None:
            return reason
        if half.dropout_counts(training)[0]:
            return "each half draws a `dropout` of its own"
        if is_called_through_more(half):
            return f"a hook or a wrapper waits for the call of `{half.name}`"
    if inputs.is_cpu and inputs.shape[1] == 1:
        return "a single step on a CPU takes less time without the kernels for sequences"
    if forward.device.type == "cuda" and not _share_a_buffer(forward, backward):
        return "the halves' weights are not in one buffer for cuDNN"
    if inputs.is_cpu and torch.is_autocast_enabled("cpu"):
        return "torch.autocast has each half cast by itself"
    if mask is not None:
        mask = forward.check_mask(mask, inputs)
        if not values_are_known(mask):
            return "the mask may skip steps"
        if not mask.all():
            return "the mask skips steps"
    return None


def kernels_of(halves: Halves, inputs: Tensor, mask: Any, training: bool) -> CKernels | None:
    """The kernels in C, where both halves would run on them.

    Raises:
        ValueError: as :func:`why_apart`.
    """
    found: CKernels | None = None
    for half in _as_cells(halves):
        tensors = (inputs.to(half.dtype.torch), *(half.sequence_weights() if half.built else ()))
        request = half.sequence_request(inputs, mask, training)._replace(tensors=tensors)
        backend = select(half.backends, request)
        if not isinstance(backend, CKernels):
            return None
        found = backend
    return found


def _why_apart_in_c(halves: Halves, inputs: Tensor, mask: Any) -> str | None:
    forward, backward = _as_cells(halves)
    for half in (forward, backward):
        if is_called_through_more(half):
            return f"a hook or a wrapper waits for the call of `{half.name}`"
    for option in forward.option_names:
        if option != "go_backwards" and getattr(forward, option) != getattr(backward, option):
            return f"the halves differ in `{option}`"
    if forward.dropout_counts(True) != backward.dropout_counts(True):
        return "the halves differ in what they drop"
    if inputs.shape[1] == 1:
        return "a single step takes less time for each half by itself"
    if torch.is_autocast_enabled("cpu"):
        return "torch.autocast has each half cast by itself"
    if mask is not None and forward.return_sequences and not forward.zero_output_for_mask:
        return "without `zero_output_for_mask` each half repeats outputs of its own at masked steps"
    return None


def run_together(
    halves: Halves,
    inputs: Tensor,
    mask: Any,
    given: tuple[Sequence[Any] | None, Sequence[Any] | None],
    training: bool,
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Call both halves as one, when :func:`why_apart` says that nothing keeps them from it.

    Args:
        halves: the one that runs forwards, then the other.
        inputs: (batch, time, features)
        mask: (batch, time), boolean, or ``None``.
        given: the initial states of either, as :meth:`LSTM.forward` takes them.
        training: whether dropout is active.

    Returns:
        The outputs side by side, (batch, time, 2 * units) in the order of time or (batch, 2 * units), and the final
        states, forward then backward; none without ``return_state``.
    """
    forward, backward = _as_cells(halves)
    kernels = kernels_of(halves, inputs, mask, training)
    inputs = forward.prepare(inputs)
    backward.prepare(inputs)
    states = (forward.starting_states(inputs, given[0]), backward.starting_states(inputs, given[1]))
    final: tuple[tuple[Tensor, ...], tuple[Tensor, ...]]
    if kernels is not None:
        prepared = [
            Half(state, half.sequence_weights(), half.sequence_options(*half.draw_dropout(inputs, training)))
            for half, state in zip((forward, backward), states, strict=True)
        ]
        outputs, final = run_both_ways(kernels, inputs, forward.check_mask(mask, inputs), (prepared[0], prepared[1]))
    else:
        weights = (forward.sequence_weights(), backward.sequence_weights())
        outputs, final = lstm_fused_both_ways(inputs, (LSTMState(*states[0]), LSTMState(*states[1])), weights)
    if forward.return_sequences:
        there, back = split(outputs)
        if backward.activity_regularizer is not None:
            back = back.flip(1)  # a regularizer of the half's own sees the outputs in the order of processing
    else:
        there, back = split(outputs) if kernels is not None else (final[0][0], final[1][0])
        outputs = torch.cat((there, back), dim=-1) if kernels is None else outputs
    delivered = (forward.deliver(there, final[0]), backward.deliver(back, final[1]))
    if not forward.return_state:
        return outputs, ()
    return outputs, tuple(state for _, *states in delivered for state in states)


def split(outputs: Tensor) -> tuple[Tensor, Tensor]:
    """The forward and the backward half of outputs side by side: views."""
    units = outputs.shape[-1] // 2
    return outputs[..., :units], outputs[..., units:]


def lay_out_for_cudnn(halves: Halves) -> None:
    """Lay the weights of both halves out in the one buffer that cuDNN reads in a call of both.

    Then they are no longer in the buffers of each half's own: where such halves run apart after all, for a mask, cuDNN
    copies them together. So halves with dropout, which run apart in every step of training, keep theirs.
    """
    if type(halves[0]) is LSTM and _why_no_pair(halves) is None and all(half.built for half in halves):
        forward, backward = _as_lstms(halves)
        if not any(_runs_apart_in_training(half) for half in (forward, backward)):
            flatten_for_cudnn((*forward.sequence_weights(), *backward.sequence_weights()), directions=2)


def _why_no_pair(halves: Halves) -> str | None:
    """What keeps every call from being one."""
    for half in halves:
        if type(half) not in _CLASSES:  # a subclass may compute anything, and a parametrization makes one
            return f"`{half.name}` is of the class {type(half).__name__}, not {_NAMES} itself"
    forward, backward = halves
    if type(forward) is not type(backward):
        return "the halves are of two classes"
    if forward.go_backwards:
        return f"`{forward.name}` is the one that runs backwards"
    for attribute in ("units", "use_bias", "dtype", "device"):
        if getattr(forward, attribute) != getattr(backward, attribute):
            return f"the halves differ in `{attribute}`"
    return None


def _as_cells(halves: Halves) -> tuple[CellLayer, CellLayer]:
    forward, backward = halves
    assert isinstance(forward, CellLayer)
    assert isinstance(backward, CellLayer)
    return forward, backward


def _as_lstms(halves: Halves) -> tuple[LSTM, LSTM]:
    forward, backward = halves
    assert isinstance(forward, LSTM)
    assert isinstance(backward, LSTM)
    return forward, backward


def _runs_apart_in_training(half: LSTM) -> bool:
    return half.use_cudnn is False or half.why_not_fused(True) is not None or half.dropout_counts(True)[0] > 0


def _share_a_buffer(forward: LSTM, backward: LSTM) -> bool:
    weights = [weight for weight in (*forward.sequence_weights(), *backward.sequence_weights()) if weight is not None]
    return len({weight.untyped_storage().data_ptr() for weight in weights}) == 1
