"""``keras.ops``: functions of tensors, arrays and numbers, and of symbolic tensors.

``ops.mean(x, axis=1)`` computes it for a torch tensor, an array or numbers. For a symbolic tensor it becomes a node of
the functional model that is being put together. Names, arguments, and the types of results are Keras': a Python number
takes the type of the tensor beside it, an array or a list has its own.
"""

import inspect
from collections.abc import Callable, Iterable, Mapping
from functools import cache, wraps
from typing import Any

import numpy as np
import torch
from torch import Tensor

from torch_keras_lstm.layers.keras_tensor import KerasTensor, has_symbolic
from torch_keras_lstm.layers.naming import snake_case
from torch_keras_lstm.layers.operation_layer import OperationLayer
from torch_keras_lstm.operations import control, creation
from torch_keras_lstm.operations.resolve import written_constant
from torch_keras_lstm.operations.table import MODULES, OPERATIONS, called_with
from torch_keras_lstm.operations.tensors import as_tensor, is_number
from torch_keras_lstm.registry import close_match

# Where the name of the function is not that of the class in snake case.
_OTHER_NAMES = {
    "AllClose": "allclose",
    "BatchNorm": "batch_normalization",
    "CDist": "cdist",
    "HSVToRGB": "hsv_to_rgb",
    "IsIn": "isin",
    "LayerNorm": "layer_normalization",
    "RGBToGrayscale": "rgb_to_grayscale",
    "RGBToHSV": "rgb_to_hsv",
    "RMSNorm": "rms_normalization",
    "SearchSorted": "searchsorted",
}
# Called with several tensors, not with one that is stacked of them.
_OF_SEVERAL = frozenset(
    (
        *(
            "ColumnStack",
            "Concatenate",
            "Dstack",
            "FFT",
            "FFT2",
            "Hstack",
            "IFFT2",
            "IRFFT",
            "ISTFT",
            "Select",
            "Stack",
        ),
        "Vstack",
    )
)
# Keras' order of the arguments, where those that a node is called with are not the first.
_ORDERS = {
    "Average": ("x", "axis", "weights"),
    "BatchNorm": ("x", "mean", "variance", "axis", "offset", "scale", "epsilon"),
    "ForiLoop": ("lower", "upper", "body_fun", "init_val"),
    "Full": ("shape", "fill_value", "dtype"),
    "VectorizedMap": ("function", "elements"),
    "WhileLoop": ("cond", "body", "loop_vars", "maximum_iterations"),
}
_BY_NAME = {_OTHER_NAMES.get(operation, snake_case(operation)): operation for operation in MODULES}
_ALIASES = {"hard_swish": "hard_silu", "swish": "silu"}

zeros, ones, empty, eye, identity, tri = (
    creation.zeros,
    creation.ones,
    creation.empty,
    creation.eye,
    creation.identity,
    creation.tri,
)
bartlett, blackman, hamming, hanning, kaiser = (
    creation.bartlett,
    creation.blackman,
    creation.hamming,
    creation.hanning,
    creation.kaiser,
)
custom_gradient, vectorize = control.custom_gradient, control.vectorize


def shape(x: Any) -> tuple[int | None, ...]:
    """The shape of ``x``, with ``None`` where the size of a symbolic tensor is free."""
    return tuple(x.shape) if isinstance(x, KerasTensor) else tuple(as_tensor(x).shape)


def ndim(x: Any) -> int:
    """The number of axes of ``x``."""
    return len(shape(x))


def dtype(x: Any) -> str:
    """The name of the type of ``x``, such as "float32"."""
    return str(x.dtype if isinstance(x, KerasTensor) else as_tensor(x).dtype).removeprefix("torch.")


def is_tensor(x: Any) -> bool:
    """Whether ``x`` is a tensor of torch's."""
    return isinstance(x, Tensor)


def convert_to_numpy(x: Any) -> np.ndarray[Any, Any]:
    """The numbers of ``x`` as an array, without its gradient; bfloat16, which NumPy lacks, as float32."""
    tensor = as_tensor(x).detach().cpu()
    array: np.ndarray[Any, Any] = (tensor.float() if tensor.dtype is torch.bfloat16 else tensor).resolve_conj().numpy()
    return array


def einsum(subscripts: str, *operands: Any, **kwargs: Any) -> Any:
    """Sums of products over the axes that ``subscripts`` names, such as ``"btf,fu->btu"``.

    Args:
        subscripts: see above.
        *operands: tensors.
        **kwargs: ``optimize``, which says in which order Keras multiplies; ignored.
    """
    if kwargs.keys() - {"optimize"}:
        raise TypeError(f"`einsum` has no argument `{min(kwargs.keys() - {'optimize'})}`.")
    if has_symbolic(operands):
        return OperationLayer("Einsum", {"subscripts": subscripts})(*operands)
    return OPERATIONS["Einsum"](*map(as_tensor, operands), subscripts=subscripts)


