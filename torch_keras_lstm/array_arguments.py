"""Numbers as users of Keras have them, where a tensor is wanted: arrays, lists, Python's numbers, variables."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

#: what :func:`as_tensor` makes a tensor of
ArrayLike = Tensor | npt.ArrayLike
Function = TypeVar("Function", bound=Callable[..., Tensor])


def dtype_of(dtype: Any) -> torch.dtype:
    """The type that ``dtype`` means: itself, its name, or NumPy's or Python's type; ``None`` is torch's default.

    A mixed-precision policy means the type that it computes in.

    Raises:
        ValueError: when torch has no such type.
    """
    dtype = getattr(dtype, "compute_dtype", dtype)
    if dtype in (None, float, "float"):
        return torch.get_default_dtype()
    if isinstance(dtype, torch.dtype):
        return dtype
    if not isinstance(dtype, str):
        dtype = {bool: "bool", int: "int32", float: dtype_name(torch.get_default_dtype())}.get(dtype) or _numpy_name(
            dtype
        )
    found = getattr(torch, "int32" if dtype == "int" else dtype, None)
    if not isinstance(found, torch.dtype):
        raise ValueError(f"`dtype` must be the name of a type of numbers, such as 'float32', got {dtype!r}.")
    return found


def dtype_name(dtype: torch.dtype) -> str:
    """``torch.float32`` -> ``"float32"``."""
    return str(dtype).removeprefix("torch.")


def _numpy_name(dtype: Any) -> str:
    try:
        return str(np.dtype(dtype).name)
    except TypeError:
        return repr(dtype)


def as_tensor(numbers: Any, dtype: torch.dtype | None = None, device: torch.device | None = None) -> Tensor:
    """``numbers`` as a tensor; a tensor itself as it is, and of a variable the tensor in it, as it is now.

    Args:
        numbers: a tensor, an array, or Python's numbers in lists.
        dtype: ``None`` leaves an array its type, and makes Python's floats torch's default type and whole numbers
            int32, as Keras does.
        device: ``None`` leaves it where it is.

    Raises:
        TypeError: when there are no numbers, as in a symbolic tensor.
    """
    if isinstance(numbers, Tensor):
        if type(numbers) is not Tensor and hasattr(numbers, "_row"):  # a view of a layer's weight, as that is now
            numbers = cast(Any, numbers).value
        if (dtype is None or numbers.dtype is dtype) and (device is None or numbers.device == device):
            return cast(Tensor, numbers)
        moved: Tensor = numbers.to(device, dtype)
        return moved
    tensor = getattr(numbers, "value", None)
    if not isinstance(tensor, Tensor):
        tensor = _from_numbers(numbers, dtype)
    return tensor if dtype is None and device is None else tensor.to(device, dtype)


def _from_numbers(numbers: Any, dtype: torch.dtype | None) -> Tensor:
    if isinstance(numbers, list | tuple) and any(isinstance(one, Tensor) for one in numbers):
        return torch.stack([as_tensor(one) for one in numbers])
    array = np.asarray(numbers)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"expected numbers, got {type(numbers).__name__}: {numbers!r:.100}")
    # torch warns of an array that cannot be written to, and refuses one that is read backwards
    copied = not array.flags.writeable or any(stride < 0 for stride in array.strides)
    tensor = torch.from_numpy(array.copy() if copied else array) if array.ndim else torch.tensor(array[()])
    if dtype is not None or hasattr(numbers, "dtype"):
        return tensor
    if tensor.is_floating_point():
        return tensor.to(torch.get_default_dtype())
    return tensor.to(torch.int32) if array.dtype == np.int64 and _fits_int32(array) else tensor


def _fits_int32(array: np.ndarray[Any, Any]) -> bool:
    return not array.size or bool(array.min() >= -(2**31) and array.max() < 2**31)


def in_floatx(numbers: Any, dtype: torch.dtype | None = None, like: Any = None) -> Tensor:
    """``numbers`` as a tensor of the type that losses and metrics are computed in.

    That is ``dtype``, or torch's default type as Keras takes ``floatx``; but a tensor of double precision stays what it
    is, for it comes from a model that computes in it.

    Args:
        like: what the numbers were computed of, whose type then decides instead of theirs.
    """
    if dtype is None:
        origin = numbers if like is None else like
        is_double = isinstance(origin, Tensor) and origin.dtype is torch.float64
        dtype = torch.float64 if is_double else torch.get_default_dtype()
    if isinstance(numbers, Tensor) and numbers.dtype is dtype:
        return numbers
    return as_tensor(numbers, dtype)


def takes_arrays(function: Function) -> Function:
    """Decorator for a function whose first argument, ``x``, is a tensor: it takes all that :func:`as_tensor` takes."""

    def wrapped(x: Any, *args: Any, **kwargs: Any) -> Tensor:
        return function(x if isinstance(x, Tensor) else as_tensor(x), *args, **kwargs)

    # torch.compile keeps its graphs, a few of them, by the code that it has compiled
    wrapped.__code__ = wrapped.__code__.replace(co_name=function.__name__)
    return cast(Function, wraps(function)(wrapped))
