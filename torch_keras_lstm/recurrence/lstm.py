"""An LSTM over a sequence, as a layer calls it: autocast, the graphs that are traced, and the choice of a backend."""

import functools
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from torch_keras_lstm import torch_internals
from torch_keras_lstm.recurrence.backends.base import Request, UseCudnn
from torch_keras_lstm.recurrence.backends.torch_kernels import LSTM_KERNELS, lstm_fused, why_not_fused
from torch_keras_lstm.recurrence.dispatch import LSTM_BACKENDS, select
from torch_keras_lstm.recurrence.graph_operator import can_be_one_node, lstm_as_one_node
from torch_keras_lstm.recurrence.lowering import lowering
from torch_keras_lstm.recurrence.onnx import has_lstm_operator, lstm_onnx
from torch_keras_lstm.recurrence.options import LSTMWeights, SequenceOptions
from torch_keras_lstm.recurrence.reference import lstm_reference
from torch_keras_lstm.recurrence.state import LSTMState


def run_lstm(
    inputs: Tensor,
    state: LSTMState,
    weights: LSTMWeights,
    mask: Tensor | None,
    options: SequenceOptions,
    use_cudnn: UseCudnn = "auto",
) -> tuple[Tensor, LSTMState | None]:
    """Run the sequence on the first backend that can.

    While ``torch.compile`` or ``torch.export`` trace the call the run becomes one node of their graph, and while
    ``torch.onnx.export`` does, ONNX's own operator.

    Args:
        inputs: (batch, time, features), time at least 1.
        state: hidden and cell state before the first step, (batch, units) each.
        weights: in torch's layout.
        mask: (batch, time), boolean, ``False`` where a step is to be skipped, in any pattern; ``None`` for no mask.
        options: what is the same at every step.
        use_cudnn: Keras' argument: 'auto' takes torch's kernels where nothing is faster, ``False`` never, ``True``
            insists.

    Returns:
        The outputs, (batch, time, units) in the order of processing, or the last one, (batch, units), without
        ``options.return_sequences``; and the final state, ``None`` without ``options.return_state``.

    Raises:
        ValueError: when ``use_cudnn`` is ``True`` and torch's kernels cannot run it.
    """
    inside = autocast_dtype(inputs.device.type, inputs.dtype)
    if inside is not None:
        return _run_under_autocast(inside, inputs, state, weights, mask, options, use_cudnn)
    request = Request.of(inputs, state, weights, mask, options, use_cudnn)
    if torch.compiler.is_compiling() or torch_internals.is_jit_traced():
        plain = lowering()
        if torch.onnx.is_in_onnx_export() and has_lstm_operator(options, inputs.dtype, mask is not None):
            return lstm_onnx(inputs, state, weights, mask, options)
        if plain is not None and (torch.compiler.is_compiling() or not plain.loops):
            as_kernel = "lstm" in plain.kernels and why_not_fused(request) is None
            return (lstm_fused if as_kernel else lstm_reference)(inputs, state, weights, mask, options)
        if torch.compiler.is_compiling() and can_be_one_node(options):
            path = "fused" if select(LSTM_BACKENDS, request.as_one_node()) is LSTM_KERNELS else "loop"
            return lstm_as_one_node(inputs, state, weights, mask, options, path)
    output, final = select(LSTM_BACKENDS, request).run(inputs, state, weights, mask, options)
    return output, final


def autocast_dtype(device: str, dtype: torch.dtype) -> torch.dtype | None:
    """The type that autocast has the steps of a run of ``dtype`` computed in; ``None`` where it has nothing to say.

    A cell state in bfloat16 or float16 stops growing as soon as what a step adds is less than the last of its few
    digits, so on a CPU the steps run in float32, and the cell state stays that. cuDNN's kernels have one type for all.
    """
    if dtype is torch.float64 or not torch.amp.is_autocast_available(device) or not torch.is_autocast_enabled(device):
        return None
    return torch.float32 if device == "cpu" else torch.get_autocast_dtype(device)


def _run_under_autocast(
    inside: torch.dtype,
    inputs: Tensor,
    state: LSTMState,
    weights: LSTMWeights,
    mask: Tensor | None,
    options: SequenceOptions,
    use_cudnn: UseCudnn,
) -> tuple[Tensor, LSTMState | None]:
    """As :func:`run_lstm`, computed in ``inside``, with the hidden state and the output in autocast's type."""
    device = inputs.device.type
    low, cast = torch.get_autocast_dtype(device), functools.partial(cast_unless_none, dtype=inside)
    options = replace(
        options, input_dropout=cast(options.input_dropout), recurrent_dropout=cast(options.recurrent_dropout)
    )
    state, weights = LSTMState(*map(cast, state)), type(weights)(*map(cast, weights))
    with torch.autocast(device, enabled=False):
        output, final = run_lstm(inputs.to(inside), state, weights, mask, options, use_cudnn)
    return output.to(low), None if final is None else LSTMState(final.hidden.to(low), final.cell)


def cast_unless_none(tensor: Any, dtype: torch.dtype) -> Any:
    """``tensor`` in ``dtype``."""
    return None if tensor is None else tensor.to(dtype)
