"""The types that operations in a graph name and take."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

# What an operation takes for a tensor: itself, a number, or nested lists of numbers.
ArrayLike = Tensor | Sequence[Any] | float

_DTYPES = {
    "bool": torch.bool,
    "uint8": torch.uint8,
    "int8": torch.int8,
    "int16": torch.int16,
    "int32": torch.int32,
    "int64": torch.int64,
    "float16": torch.float16,
    "bfloat16": torch.bfloat16,
    "float32": torch.float32,
    "float64": torch.float64,
}


def as_dtype(dtype: Any) -> torch.dtype:
    """The torch type of a name such as "int32", or itself.

    Raises:
        ValueError: when torch has no such type or the value is no name.
    """
    if isinstance(dtype, torch.dtype):
        return dtype
    if not isinstance(dtype, str) or dtype not in _DTYPES:
        raise ValueError(f"`dtype` must be one of {', '.join(_DTYPES)}, got {dtype!r}.")
    return _DTYPES[dtype]


def as_floating(x: Tensor) -> Tensor:
    """``x``, integers and booleans in torch's default floating type, as Keras takes them in means and roots."""
    return x if x.is_floating_point() else x.to(torch.get_default_dtype())
