"""Which of the two paths a run takes, and why."""

from typing import Literal, NamedTuple

import torch
from torch import Tensor

from torch_keras_lstm import activations
from torch_keras_lstm.recurrence.fused import lstm_fused
from torch_keras_lstm.recurrence.loop import lstm_loop
from torch_keras_lstm.recurrence.options import Activation, LSTMOptions, LSTMWeights
from torch_keras_lstm.recurrence.state import LSTMState

UseCudnn = bool | Literal["auto"]

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


def choose(reason: str | None, use_cudnn: UseCudnn) -> Path:
    """The path, given what :func:`why_not_fused` says.

    Args:
        use_cudnn: Keras' argument: 'auto' takes the fused path whenever it can, ``False`` never, ``True`` insists.

    Raises:
        ValueError: when ``use_cudnn`` is ``True`` and the fused path is not possible.
    """
    if use_cudnn is False:
        return Path("loop", "`use_cudnn` is False")
    if reason is None:
        return Path("fused", None)
    if use_cudnn is True:
        raise ValueError(f"`use_cudnn` is True, but {reason}. Pass use_cudnn='auto' to run step by step.")
    return Path("loop", reason)


def run_lstm(
    inputs: Tensor, state: LSTMState, weights: LSTMWeights, mask: Tensor | None, options: LSTMOptions, path: Path
) -> tuple[Tensor, LSTMState | None]:
    """Run the sequence on ``path``; arguments and result as :func:`lstm_fused`."""
    return (lstm_fused if path.name == "fused" else lstm_loop)(inputs, state, weights, mask, options)
