"""A call of a layer on symbolic tensors: the layer is built, and the call is noted for a functional model."""

import inspect
from collections.abc import Mapping
from functools import cache
from typing import Any

from torch_keras_lstm.layers.base_layer import BaseLayer
from torch_keras_lstm.layers.constant import Constant, with_constants
from torch_keras_lstm.layers.keras_tensor import KerasTensor, connect
from torch_keras_lstm.operations.tensor_spec import TensorSpec
from torch_keras_lstm.structure import flatten, leaves, map_leaves

_Tensor: Any = KerasTensor | Constant


def call_symbolically(layer: BaseLayer, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """Build ``layer`` for the tensors that it is called on, note the call, and return the tensors that it gives.

    Raises:
        TypeError: when the layer's call does not take the arguments.
        ValueError: when the layer cannot take tensors of those shapes.
    """
    args, kwargs = layer.symbolic_arguments(args, kwargs)
    args_specs, kwargs_specs = argument_specs([args, kwargs])
    return connect_with_masks(layer, args, kwargs, layer.output_specs(args_specs, kwargs_specs))


def argument_specs(arguments: Any) -> Any:
    """The arguments of a call with what is known of each tensor in its place."""
    symbolic = map_leaves(KerasTensor, lambda tensor: tensor.spec, arguments)
    return map_leaves(Constant, lambda constant: constant.spec, symbolic)


def connect_with_masks(layer: BaseLayer, args: tuple[Any, ...], kwargs: Mapping[str, Any], specs: Any) -> Any:
    """Note a call, the masks that it is handed, and those of what it gives; the tensors in the place of ``specs``."""
    outputs = connect(layer, args, kwargs, specs)
    node = layer._inbound_nodes[-1]
    own = args[0].mask if isinstance(args[0], KerasTensor) else None
    if own is not None and "mask" in layer.call_arguments and "mask" not in kwargs:
        node.masks.append(own)
    given = kwargs.get("mask")
    if own is not None and not layer.supports_masking:
        layer.warn_of_lost_mask()
    masks = layer.symbolic_mask(args[0], own if given is None else given)
    for tensor, mask in zip(node.outputs, flatten(masks), strict=False):
        tensor.mask = mask
    return outputs


def bound_arguments(
    layer: BaseLayer, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The first argument of a call alone, and all others by their names, but for those that are ``None``.

    A layer gets the mask of its input when that is its only tensor, whatever ``mask=None`` says, and else none: so
    Keras 3 has it, and ``initial_state=`` therefore ends the mask.
    """
    accepted = layer.call_parameters
    named = {name: value for name, value in kwargs.items() if name in accepted or name != "training"}
    try:
        arguments = inspect.signature(layer.forward).bind(*with_constants(args), **with_constants(named)).arguments
    except TypeError as error:
        raise TypeError(f"Layer `{layer.name}` ({type(layer).__name__}): {error}.") from None
    first, *others = arguments.items()
    # Keras meets what is given by name in the order of the names, and runs calls that are equally far in that order.
    others.sort(key=lambda item: item[0] if item[0] in named else "")
    given = {name: value for name, value in others if value is not None}
    tensors = [value for value in (first[1], *given.values()) if any(True for _ in leaves(_Tensor, value))]
    if "mask" in accepted and "mask" not in given and len(tensors) > 1:
        given["mask"] = None
    return (first[1],), given


def shape_arguments(layer: BaseLayer, args: Any, kwargs: Mapping[str, Any]) -> list[Any]:
    """What ``build`` gets: the shape of the first argument, or of each one that ``build`` names ``..._shape``."""
    wanted = [name.removesuffix("_shape") for name in _parameters(type(layer).build)]
    if len(wanted) < 2:
        return [shapes_in(args[0])]
    given = named_arguments(layer, args, kwargs)
    return [shapes_in(given[name]) if name in given else None for name in wanted]


def named_arguments(layer: BaseLayer, args: Any, kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a call by their names in the layer's ``forward``."""
    return {**dict(zip(layer.call_parameters, args, strict=False)), **kwargs}


def shapes_in(value: Any) -> Any:
    """The shapes of the tensors in an argument of a call: one shape, or a list or dictionary of them."""
    return map_leaves(TensorSpec, lambda spec: spec.shape, value)


@cache
def _parameters(function: Any) -> tuple[str, ...]:
    return tuple(inspect.signature(function).parameters)[1:]
