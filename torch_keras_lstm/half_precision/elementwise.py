"""Functions of single numbers: TensorFlow writes them as several operations, and rounds after each.

``sigmoid`` is ``exp(x) / (1 + exp(x))``, rounded three times; each operation alone is float32, rounded once.
"""

import math

import torch
from torch import Tensor

from torch_keras_lstm.half_precision.rule import Rule, constant

# Eigen's, whose float16 is finer than it is.
_EPSILON = {torch.float16: 2.0**-13, torch.bfloat16: 2.0**-7}
_LANES = 8  # how many numbers Eigen computes at a time
_SELU_SCALE = 1.0507009873554804934193349852946
_SELU_SCALE_ALPHA = 1.7580993408473768599402175208123


def _sigmoid(x: Tensor) -> Tensor:
    exponential = torch.exp(x)
    return torch.where(exponential.isinf(), 1.0, exponential / (1 + exponential))


def _softplus(x: Tensor) -> Tensor:
    threshold = constant(constant(math.log(_EPSILON[x.dtype]), x.dtype) + 2, x.dtype)
    exponential = torch.exp(x)
    return torch.where(x > -threshold, x, torch.where(x < threshold, exponential, torch.log1p(exponential)))


def _selu(x: Tensor) -> Tensor:
    scale, scale_alpha = (constant(one, x.dtype) for one in (_SELU_SCALE, _SELU_SCALE_ALPHA))
    return torch.where(x < 0, scale_alpha * (torch.exp(x) - 1), scale * x)


def _selu_gradient(dy: Tensor, x: Tensor, y: Tensor) -> Tensor:
    scale, scale_alpha = (constant(one, x.dtype) for one in (_SELU_SCALE, _SELU_SCALE_ALPHA))
    return torch.where(y < 0, dy * (y + scale_alpha), dy * scale)


def _sigmoid_gradient(dy: Tensor, x: Tensor, y: Tensor) -> Tensor:
    together = torch.arange(y.numel(), device=y.device).reshape(y.shape) < y.numel() // _LANES * _LANES
    return torch.where(together, dy * (y * (1 - y)), dy * y * (1 - y))


SIGMOID = Rule(_sigmoid, _sigmoid_gradient)
TANH = Rule(torch.tanh, lambda dy, x, y: dy * (1 - y * y))
ERFC = Rule(torch.erfc, lambda dy, x, y: dy * constant(-2 / math.sqrt(math.pi), x.dtype) * torch.exp(-(x * x)))
SOFTPLUS = Rule(_softplus, lambda dy, x, y: dy * _sigmoid(x))
SOFTSIGN = Rule(lambda x: x / (1 + x.abs()), lambda dy, x, y: dy / (x.abs() + 1).square())
ELU = Rule(
    lambda x: torch.where(x < 0, torch.exp(x) - 1, x),
    lambda dy, x, y: torch.where(y < 0, dy * (y + 1), dy),
)
SELU = Rule(_selu, _selu_gradient)


def _silu_gradient(dy: Tensor, x: Tensor, y: Tensor) -> Tensor:
    sigmoid = SIGMOID(x)
    return dy * (sigmoid * (1 + x * (1 - sigmoid)))


SILU = Rule(lambda x: x * _sigmoid(x), _silu_gradient)


def _rsqrt(x: Tensor) -> Tensor:
    # Eight at a time are rounded once, those that are left over twice.
    flat = x.flatten()
    whole = flat.numel() // _LANES * _LANES
    found = torch.cat((torch.rsqrt(flat[:whole].float()).to(x.dtype), 1 / torch.sqrt(flat[whole:])))
    return found.reshape(x.shape)


RSQRT = Rule(_rsqrt, lambda dy, x, y: dy * (-0.5 * y * (y * y)))
