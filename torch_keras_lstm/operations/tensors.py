"""What an operation takes for a tensor, and the type that several of them share: Keras' rules of promotion.

An array has a type of its own, and so have lists: int32 of Python's integers, the default floating type of its
floats. A single Python number has none where there is a tensor beside it: it takes the tensor's, or of an integer
tensor and a float the default floating type.
"""

from collections.abc import Iterable
from functools import reduce
from typing import Any

import numpy as np
import torch
from torch import Tensor

_NUMBERS = (bool, int, float, complex)


def is_number(value: object) -> bool:
    """Whether ``value`` is a number of Python's own, which has no type where there are tensors."""
    return type(value) in _NUMBERS


def as_tensor(value: Any, dtype: torch.dtype | None = None, device: torch.device | None = None) -> Tensor:
    """``value`` as a tensor, of ``dtype`` if that is given: a tensor, an array, a number or nested lists of them."""
    if isinstance(value, Tensor):
        if type(value) is not Tensor and hasattr(value, "_row"):  # a view of a layer's weight, as that is now
            view: Any = value
            value = view.value
        tensor: Tensor = value
        return tensor if dtype is None or tensor.dtype is dtype else tensor.to(dtype)
    if isinstance(value, np.ndarray | np.generic):
        tensor = torch.as_tensor(np.ascontiguousarray(value).reshape(value.shape), device=device)
        return tensor if dtype is None else tensor.to(dtype)
    if isinstance(value, list | tuple) and any(isinstance(leaf, Tensor | np.ndarray) for leaf in _leaves(value)):
        items = promoted(*(item if is_number(item) else as_tensor(item) for item in value))
        stacked = torch.stack(items)
        return stacked if dtype is None else stacked.to(dtype)
    if dtype is not None:
        return torch.as_tensor(value, dtype=dtype, device=device)
    tensor = torch.as_tensor(value, device=device)
    whole = tensor.dtype is torch.int64 and not isinstance(value, Tensor) and _fits_32_bits(tensor)
    return tensor.to(torch.int32) if whole else tensor


def _fits_32_bits(tensor: Tensor) -> bool:
    return tensor.numel() == 0 or tensor.is_meta or bool((tensor.abs() < 2**31).all())


def _leaves(value: Any) -> Iterable[Any]:
    for item in value:
        if isinstance(item, list | tuple):
            yield from _leaves(item)
        else:
            yield item


def result_type(*values: Any) -> torch.dtype:
    """The type that tensors, types, and the types ``int`` and ``float`` of numbers without one, come to together."""
    strong = [value.dtype if isinstance(value, Tensor) else value for value in values if not isinstance(value, type)]
    weak = [value for value in values if isinstance(value, type)]
    whole = reduce(torch.promote_types, strong) if strong else None
    if complex in weak and (whole is None or not whole.is_complex):
        return torch.complex128 if whole is torch.float64 else torch.complex64
    if float in weak and (whole is None or not (whole.is_floating_point or whole.is_complex)):
        return torch.get_default_dtype()
    if int in weak and (whole is None or whole is torch.bool):
        return torch.int32
    return torch.bool if whole is None else whole


def promoted(*values: Any, least: type | None = None) -> list[Tensor]:
    """The values as tensors of one type on one device.

    Args:
        least: ``float`` where integers become floating-point numbers.
    """
    device = next((value.device for value in values if isinstance(value, Tensor)), None)
    known = [type(value) if is_number(value) else as_tensor(value, device=device) for value in values]
    dtype = result_type(*known, *([] if least is None else [least]))
    return [
        as_tensor(value if isinstance(one, type) else one, dtype, device)
        for value, one in zip(values, known, strict=True)
    ]


def floating(value: Any) -> Tensor:
    """``value`` as a tensor of floating-point numbers, integers in the default type."""
    tensor = as_tensor(value)
    if tensor.is_floating_point() or tensor.is_complex():
        return tensor
    return tensor.to(torch.get_default_dtype())
