"""What a layer's ``dtype`` argument may be, and how it is written into a configuration."""

from collections.abc import Mapping
from typing import Any

import torch

_FLOATING = {
    "float16": torch.float16,
    "bfloat16": torch.bfloat16,
    "float32": torch.float32,
    "float64": torch.float64,
}


def get(dtype: object) -> torch.dtype:
    """The floating-point type that a Keras layer configuration means.

    Args:
        dtype: a name ("float32"), a ``torch.dtype``, Keras' policy dictionary (``{"class_name": "DTypePolicy", ...}``),
            or ``None`` for torch's default type.

    Raises:
        ValueError: for anything else; for mixed precision, which is ``torch.autocast``'s business here.
    """
    if dtype is None:
        return torch.get_default_dtype()
    if isinstance(dtype, Mapping):
        config: Any = dtype.get("config")
        dtype = config.get("name") if isinstance(config, Mapping) else None
    if isinstance(dtype, torch.dtype) and dtype in _FLOATING.values():
        return dtype
    if isinstance(dtype, str) and dtype in _FLOATING:
        return _FLOATING[dtype]
    if isinstance(dtype, str) and dtype.startswith("mixed_"):
        raise ValueError(
            f"`dtype` {dtype!r} is a mixed-precision policy: build the layer with dtype='float32' and call it under "
            f"`torch.autocast(device_type, dtype=torch.{dtype.removeprefix('mixed_')})`."
        )
    raise ValueError(f"`dtype` must be one of {', '.join(_FLOATING)} or the torch.dtype of that name, got {dtype!r}.")


def name(dtype: torch.dtype) -> str:
    """``torch.float32`` -> ``"float32"``."""
    return str(dtype).removeprefix("torch.")
