"""Data as users have them, as tensors: NumPy arrays, tensors, pandas tables, Python lists of numbers or of strings."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from torch_keras_lstm.strings import as_strings, is_strings
from torch_keras_lstm.structure import flatten, like, map_structure


def as_arrays(value: Any) -> Any:
    """``value`` with each Python list of numbers in it as one array.

    A list that has arrays in it is the list of several inputs; any other list is itself the data.
    """
    if isinstance(value, Mapping):
        return {name: as_arrays(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        if any(_is_array(leaf) for leaf in flatten(value)):
            return like(value, [as_arrays(item) for item in value])
        return _numbers(value)
    return value


def is_array_data(value: Any) -> bool:
    """Whether every leaf of ``value``, which comes from :func:`as_arrays`, is an array or ``None``."""
    return all(leaf is None or _is_array(leaf) for leaf in flatten(value))


def to_tensors(value: Any, dtype: torch.dtype, may_be_strings: bool = False) -> Any:
    """``value`` with each leaf as a tensor on the device where it is; floating-point numbers become ``dtype``.

    Raises:
        ValueError: when a leaf has no numbers in it, nor strings where they may be.
    """
    return map_structure(lambda leaf: _to_tensor(leaf, dtype, may_be_strings), value)


def move(value: Any, device: torch.device) -> Any:
    """``value`` with each tensor on ``device``."""
    return map_structure(lambda leaf: leaf.to(device, non_blocking=True), value)


def _is_array(value: object) -> bool:
    return isinstance(value, Tensor) or (hasattr(value, "__array__") and hasattr(value, "shape"))


def _numbers(value: Any) -> Any:
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise ValueError(
            f"A list of data must be of numbers and of one length along each axis: {error}. Lists of different lengths "
            "become one array by `torch_keras_lstm.utils.pad_sequences`."
        ) from None
    return array


def _to_tensor(leaf: Any, dtype: torch.dtype, may_be_strings: bool) -> Any:
    if may_be_strings and is_strings(leaf):
        return as_strings(leaf)
    tensor: Tensor = leaf if isinstance(leaf, Tensor) else _from_array(np.asarray(leaf))
    return tensor.to(dtype) if tensor.is_floating_point() else tensor


def _from_array(array: np.ndarray[Any, Any]) -> Tensor:
    if array.dtype.kind not in "biuf":
        raise ValueError(
            f"Data must be numbers, got an array of dtype {array.dtype}: turn text into indices and missing values "
            "into numbers first."
        )
    return torch.from_numpy(np.ascontiguousarray(array) if array.flags.writeable else array.copy())
