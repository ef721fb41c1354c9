"""A call in half precision of a layer that has a policy for it: its weights are float32, or half too.

On a CPU its numbers are those of Keras on TensorFlow: :mod:`torch_keras_lstm.half_precision`. Elsewhere, and in graphs
that are traced, they are those of torch's kernels.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from torch_keras_lstm.half_precision import keras_half
from torch_keras_lstm.layers.placed_module import PlacedModule
from torch_keras_lstm.layers.symbolic_call import named_arguments, shape_arguments
from torch_keras_lstm.operations.tensor_spec import TensorSpec
from torch_keras_lstm.structure import leaves, map_leaves
from torch_keras_lstm.torch_internals import is_jit_traced

_ARRAYS: Any = (Tensor, np.ndarray)


def forward_in(layer: Any, dtype: torch.dtype, *args: Any, **kwargs: Any) -> Any:
    """What the layer's ``forward`` gives when inputs and weights are cast to ``dtype``, as Keras casts them.

    A layer that ``computes_in_float32`` gets both back in float32, and gives ``dtype`` all the same. One without
    ``autocast`` gets its inputs as they are.
    """
    own = layer.__dict__
    moved = not layer._policy.is_mixed and layer._dtype is not dtype  # to another type, by `.to()`
    if moved or own.get("_is_cast"):  # a cell, by the layer around it
        return type(layer).forward(layer, *args, **kwargs)
    if not layer.built:
        _build(layer, args, kwargs)  # in the type of its weights
    as_keras = follows_keras(layer)
    computed = torch.float32 if layer.computes_in_float32 else dtype
    if layer.autocast:
        if layer.rounds_inputs:
            args, kwargs = _cast((args, kwargs), dtype)
        args, kwargs = _cast((args, kwargs), computed)
    with _weights_in(layer, dtype, computed, as_keras), keras_half() if as_keras else nullcontext():
        outputs = type(layer).forward(layer, *args, **kwargs)
        # As in Keras nobody rounds what a layer inside, or a `call` of one's own, gives in another type.
        return outputs if computed is dtype else _cast(outputs, dtype)


def follows_keras(layer: Any) -> bool:
    """Whether a call in half precision rounds where Keras does: on a CPU, unless a graph is traced of it."""
    return layer.device.type == "cpu" and not (torch.compiler.is_compiling() or is_jit_traced())


@contextmanager
def under_policy_of(outer: Any, layer: Any) -> Iterator[None]:
    """While it is entered, ``layer`` computes under the policy of ``outer``: Keras calls it past its own."""
    was, own = layer._policy, layer.__dict__
    own["_policy"] = outer._policy
    layer._follow_policy()
    try:
        yield
    finally:
        own["_policy"] = was
        layer._follow_policy()


def _build(layer: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
    """Build the layer for the arguments of a call."""
    arguments = named_arguments(layer, args, kwargs)
    first = next(iter(arguments), None)
    if first is not None and not any(True for _ in leaves(_ARRAYS, arguments[first])):
        arguments[first] = layer.as_input(arguments[first])  # numbers in lists
    specs = map_leaves(_ARRAYS, lambda one: TensorSpec.of(tuple(one.shape), layer._dtype), arguments)
    layer.build(*shape_arguments(layer, (specs.pop(first),), specs))


@contextmanager
def _weights_in(layer: Any, dtype: torch.dtype, computed: torch.dtype, as_keras: bool) -> Iterator[None]:
    """While it is entered, the parameters of the layer, and of the cells that it steps through, stand there cast.

    What runs a sequence of them on the fastest backend makes way for Keras' operations, where these are wanted.
    """
    entered = []
    rounded = dtype if layer.rounds_weights else computed
    for module in layer.modules() if hasattr(layer, "keep_states") else [layer]:
        held = module.__dict__["_parameters"]
        if not isinstance(module, PlacedModule) or (held and module._policy != layer._policy):
            continue  # a cell of another policy casts by itself
        cast: dict[str, Any] = {
            name: parameter.to(rounded).to(computed)
            for name, parameter in held.items()
            if parameter is not None
            and parameter.is_floating_point()
            and not nn.parameter.is_lazy(parameter)
            and getattr(parameter, "autocast", True)  # which a variable of one's own may be without
        }
        if not as_keras and hasattr(module, "torch_weights"):  # which takes the parameters themselves, in less time
            cast["_tensor"] = partial(getattr, module)
        own_half: tuple[str, ...] = getattr(module, "has_own_half", ()) if as_keras else ()
        cast |= {name: getattr(module, f"{name}_in_half") for name in own_half}
        own = module.__dict__
        was: dict[str, Any] = {name: own[name] for name in ("_leading", "_placed_dtype") if name in own}
        entered.append((module, was, [name for name in cast if name not in own]))
        module.__dict__.update(cast, _is_cast=True, _leading="", _placed_dtype=computed)
    try:
        yield
    finally:
        for module, was, names in entered:
            for name in [*names, "_is_cast", "_leading"]:
                del module.__dict__[name]
            module.__dict__.update(was)


def _cast(value: Any, dtype: torch.dtype) -> Any:
    """``value`` with the floating-point tensors in it, however deep in lists and dictionaries, in ``dtype``."""
    if isinstance(value, Tensor):
        return value.to(dtype) if value.is_floating_point() and value.dtype is not dtype else value
    if isinstance(value, Mapping):
        return {name: _cast(one, dtype) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return (
            type(value)(*(_cast(one, dtype) for one in value))
            if hasattr(value, "_fields")
            else type(value)(_cast(one, dtype) for one in value)
        )
    return value
