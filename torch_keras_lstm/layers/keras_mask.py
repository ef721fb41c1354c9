"""The mask that travels with a tensor, in Keras' attribute ``_keras_mask``.

A layer that makes a mask hangs it on its output, each layer that is called on that tensor finds it there, and hangs
what :meth:`Layer.compute_mask` says on its own output. A tensor that an operation of torch made has none, as in Keras.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from torch_keras_lstm.structure import flatten


def mask_of(value: Any) -> Any:
    """The masks of the tensors in ``value``, in its structure; ``None`` when there is none at all."""
    if isinstance(value, Tensor):
        return getattr(value, "_keras_mask", None)
    if isinstance(value, PackedSequence):  # which says by itself what is masked
        return value
    if isinstance(value, list | tuple):
        masks = [mask_of(item) for item in value]
        return masks if any(mask is not None for mask in masks) else None
    if isinstance(value, Mapping):
        named = {name: mask_of(item) for name, item in value.items()}
        return named if any(mask is not None for mask in named.values()) else None
    return None


def with_masks(outputs: Any, masks: Any) -> Any:
    """``outputs`` with its mask on each tensor that has none yet; ``masks`` are in the order of the tensors.

    Fewer masks than tensors belong to the first ones, as in Keras.
    """
    if masks is None:
        return outputs
    if isinstance(outputs, Tensor):
        return _with_mask(outputs, masks[0] if isinstance(masks, list | tuple) and masks else masks)
    left = iter(flatten(masks))
    return _map(lambda output: _with_mask(output, next(left, None)), outputs)


def _with_mask(output: Any, mask: Any) -> Any:
    if not isinstance(output, Tensor) or not isinstance(mask, Tensor) or mask_of(output) is not None:
        return output
    if torch.compiler.is_compiling():
        # Dynamo follows an attribute of what a plain operation gave, not of one tensor among several.
        output = output.view_as(output)
    output._keras_mask = mask
    return output


def _map(function: Callable[[Any], Any], value: Any) -> Any:
    """``value`` with each leaf replaced, in Keras' order, tuples staying tuples."""
    if isinstance(value, list | tuple):
        items = [_map(function, item) for item in value]
        return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
    if isinstance(value, Mapping):
        done = {name: _map(function, value[name]) for name in sorted(value)}
        return {name: done[name] for name in value}
    return function(value)


def any_masked(values: Iterable[Any]) -> bool:
    """Whether one of ``values``, or a tensor in one, has a mask."""
    return any(map(_is_masked, values))


def _is_masked(value: Any) -> bool:
    return mask_of(value) is not None


def are_masked(outputs: Any) -> bool:
    """Whether every tensor in ``outputs`` has a mask."""
    if isinstance(outputs, Tensor):
        return getattr(outputs, "_keras_mask", None) is not None
    return all(map(_is_masked, flatten(outputs)))


def masked(values: Any, masks: Any) -> Any:
    """The tensors in ``values`` with these masks instead of their own; what the caller gave stays as it is.

    Args:
        values: a tensor or array, or a list, tuple or dictionary of them.
        masks: in the same structure; ``None`` for a tensor that keeps the mask that it has.
    """
    if masks is None:
        return values
    if isinstance(values, list | tuple):
        return [masked(value, mask) for value, mask in zip(values, masks, strict=True)]
    if isinstance(values, Mapping):
        return {name: masked(value, masks.get(name)) for name, value in values.items()}
    tensor = values if isinstance(values, Tensor) else torch.as_tensor(values)
    view = tensor.view_as(tensor)
    mask = masks.to(tensor.device) if isinstance(masks, Tensor) else torch.as_tensor(masks, device=tensor.device)
    view._keras_mask = mask  # type: ignore[attr-defined]
    return view


def unmasked(values: Any) -> Any:
    """The tensors in ``values`` without their masks; what the caller gave stays as it is."""
    return _map(lambda value: value if mask_of(value) is None else value.view_as(value), values)
