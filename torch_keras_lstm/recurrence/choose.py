"""Which of the two paths a run takes, and why."""

from dataclasses import replace
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from torch_keras_lstm import activations
from torch_keras_lstm.recurrence.compiled import why_not_compiled
from torch_keras_lstm.recurrence.onnx import has_operator, lstm_onnx
from torch_keras_lstm.recurrence.operator import PATHS, can_be_one_node, lstm_as_one_node
from torch_keras_lstm.recurrence.options import Activation, LSTMOptions, LSTMWeights
from torch_keras_lstm.recurrence.state import LSTMState

UseCudnn = bool | Literal["auto"]

_WIDE = 320  # units

_TANH = (activations.tanh, torch.tanh)
_SIGMOID = (activations.sigmoid, torch.sigmoid)


class Path(NamedTuple):
    """A path through the recurrence.

    Attributes:
        name: "fused" (torch.nn.LSTM's kernels) or "loop" (step by step); of two that run both ways "together" (one call
            of those kernels) or "apart" (each on the path of its own).
        reason: why it is not the first of the two; ``None`` when it is.
    """

    name: Literal["fused", "loop", "together", "apart"]
    reason: str | None


def why_not_fused(
    activation: Activation, recurrent_activation: Activation, *, input_dropout: int = 0, recurrent_dropout: int = 0
) -> str | None:
    """What keeps a configuration from the fused kernels; ``None`` when nothing does. Masks never do.

    Args:
        activation, recurrent_activation: as in :class:`LSTMOptions`.
        input_dropout: how many dropout masks the inputs get in this call: none, one, or one a gate.
        recurrent_dropout: how many the hidden state gets.
    """
    if activation not in _TANH:
        return f"the fused kernels compute `activation` 'tanh' only, not {activations.serialize(activation)!r}"
    if recurrent_activation not in _SIGMOID:
        name = activations.serialize(recurrent_activation)
        return f"the fused kernels compute `recurrent_activation` 'sigmoid' only, not {name!r}"
    if recurrent_dropout:
        return "the fused kernels have no `recurrent_dropout`"
    if input_dropout > 1:
        return "the fused kernels have no `dropout` of each gate's own (`implementation=1`)"
    return None


def why_loop_is_faster(
    like: Tensor,
    activation: Activation,
    recurrent_activation: Activation,
    units: int,
    *,
    masked: bool = False,
    one_step: bool = False,
) -> str | None:
    """Why the loop takes less time than the fused kernels, as the end of a sentence; ``None`` when it does not.

    Measured: with two threads the compiled sweeps take 0.4 to 0.95 of the time of oneDNN's kernels, with one 0.4 to
    1.07 (docs/performance.md). Two things are quicker without: a single step that autograd records, and inference with
    so many units that nothing but the matrix product counts, in which oneDNN's is ahead by a twentieth to a tenth.

    Args:
        like: a tensor of the device and the type of the run.
        masked: whether there is a mask, which they only know how to work around.
        one_step: whether there is one step.
    """
    if not masked and (one_step if torch.is_grad_enabled() else units > _WIDE):
        return None
    if like.device.type != "cpu":
        return None
    if why_not_compiled(like.device, like.dtype, activation, recurrent_activation) is not None:
        return None
    return "on a CPU the compiled sweeps of the loop take less time"


def choose(reason: str | None, use_cudnn: UseCudnn, faster: str | None = None) -> Path:
    """The path, given what :func:`why_not_fused` says.

    Args:
        use_cudnn: Keras' argument: 'auto' takes the fused path where it can and nothing is faster, ``False`` never,
            ``True`` insists.
        faster: why the loop takes less time, as :func:`why_loop_is_faster` says; ``None`` when it does not.

    Raises:
        ValueError: when ``use_cudnn`` is ``True`` and the fused path is not possible.
    """
    if use_cudnn is False:
        return Path("loop", "`use_cudnn` is False")
    if reason is None and use_cudnn is not True and _is_transformed():
        return Path("loop", "a transform of torch.func is active")
    if reason is None:
        return Path("fused", None) if use_cudnn is True or faster is None else Path("loop", faster)
    if use_cudnn is True:
        raise ValueError(f"`use_cudnn` is True, but {reason}. Pass use_cudnn='auto' to run step by step.")
    return Path("loop", reason)


def _is_transformed() -> bool:
    """Whether the call is one of ``vmap``, ``grad`` and their like, which know no rule for the fused kernels."""
    return not torch.compiler.is_compiling() and torch._C._are_functorch_transforms_active()


def run_lstm(
    inputs: Tensor, state: LSTMState, weights: LSTMWeights, mask: Tensor | None, options: LSTMOptions, path: Path
) -> tuple[Tensor, LSTMState | None]:
    """Run the sequence on ``path``; arguments and result as :func:`torch_keras_lstm.recurrence.fused.lstm_fused`.

    While ``torch.compile`` or ``torch.export`` trace the call the run becomes one node of their graph, and while
    ``torch.onnx.export`` does, ONNX's own operator.
    """
    casts = torch.amp.is_autocast_available(inputs.device.type) and torch.is_autocast_enabled(inputs.device.type)
    if casts and inputs.dtype is not torch.float64:
        return _run_under_autocast(inputs, state, weights, mask, options, path)
    if torch.compiler.is_compiling():
        if torch.onnx.is_in_onnx_export():
            if has_operator(options):
                return lstm_onnx(inputs, state, weights, mask, options)
        elif can_be_one_node(options):
            return lstm_as_one_node(inputs, state, weights, mask, options, path.name)
    return PATHS[path.name](inputs, state, weights, mask, options)


def _run_under_autocast(
    inputs: Tensor, state: LSTMState, weights: LSTMWeights, mask: Tensor | None, options: LSTMOptions, path: Path
) -> tuple[Tensor, LSTMState | None]:
    """As :func:`run_lstm`, with the hidden state and the output in autocast's type.

    A cell state in bfloat16 or float16 stops growing as soon as what a step adds is less than the last of its few
    digits, so on a CPU the steps run in float32, and the cell state stays that. cuDNN's kernels have one type for all.
    """
    device = inputs.device.type
    low = torch.get_autocast_dtype(device)
    inside = torch.float32 if device == "cpu" else low
    weight_ih, weight_hh, *biases = (None if tensor is None else tensor.to(inside) for tensor in weights)
    assert weight_ih is not None
    assert weight_hh is not None
    options = replace(
        options,
        input_dropout=None if options.input_dropout is None else options.input_dropout.to(inside),
        recurrent_dropout=None if options.recurrent_dropout is None else options.recurrent_dropout.to(inside),
    )
    state = LSTMState(*(tensor.to(inside) for tensor in state))
    with torch.autocast(device, enabled=False):
        weights = LSTMWeights(weight_ih, weight_hh, *biases)
        output, final = run_lstm(inputs.to(inside), state, weights, mask, options, path)
    return output.to(low), None if final is None else LSTMState(final.hidden.to(low), final.cell)
