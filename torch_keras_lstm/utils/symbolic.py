"""What there is to ask of symbolic tensors and types: ``keras.utils.is_keras_tensor`` and the like."""

from typing import Any

import torch

from torch_keras_lstm.layers import InputLayer
from torch_keras_lstm.layers.keras_tensor import KerasTensor
from torch_keras_lstm.structure import leaves

_PYTHON = {int: "int64", float: "float32", bool: "bool", str: "string"}


def is_keras_tensor(x: object) -> bool:
    """Whether ``x`` is a symbolic tensor, of a model that is being put together."""
    return isinstance(x, KerasTensor)


def get_source_inputs(tensor: KerasTensor) -> list[KerasTensor]:
    """The inputs that a symbolic tensor is computed from, each once."""
    found: list[KerasTensor] = []
    seen: set[int] = set()
    waiting = [tensor]
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        node = one.node
        before = [*leaves(KerasTensor, [*node.args, *node.kwargs.values()])]
        if isinstance(node.layer, InputLayer) or not before:
            found.append(one)
        waiting.extend(reversed(before))
    return found


def standardize_dtype(dtype: Any) -> str:
    """The name of a type: of torch, of NumPy, of Python, or a name; ``None`` for torch's default one.

    Raises:
        ValueError: for what is no type.
    """
    if dtype is None:
        dtype = torch.get_default_dtype()
    name = _PYTHON.get(dtype) if isinstance(dtype, type) else None
    name = name or str(getattr(dtype, "name", dtype)).removeprefix("torch.").removeprefix("<class 'numpy.").rstrip("'>")
    name = {"int": "int64", "float": "float32", "str": "string", "half": "float16", "double": "float64"}.get(name, name)
    if name != "string" and not isinstance(getattr(torch, name, None), torch.dtype):
        raise ValueError(f"Invalid dtype: {dtype!r}.")
    return name
