"""What a layer's ``dtype`` argument may be, and how it is written into a configuration."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

_FLOATING = {
    "float16": torch.float16,
    "bfloat16": torch.bfloat16,
    "float32": torch.float32,
    "float64": torch.float64,
}

_OTHER = {
    "bool": torch.bool,
    "uint8": torch.uint8,
    "uint16": torch.uint16,
    "uint32": torch.uint32,
    "uint64": torch.uint64,
    "int8": torch.int8,
    "int16": torch.int16,
    "int32": torch.int32,
    "int64": torch.int64,
    "complex64": torch.complex64,
    "complex128": torch.complex128,
}


class DTypeName(str):
    """The name of a type, which Keras has wherever a layer is asked for one; equal to torch's type of that name too."""

    __slots__ = ()

    @property
    def torch(self) -> torch.dtype:
        """torch's type of that name."""
        return any_type(str(self))

    @property
    def name(self) -> str:
        """The name, as a dtype policy of Keras' has it."""
        return str(self)

    @property
    def variable_dtype(self) -> "DTypeName":
        """The type of weights, as a dtype policy of Keras' has it."""
        return self

    @property
    def compute_dtype(self) -> "DTypeName":
        """The type of computations, as a dtype policy of Keras' has it."""
        return self

    def __eq__(self, other: object) -> bool:
        return str.__eq__(self, name(other) if isinstance(other, torch.dtype) else other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = str.__hash__


def any_type(dtype: object) -> torch.dtype:
    """The type of a weight: floating-point, integer or boolean, by Keras' name, NumPy's or torch's type.

    Raises:
        ValueError: for anything else.
    """
    if isinstance(dtype, torch.dtype):
        return dtype
    known = {**_FLOATING, **_OTHER}
    if isinstance(dtype, str):
        found = known.get(str(dtype))
    else:
        python = {float: torch.get_default_dtype(), int: torch.int32, bool: torch.bool}
        found = python.get(dtype) if isinstance(dtype, type) and dtype in python else known.get(_numpy_name(dtype))
    if found is None:
        raise ValueError(f"`dtype` must be one of {', '.join(known)} or the torch.dtype of that name, got {dtype!r}.")
    return found


def _numpy_name(dtype: Any) -> str:
    try:
        return str(np.dtype(dtype).name)
    except TypeError:
        return ""


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
    if isinstance(dtype, str) and str(dtype) in _FLOATING:
        return _FLOATING[str(dtype)]
    if isinstance(dtype, str) and dtype in ("mixed_float16", "mixed_bfloat16"):
        raise ValueError(
            f"`dtype` {dtype!r} is a mixed-precision policy, where one type is wanted: give it to a layer, or to "
            "`mixed_precision.set_dtype_policy`."
        )
    raise ValueError(f"`dtype` must be one of {', '.join(_FLOATING)} or the torch.dtype of that name, got {dtype!r}.")


def name(dtype: torch.dtype) -> str:
    """``torch.float32`` -> ``"float32"``."""
    return str(dtype).removeprefix("torch.")
