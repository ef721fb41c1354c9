"""Which activations the kernels for GPUs compute, by name; this knows of Triton nothing."""

import torch
import torch.nn.functional as F

from torch_keras_lstm import activations
from torch_keras_lstm.recurrence.options import Activation

_NAMED: tuple[Activation, ...] = (
    activations.elu,
    activations.exponential,
    activations.gelu,
    activations.hard_sigmoid,
    activations.hard_sigmoid_keras2,
    activations.hard_tanh,
    activations.leaky_relu,
    activations.linear,
    activations.relu,
    activations.relu6,
    activations.selu,
    activations.sigmoid,
    activations.silu,
    activations.softplus,
    activations.softsign,
    activations.tanh,
)
_TORCHS: tuple[tuple[Activation, str], ...] = (
    (torch.tanh, "tanh"),
    (torch.sigmoid, "sigmoid"),
    (torch.relu, "relu"),
    (F.relu, "relu"),
)
_KNOWN = (*((function, function.__name__) for function in _NAMED), *_TORCHS)

# The names that `kernel_name` gives.
KERNEL_NAMES = tuple(function.__name__ for function in _NAMED)


def kernel_name(activation: Activation) -> str | None:
    """What the kernels call ``activation``; ``None`` for a function that they do not have."""
    return next((name for known, name in _KNOWN if known is activation), None)
