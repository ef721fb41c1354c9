"""The arrays that an optimizer left in a file -> the state of an optimizer that is bound to the model's parameters.

Every Keras lists them in the order of the trainable weights; names tell little, and a ``.keras`` file has none. What
else stands there, and whether all of one weight stands together or all of one kind, depends on the Keras:

- Keras 3: the iterations, the learning rate unless a schedule decides, then what is kept of each weight, in the groups
  in which it was made, and Nadam's product at the end;
- tf.keras from 2.11 on: the same without the learning rate and the product, and a velocity of SGD in any case;
- before: the iterations, then all arrays of one kind, then all of the next. In Keras 2 Adam has one zero for each
  weight at the end, SGD a velocity in any case, and RMSprop before 2.3 no iterations.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, cast

import numpy as np
import torch

from torch_keras_lstm.conversion.arrays import SavedArray
from torch_keras_lstm.layers import Layer
from torch_keras_lstm.layers.weight import WeightRow
from torch_keras_lstm.optimizers import SGD, Optimizer

# a velocity that Keras saved though the momentum is 0
_UNUSED = "unused"


@dataclass(frozen=True)
class _Weight:
    """A trainable weight of the model: a row of its owner's table, and the shape in Keras' layout."""

    owner: Layer
    row: WeightRow
    shape: tuple[int, ...]


@dataclass(frozen=True)
class _Entry:
    """One array that a file must hold: a number, or what is kept of a weight."""

    name: str
    weight: _Weight | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        return () if self.weight is None else self.weight.shape

    def __str__(self) -> str:
        place = "" if self.weight is None else f" of `{self.weight.row.name}` of layer `{self.weight.owner.name}`"
        return f"`{self.name}`{place}"


def restore(optimizer: Optimizer, model: Layer, arrays: Sequence[SavedArray], config: Mapping[str, Any]) -> None:
    """Give ``optimizer``, which is built with the model's parameters, the state in ``arrays``.

    Args:
        optimizer: to be changed.
        model: tells the order and the layouts of the weights.
        arrays: in the order of the file; none, or numbers alone, for an optimizer that has made no step.
        config: the optimizer's configuration in the file, which tells what Keras wrote it.

    Raises:
        ValueError: when the arrays are not what this optimizer keeps of this model; nothing is changed then.
    """
    numbers, kept = _entries(optimizer, [*_trainable_weights(model)], config)
    if arrays and arrays[0].shape != ():
        numbers = []
    if len(arrays) <= len(numbers):
        expected = numbers[: len(arrays)]
    else:
        expected = [*numbers, *kept]
        if all(array.shape == (1,) for array in arrays[len(expected) :]):
            arrays = arrays[: len(expected)]  # Keras 2's Adam
    _check(optimizer, expected, arrays)
    _put(optimizer, expected, [array.read(entry.shape) for entry, array in zip(expected, arrays, strict=True)])


def _trainable_weights(model: Layer) -> Iterator[_Weight]:
    """In the order of Keras' ``trainable_weights``."""
    for owner in model.weighted_layers():
        for row, tensor in owner.own_weights():
            if any(getattr(owner, attribute).requires_grad for attribute in row.parameters):
                yield _Weight(owner, row, tuple(tensor.shape))


def _entries(
    optimizer: Optimizer, weights: Sequence[_Weight], config: Mapping[str, Any]
) -> tuple[list[_Entry], list[_Entry]]:
    """The numbers that stand in front, and the rest, in the order of the Keras that wrote ``config``."""
    groups = list(optimizer.state_groups)
    by_keras_3 = "use_ema" in config and "jit_compile" not in config
    if not by_keras_3 and isinstance(optimizer, SGD) and not optimizer.momentum:
        groups.append((_UNUSED,))
    if "use_ema" not in config:
        groups = [(name,) for name in chain(*groups)]
    kept = [_Entry(name, weight) for group in groups for weight in weights for name in group]
    numbers = [_Entry("iterations")]
    if by_keras_3:
        numbers += [_Entry("learning_rate")] * ("learning_rate" in optimizer.state_dict())
        kept += [_Entry(name) for name in optimizer.scalars]
    return numbers, kept


def _check(optimizer: Optimizer, expected: Sequence[_Entry], arrays: Sequence[SavedArray]) -> None:
    what = f"The state of the optimizer does not fit the model's {type(optimizer).__name__}"
    if len(expected) != len(arrays):
        raise ValueError(
            f"{what}: {len(expected)} arrays are expected for its trainable weights, the file has {len(arrays)}. "
            "Layers may have been frozen or thawed since."
        )
    for entry, array in zip(expected, arrays, strict=True):
        if array.shape != entry.shape:
            raise ValueError(f"{what}: {entry} needs shape {entry.shape}, but `{array.path}` has {array.shape}.")
        if entry.name != "iterations" and "float" not in array.dtype:
            raise ValueError(f"{what}: {entry} needs floating-point numbers, but `{array.path}` holds {array.dtype}.")


def _put(optimizer: Optimizer, entries: Sequence[_Entry], values: Sequence[np.ndarray[Any, Any]]) -> None:
    places = {id(parameter): place for place, parameter in enumerate(optimizer.parameters)}
    state = optimizer.state_dict()
    for entry, value in zip(entries, values, strict=True):
        if entry.weight is None:
            number = cast(float, value.item())
            if entry.name == "iterations":
                state["batches"] = int(number)
            else:
                (state["scalars"] if entry.name in state["scalars"] else state)[entry.name] = number
        elif entry.name != _UNUSED:
            for attribute, tensor in entry.weight.row.to_torch(torch.from_numpy(np.array(value))).items():
                state["state"][entry.name][places[id(getattr(entry.weight.owner, attribute))]] = tensor
    optimizer.load_state_dict(state)
