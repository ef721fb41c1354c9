"""The product of few rows with a kernel, in C where torch's matrix product would take most of its time to begin."""

from math import prod

import torch
from torch import Tensor, nn

from torch_keras_lstm import torch_internals
from torch_keras_lstm.layers.variable import TrainedVariable
from torch_keras_lstm.recurrence.backends.c_kernels import C_KERNELS
from torch_keras_lstm.recurrence.backends.c_runs import compiled_module

MOST_WORK = 2**16  # multiplications; with more of them torch's product has caught up
_TYPES = (torch.float32, torch.float64)
_LINEAR = 0  # the first of the kernels' activations


def fits_in_c(rows: int, features: int, units: int) -> bool:
    """Whether C takes a product of these sizes, where nobody records or watches it."""
    return 0 < rows * features * units <= MOST_WORK and C_KERNELS.off is None


def product(inputs: Tensor, weight: nn.Parameter, bias: nn.Parameter | None) -> Tensor | None:
    """``inputs @ weight.T + bias`` for inference of few rows; ``None`` where that is not for C.

    Args:
        inputs: (..., features)
        weight: (units, features)
        bias: (units,)
    """
    if torch.is_grad_enabled() or torch.compiler.is_compiling() or torch_internals.calls_are_watched():
        return None  # before a size is looked at, which a trace would note
    if type(inputs) is not Tensor:
        return None
    *outer, features = inputs.shape
    units, dtype = weight.shape[0], inputs.dtype
    if (
        not fits_in_c(prod(outer), features, units)
        or dtype not in _TYPES
        or not all(has_memory(one, dtype) for one in (weight, bias) if one is not None)
        or not inputs.is_cpu
        or not inputs.is_contiguous()
        or inputs.is_neg()
        or torch.is_autocast_enabled("cpu")
    ):
        return None
    outputs = inputs.new_empty(*outer, units)
    compiled_module.dense(
        C_KERNELS.kernel,
        dtype is torch.float64,
        prod(outer),
        features,
        units,
        _LINEAR,
        inputs.data_ptr(),
        weight.data_ptr(),
        0 if bias is None else bias.data_ptr(),
        outputs.data_ptr(),
    )
    return outputs


def has_memory(weight: Tensor, dtype: torch.dtype) -> bool:
    """Whether C can read a parameter of that type by its address, in one piece; another subclass may have none."""
    kinds = (nn.Parameter, TrainedVariable)
    return type(weight) in kinds and weight.dtype is dtype and weight.is_cpu and weight.is_contiguous()
