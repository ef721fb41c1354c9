"""From a node of a functional model's file to the function that it stands for."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import EllipsisType
from typing import Any

import numpy as np
import torch

from torch_keras_lstm.operations.named_types import as_dtype
from torch_keras_lstm.operations.node_def import NODES, node_def_operation
from torch_keras_lstm.operations.table import OPERATIONS
from torch_keras_lstm.operations.tensorflow_names import TENSORFLOW_FUNCTIONS, TensorFlowName, tensorflow_function
from torch_keras_lstm.registry import close_match
from torch_keras_lstm.structure import leaves, map_leaves

_TENSORFLOW_LAYERS = ("TFOpLambda", "SlicingOpLambda", "TensorFlowOpLayer")
_KERAS_3_MODULE = "keras.src.ops."
# What Keras writes into every node, and what says nothing about what it computes.
_NODE_ARGUMENTS = ("name", "trainable", "dtype")
_OPEN = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
_BOUNDS = ("start", "stop", "step")


def is_operation(class_name: str, module: str | None = None) -> bool:
    """Whether an entry of a model's layers is an operation node: what :func:`operation` reads, and no layer.

    Args:
        class_name: as the file has it. ``Add`` is the name of a layer and of an operation.
        module: the entry's ``module``, which tells them apart; Keras 2 has none.
    """
    return class_name in _TENSORFLOW_LAYERS or (module or "").startswith(_KERAS_3_MODULE)


def operation_name(class_name: str, config: Mapping[str, Any]) -> str:
    """What a node computes, by its name in Keras or TensorFlow: ``Mean``, ``math.reduce_mean``."""
    node = config.get("node_def")
    name = node.get("op") if isinstance(node, Mapping) else config.get("function")
    return str(name) if class_name in _TENSORFLOW_LAYERS else class_name


def is_known(class_name: str, config: Mapping[str, Any]) -> bool:
    """Whether :func:`operation` knows the operation of a node; its arguments are not looked at."""
    names: Mapping[str, object] = OPERATIONS
    if class_name in _TENSORFLOW_LAYERS:
        names = NODES if class_name == "TensorFlowOpLayer" else TENSORFLOW_FUNCTIONS
    return operation_name(class_name, config) in names


class Operation:
    """A function of tensors that a node of a file stands for; made by :func:`operation`.

    It has no state, so one serves all calls of the node. Copies and pickles are made anew from class and configuration.

    Attributes:
        class_name: the node's class.
        config: the node's configuration.
    """

    def __init__(self, class_name: str, config: Mapping[str, Any]) -> None:
        self.class_name = class_name
        self.config = config
        self._function = _function(class_name, config)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The result, a tensor or a tuple of them, for the arguments of a call as the file has them, tensors put in.

        Raises:
            ValueError: naming the operation, when it does not take such arguments.
        """
        given = [*map(constant, args)], {name: constant(value) for name, value in kwargs.items()}
        device = next((tensor.device for tensor in leaves(torch.Tensor, [*given])), None)
        if device is not None and device.type not in ("cpu", "meta"):
            given = map_leaves(np.ndarray, lambda array: torch.as_tensor(array, device=device), [*given])
        try:
            return self._function(*given[0], **given[1])
        except (TypeError, RuntimeError, IndexError) as error:
            if device is not None and device.type == "meta" and "meta" in str(error).lower():
                raise ValueError(
                    f"Cannot compute {self} in a graph: how large its result is follows from numbers that a graph does "
                    "not know before it runs."
                ) from error
            said = _misfit(self._function, *given) if isinstance(error, TypeError) else ""
            said = said or (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
            raise ValueError(f"Cannot compute {self}: {said:.300}.") from error

    def __str__(self) -> str:
        return f"operation `{operation_name(self.class_name, self.config)}`"

    def __reduce__(self) -> tuple[Any, ...]:
        return operation, (self.class_name, self.config)


def operation(class_name: str, config: Mapping[str, Any]) -> Operation:
    """The function of an operation node: called with what a call of the node has, tensors in place of references.

    Three kinds of nodes are read. Keras 3 names the operation by the class, such as ``Mean``, with its constant
    arguments in ``config`` and the others in ``inbound_nodes`` as ``args`` and ``kwargs``. tf.keras has ``TFOpLambda``
    and ``SlicingOpLambda``, whose ``config["function"]`` is TensorFlow's name, such as ``math.reduce_mean``; the first
    tensor, list of tensors or ``_CONSTANT_VALUE`` of a call is its one positional argument, and the call's dictionary
    holds the keyword arguments. ``TensorFlowOpLayer`` has a node of a TensorFlow graph in ``config["node_def"]``, and
    is called with the tensors.

    Args:
        class_name: the class in the file.
        config: the ``config`` in the file; ``name``, ``trainable`` and ``dtype`` are ignored where they are the node's.

    Returns:
        A function of ``(*args, **kwargs)`` as they stand in the file, tensors put in: it reads the constants in the
        forms that they have in JSON (slices, dots, arrays, types) itself.

    Raises:
        ValueError: naming the operation when it is unknown, with the closest known one, or an argument of it.
    """
    return Operation(class_name, config)


def _function(class_name: str, config: Mapping[str, Any]) -> Callable[..., Any]:
    if class_name == "TensorFlowOpLayer":
        return node_def_operation(config)
    if class_name in _TENSORFLOW_LAYERS:
        return tensorflow_function(config.get("function"))
    if class_name not in OPERATIONS:
        raise ValueError(f"Unknown operation `{class_name}`. {close_match(class_name, OPERATIONS)}")
    accepted = inspect.signature(OPERATIONS[class_name]).parameters
    own = {name: value for name, value in config.items() if name in accepted or name not in _NODE_ARGUMENTS}
    unknown = [name for name in own if name not in accepted]
    if unknown:
        raise ValueError(f"Operation `{class_name}` has no argument `{unknown[0]}`; it has {', '.join(accepted)}.")
    return partial(OPERATIONS[class_name], **{name: constant(value) for name, value in own.items()})


def _misfit(function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
    """In what a function does not take such arguments; "" where it does, or does not tell what it takes."""
    told: Mapping[str, str] = {}
    if isinstance(function, TensorFlowName):
        told = {ours: theirs for theirs, ours in function.renamed.items()}
        kwargs, function = function.named(kwargs), function.function
    try:
        known = inspect.signature(function).parameters
    except ValueError:  # of torch's functions in C++
        return ""
    kinds = {one.kind for one in known.values()}
    named = [name for name, one in known.items() if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)]
    if inspect.Parameter.VAR_POSITIONAL not in kinds and len(args) > len(named):
        return f"it takes {len(named)} arguments, and got {len(args)}"
    given = {*named[: len(args)], *kwargs}
    needed = [name for name, one in known.items() if one.default is one.empty and one.kind not in _OPEN]
    lacking = [name for name in needed if name not in given]
    if lacking:
        return f"it lacks `{told.get(lacking[0], lacking[0])}`"
    unknown = [name for name in kwargs if name not in known]
    if unknown and inspect.Parameter.VAR_KEYWORD not in kinds:
        return f"it has no argument `{told.get(unknown[0], unknown[0])}`"
    return ""


def constant(value: Any) -> Any:
    """What a constant in a file means: a slice, dots, an array, or itself; tensors pass, in nested lists too."""
    if isinstance(value, list | tuple):
        return [constant(item) for item in value]
    if not isinstance(value, Mapping):
        return value
    config = value.get("config")
    match value.get("class_name"):
        case "__ellipsis__":
            return ...
        case "__slice__" if isinstance(config, Mapping):
            return _slice(config)
        case "__numpy__" | "__tensor__" if isinstance(config, Mapping):
            # NumPy's, because only an operation knows the device on which it is needed.
            return torch.tensor(config.get("value"), dtype=as_dtype(config.get("dtype")), device="cpu").numpy()
        case "__tuple__":
            return constant(value.get("items"))
        case None if value.keys() == {*_BOUNDS}:
            return _slice(value)
        case _:
            return {key: constant(item) for key, item in value.items()}


def written_constant(value: Any) -> Any:
    """A constant as a file has it, which :func:`constant` reads: what is neither tensor, slice nor dots passes."""
    match value:
        case slice():
            return {"class_name": "__slice__", "config": {name: getattr(value, name) for name in _BOUNDS}}
        case EllipsisType():
            return {"class_name": "__ellipsis__", "config": {}}
        case torch.Tensor() | np.ndarray():
            array = np.asarray(value.detach().cpu() if isinstance(value, torch.Tensor) else value)
            return {"class_name": "__numpy__", "config": {"value": array.tolist(), "dtype": array.dtype.name}}
        case np.generic():
            return value.item()
        case torch.dtype():
            return str(value).removeprefix("torch.")
        case list() | tuple():
            return [written_constant(item) for item in value]
        case Mapping():
            return {name: written_constant(item) for name, item in value.items()}
        case _:
            return value


def _slice(bounds: Mapping[str, Any]) -> slice:
    return slice(*(None if bound is None else int(bound) for bound in map(bounds.get, _BOUNDS)))