@cache
def _function(operation: str) -> Callable[..., Any]:
    compute = OPERATIONS[operation]
    signature = _public_signature(operation)
    variadic = any(one.kind is inspect.Parameter.VAR_POSITIONAL for one in signature.parameters.values())
    tensors = called_with(operation)
    convert = _unchanged if compute.__module__ == control.__name__ else _each if operation in _OF_SEVERAL else _argument
    if convert is _argument and len(tensors) == 1:
        convert = _only_argument

    @wraps(compute)
    def function(*args: Any, **kwargs: Any) -> Any:
        if variadic:
            if has_symbolic(args):
                return OperationLayer(operation, written_constant(kwargs))(*args)
            return compute(*map(convert, args), **kwargs)
        given = signature.bind(*args, **kwargs).arguments
        if not has_symbolic(given.values()):
            return compute(**{name: convert(value) if name in tensors else value for name, value in given.items()})
        config = {name: value for name, value in given.items() if name not in tensors}
        first, *others = [name for name in given if name in tensors]
        layer = OperationLayer(operation, written_constant(config))
        return layer(given[first], **{name: given[name] for name in others})

    function.__signature__ = signature  # type: ignore[attr-defined]
    function.__name__ = function.__qualname__ = next(name for name, one in _BY_NAME.items() if one == operation)
    return function


def _public_signature(operation: str) -> inspect.Signature:
    """The arguments in Keras' order, all of them by name or by position."""
    parameters = dict(inspect.signature(OPERATIONS[operation]).parameters)
    order = _ORDERS.get(operation, tuple(parameters))
    kinds = inspect.Parameter
    if any(one.kind is kinds.VAR_POSITIONAL for one in parameters.values()):
        return inspect.Signature([*parameters.values()])
    ordered = [parameters[name].replace(kind=kinds.POSITIONAL_OR_KEYWORD) for name in order]
    return inspect.Signature(ordered)


def _unchanged(value: Any) -> Any:
    return value


def _argument(value: Any) -> Any:
    """Lists and arrays as tensors; a number stays one, and takes the type of the tensor beside it."""
    if isinstance(value, Tensor) or value is None or is_number(value) or isinstance(value, str | slice):
        return value
    if isinstance(value, tuple | list) and any(isinstance(item, slice | type(...) | None) for item in value):
        return value  # a key of `get_item`
    return as_tensor(value)


def _only_argument(value: Any) -> Any:
    """As :func:`_argument`, where no tensor is beside a number."""
    return as_tensor(value) if is_number(value) else _argument(value)


def _each(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return type(value)(_argument(item) for item in value)
    return _argument(value)


def _find(name: str, names: Iterable[str], place: str) -> Any:
    if name not in names:
        raise AttributeError(f"`{place}` has no operation {name!r}. {close_match(name, names)}")
    if name in _BY_NAME or name in _ALIASES:
        return _function(_BY_NAME[_ALIASES.get(name, name)])
    return globals()[name]


class _Namespace:
    """The operations of one of Keras' modules: ``ops.image``, ``ops.linalg``, ``ops.nn``, ``ops.numpy``."""

    def __init__(self, module: str, names: Iterable[str]) -> None:
        self._module = module
        self._names = frozenset(names)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _find(name, self._names, f"torch_keras_lstm.ops.{self._module}")

    def __dir__(self) -> list[str]:
        return sorted(self._names)

    def __repr__(self) -> str:
        return f"<operations of keras.ops.{self._module}>"


_FUNCTIONS = (
    frozenset(name for name, value in globals().items() if not name.startswith("_") and inspect.isfunction(value))
    - {"as_tensor", "cache", "called_with", "close_match", "has_symbolic", "is_number", "snake_case", "wraps"}
    - {"written_constant"}
)
_NAMESPACES: Mapping[str, _Namespace] = {
    module: _Namespace(
        module,
        [
            *(name for name, operation in _BY_NAME.items() if MODULES[operation] == module),
            *(_ALIASES if module == "nn" else ()),
            *(_FUNCTIONS if module == "numpy" else ()),
        ],
    )
    for module in ("image", "linalg", "nn", "numpy")
}
# Keras has those of `image` in that namespace alone.
_NAMES = frozenset(
    [*(name for name, operation in _BY_NAME.items() if MODULES[operation] != "image"), *_ALIASES, *_FUNCTIONS]
)


def __getattr__(name: str) -> Any:
    if name in _NAMESPACES:
        return _NAMESPACES[name]
    return _find(name, _NAMES, "torch_keras_lstm.ops")


def __dir__() -> list[str]:
    return sorted([*_NAMES, *_NAMESPACES])
