"""``keras.ops``: the operations that Keras' files know, as functions of tensors and of symbolic tensors.

``ops.mean(x, axis=1)`` computes it for a torch tensor, an array or numbers. For a symbolic tensor it becomes a node of
the functional model that is being put together. Names and arguments are Keras'.
"""

import inspect
from collections.abc import Callable
from functools import cache, wraps
from typing import Any

from torch_keras_lstm.layers.keras_tensor import has_symbolic
from torch_keras_lstm.layers.naming import snake_case
from torch_keras_lstm.layers.operation_layer import OperationLayer
from torch_keras_lstm.operations.resolve import written_constant
from torch_keras_lstm.operations.table import OPERATIONS
from torch_keras_lstm.registry import close_match

# Nodes that have no function in `keras.ops`, or another one of their name.
_NODES_ALONE = ("AddN", "Identity", "Shape", "SquaredDifference", "Einsum")
_NAMES = {snake_case(operation): operation for operation in OPERATIONS if operation not in _NODES_ALONE}
# What a node is called with; all other arguments are its configuration.
_CALLED_WITH = ("x", "x1", "x2", "xs", "condition", "constant_values", "fill_value", "indices", "key")


def shape(x: Any) -> tuple[int | None, ...]:
    """The shape of ``x``, with ``None`` where the size of a symbolic tensor is free."""
    return tuple(x.shape)


def einsum(subscripts: str, *operands: Any) -> Any:
    """Sums of products over the axes that ``subscripts`` names, such as ``"btf,fu->btu"``."""
    if has_symbolic(operands):
        return OperationLayer("Einsum", {"subscripts": subscripts})(*operands)
    return OPERATIONS["Einsum"](*operands, subscripts=subscripts)


@cache
def _function(operation: str) -> Callable[..., Any]:
    compute = OPERATIONS[operation]
    signature = inspect.signature(compute)

    @wraps(compute)
    def function(*args: Any, **kwargs: Any) -> Any:
        given = signature.bind(*args, **kwargs).arguments
        if not has_symbolic(given.values()):
            return compute(**given)
        config = {name: value for name, value in given.items() if name not in _CALLED_WITH}
        first, *others = [name for name in given if name not in config]
        layer = OperationLayer(operation, written_constant(config))
        return layer(given[first], **{name: given[name] for name in others})

    return function


def __getattr__(name: str) -> Callable[..., Any]:
    if name not in _NAMES:
        raise AttributeError(f"`torch_keras_lstm.ops` has no operation {name!r}. {close_match(name, _NAMES)}")
    return _function(_NAMES[name])


def __dir__() -> list[str]:
    return sorted([*_NAMES, "einsum", "shape"])
