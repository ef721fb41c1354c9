"""The arrays that an optimizer left in a file <-> the state of an optimizer that is bound to the model's parameters.

Every Keras lists them in the order of the trainable weights; names tell little, and a ``.keras`` file has none. What
else stands there, and whether all of one weight stands together or all of one kind, depends on the Keras:

- Keras 3: the iterations, the learning rate unless a schedule decides, then what is kept of each weight, in the groups
  in which it was made, and Nadam's product at the end, or before them in early releases;
- tf.keras from 2.11 on: the same without the learning rate and the product, and a velocity of SGD in any case;
- before: the iterations, Nadam's product, then all arrays of one kind, then all of the next, but for Ftrl's. In Keras 2
  Adam has one zero for each weight at the end, SGD a velocity in any case, and RMSprop before 2.3 no iterations.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import chain
from typing import Any, cast

import numpy as np
import torch

from torch_keras_lstm.conversion.arrays import Array, SavedArray
from torch_keras_lstm.conversion.cudnn import cudnn_layouts
from torch_keras_lstm.conversion.optimizer_variables import (
    NEVER_NEGATIVE,
    keeps_variables,
    restore_variables,
    saved_variables,
)
from torch_keras_lstm.conversion.producer import Generation, Producer
from torch_keras_lstm.conversion.written_weights import as_array, weight_paths
from torch_keras_lstm.layers import Layer
from torch_keras_lstm.layers.weight import WeightRow
from torch_keras_lstm.layers.weighted import Weighted
from torch_keras_lstm.optimizers import SGD, Ftrl, Nadam, Optimizer

# a velocity that Keras saved though the momentum is 0
_UNUSED = "unused"
# as Keras 3 names its variables, where it is not by our names
_KERAS_NAMES = {"iterations": "iteration", "u_product": "variable"}
# the name of a weight that a file does not have
_NOWHERE = "nowhere"
_LARGEST_COUNT = 2**63 - 1


class Order(Enum):
    """In which order a file lists an optimizer's arrays."""

    KERAS_3 = "Keras 3"
    TF_KERAS = "tf.keras from 2.11 on"
    LEGACY = "Keras 1, Keras 2, and the legacy optimizers of tf.keras"


def order_of(entry: str | Mapping[str, Any], producer: Producer) -> Order:
    """The order in which the Keras that wrote an optimizer down as ``entry`` listed its arrays.

    Raises:
        ValueError: for a name alone in a file that does not tell its version.
    """
    if isinstance(entry, str):
        # What `compile` was given, kept as it was by tf.keras from 2.12 on and by Keras 3.0 to 3.2.
        if producer.version is None:
            raise ValueError(
                f"The optimizer is {entry!r:.200} alone, and the file does not tell which Keras wrote it, "
                "so that the order "
                "of the optimizer's arrays is not known."
            )
        return {Generation.KERAS_3: Order.KERAS_3, Generation.TF_KERAS: Order.TF_KERAS}.get(
            producer.generation, Order.LEGACY
        )
    config = entry.get("config") if isinstance(entry, Mapping) else None
    named = config if isinstance(config, Mapping) else {}
    if producer.generation is Generation.KERAS_3 and producer.version is not None:
        return Order.KERAS_3
    if "use_ema" not in named:
        return Order.LEGACY
    return Order.TF_KERAS if "jit_compile" in named else Order.KERAS_3


class OtherWeights(ValueError):
    """The state is that of an optimizer of other weights, as after layers were frozen or thawed."""


@dataclass(frozen=True)
class _Weight:
    """A trainable weight of the model: a row of its owner's table, and the shape in Keras' layout."""

    owner: Weighted
    row: WeightRow
    shape: tuple[int, ...]

    @property
    def parameters(self) -> list[torch.Tensor]:
        return [*map(self.owner._tensor_at, self.row.parameters)]


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


def restore(optimizer: Optimizer, model: Layer, arrays: Sequence[SavedArray], order: Order) -> None:
    """Give ``optimizer``, which is built with the model's parameters, the state in ``arrays``.

    Args:
        optimizer: to be changed.
        model: tells the order and the layouts of the weights.
        arrays: in the order of the file; none, or numbers alone, for an optimizer that has made no step.
        order: that of the Keras that wrote the file.

    Raises:
        OtherWeights: when there are more or fewer arrays than this optimizer keeps of this model.
        ValueError: when one of them is not what it must be. Nothing is changed in either case.
    """
    if keeps_variables(optimizer):
        if not restore_variables(optimizer, arrays, of_tf_keras=order is Order.TF_KERAS):
            raise OtherWeights(f"The state is not that of the model's {type(optimizer).__name__}, or of other weights.")
        return
    numbers, kept = _entries(optimizer, [*_trainable_weights(model)], order)
    if order is Order.LEGACY and arrays and arrays[0].shape != ():
        numbers = []  # RMSprop
    if order is Order.KERAS_3 and optimizer.scalars and kept and kept[0].weight is not None:
        first = arrays[len(numbers)] if len(arrays) > len(numbers) else None
        if first is not None and first.shape == () != kept[0].shape:  # early releases
            own = len(kept) - len(optimizer.scalars)
            numbers, kept = [*numbers, *kept[own:]], kept[:own]
    if len(arrays) <= len(numbers):
        expected = numbers[: len(arrays)]
    else:
        expected = [*numbers, *kept]
        if order is Order.LEGACY and all(array.shape == (1,) for array in arrays[len(expected) :]):
            arrays = arrays[: len(expected)]  # Adam
    _check(optimizer, expected, arrays)
    values = [array.read(entry.shape) for entry, array in zip(expected, arrays, strict=True)]
    _check_values(optimizer, expected, values)
    _put(optimizer, expected, values)
    if order is Order.TF_KERAS and isinstance(optimizer, Nadam):
        optimizer.go_on_as_tf_keras()


def saved_state(optimizer: Optimizer, model: Layer, layers: Sequence[Layer]) -> list[tuple[str, Array]]:
    """The arrays that Keras 3 keeps of ``optimizer`` in a file, in its order, with the names that an ``.h5`` file has.

    Args:
        optimizer: of an optimizer that is not built, which has made no step, there are the numbers alone.
        model: whose weights it trains.
        layers: the model's, as Keras counts them.

    Raises:
        OtherWeights: when it trains something else than weights of the model's layers.
    """
    state = optimizer.state_dict()
    places = {id(parameter): place for place, parameter in enumerate(optimizer.parameters)}
    trained = [weight for weight in _weights(model) if {id(one) for one in weight.parameters} <= places.keys()]
    if sum(len(weight.row.parameters) for weight in trained) != len(places):
        raise OtherWeights(f"The optimizer `{optimizer.name}` trains parameters that are no weights of Keras' layers.")
    if keeps_variables(optimizer):
        return saved_variables(optimizer)
    numbers, kept = _entries(optimizer, trained, Order.KERAS_3)
    paths = weight_paths(layers)

    def saved(entry: _Entry) -> tuple[str, Array]:
        name = _KERAS_NAMES.get(entry.name, entry.name)
        if entry.name == "iterations":
            return f"{optimizer.name}/{name}", np.asarray(state["batches"], np.int64)
        if entry.weight is None:
            value = state["scalars"].get(entry.name, state.get(entry.name))
            return f"{optimizer.name}/{name}", np.asarray(value, np.float64)
        tensors = [state["state"][entry.name][places[id(one)]] for one in entry.weight.parameters]
        path = paths[entry.weight.owner, entry.weight.row.name].replace("/", "_")
        return f"{optimizer.name}/{path}_{name}", as_array(entry.weight.row.to_keras(*tensors))

    return [saved(entry) for entry in [*numbers, *(kept if optimizer.built else ())]]


def state_names(
    optimizer: Optimizer, model: Layer, names: Mapping[tuple[Any, str], str]
) -> tuple[list[str], list[str]]:
    """What Keras 3 calls the arrays of ``optimizer``: the numbers that stand in front, and the rest.

    Args:
        optimizer: built with the model's parameters.
        model: whose weights it trains.
        names: what the weights are called, by the layer that owns one and its name there.
    """
    if keeps_variables(optimizer):
        ours = [variable.path.replace("/", "_") for variable in model.trainable_variables]
        theirs = [names.get((weight.owner, weight.row.name), _NOWHERE) for weight in _trainable_weights(model)]
        weights = dict(zip(ours, theirs, strict=True))
        return [], [
            _with_another_weight(path.partition("/")[2] or path, weights) for path, _ in saved_variables(optimizer)
        ]

    def name(entry: _Entry) -> str:
        own = _KERAS_NAMES.get(entry.name, entry.name)
        return (
            own if entry.weight is None else f"{names.get((entry.weight.owner, entry.weight.row.name), _NOWHERE)}_{own}"
        )

    numbers, kept = _entries(optimizer, [*_trainable_weights(model)], Order.KERAS_3)
    return [*map(name, numbers)], [*map(name, kept)]


def _with_another_weight(name: str, weights: Mapping[str, str]) -> str:
    """``dense_kernel_momentum`` with the name that a file has for ``dense_kernel``."""
    ours = max((one for one in weights if name.startswith(f"{one}_")), key=len, default="")
    return weights[ours] + name.removeprefix(ours) if ours else name


def _weights(model: Layer) -> Iterator[_Weight]:
    """In the order of Keras' ``weights``."""
    for owner in model.weighted_layers():
        for row, tensor in owner.own_weights() if owner.has_weights() else ():
            yield _Weight(owner, row, tuple(tensor.shape))


def _trainable_weights(model: Layer) -> Iterator[_Weight]:
    """In the order of Keras' ``trainable_weights``."""
    return (weight for weight in _weights(model) if any(one.requires_grad for one in weight.parameters))


def _entries(optimizer: Optimizer, weights: Sequence[_Weight], order: Order) -> tuple[list[_Entry], list[_Entry]]:
    """The numbers that stand in front, and the rest."""
    groups = list(optimizer.state_groups)
    if order is not Order.KERAS_3 and isinstance(optimizer, SGD) and not optimizer.momentum:
        groups.append((_UNUSED,))
    if order is Order.LEGACY and not isinstance(optimizer, Ftrl):
        groups = [(name,) for name in chain(*groups)]
    kept = [_Entry(name, weight) for group in groups for weight in weights for name in group]
    numbers = [_Entry("iterations")]
    scalars = [_Entry(name) for name in optimizer.scalars]
    if order is Order.LEGACY:
        numbers += scalars
    if order is Order.KERAS_3:
        numbers += [_Entry("learning_rate")] * ("learning_rate" in optimizer.state_dict())
        kept += scalars
    return numbers, kept


def _check(optimizer: Optimizer, expected: Sequence[_Entry], arrays: Sequence[SavedArray]) -> None:
    what = f"The state of the optimizer does not fit the model's {type(optimizer).__name__}"
    if len(expected) != len(arrays):
        raise OtherWeights(
            f"{what}: {len(expected)} arrays are expected for its trainable weights, the file has {len(arrays)}. "
            "Layers may have been frozen or thawed since."
        )
    if (layer := _laid_out_by_cudnn(expected, arrays)) is not None:
        raise OtherWeights(f"{what}: layer `{layer}` was trained by cuDNN with two biases, where there is one here.")
    for entry, array in zip(expected, arrays, strict=True):
        if array.shape != entry.shape:
            raise ValueError(f"{what}: {entry} needs shape {entry.shape}, but `{array.path}` has {array.shape}.")
        if entry.name != "iterations" and "float" not in array.dtype:
            raise ValueError(f"{what}: {entry} needs floating-point numbers, but `{array.path}` holds {array.dtype}.")


def _laid_out_by_cudnn(expected: Sequence[_Entry], arrays: Sequence[SavedArray]) -> str | None:
    """The first layer of whose weights the file keeps arrays in cuDNN's layout."""
    kept: dict[tuple[Weighted, str], tuple[dict[str, tuple[int, ...]], dict[str, tuple[int, ...]]]] = {}
    for entry, array in zip(expected, arrays, strict=True):
        if entry.weight is not None:
            wanted, saved = kept.setdefault((entry.weight.owner, entry.name), ({}, {}))
            wanted[entry.weight.row.name], saved[entry.weight.row.name] = entry.shape, array.shape
    return next((owner.name for (owner, _), shapes in kept.items() if cudnn_layouts(*shapes)), None)


def _check_values(optimizer: Optimizer, entries: Sequence[_Entry], values: Sequence[Array]) -> None:
    """Raise for what no training leaves, such as an array that was another one's in a damaged file."""
    for entry, value in zip(entries, values, strict=True):
        if entry.name in NEVER_NEGATIVE and value.size and float(value.min()) < 0:
            raise ValueError(
                f"The state of the optimizer does not fit the model's {type(optimizer).__name__}: {entry} is never "
                f"negative, but the file has {float(value.min()):.6g}."
            )


def _put(optimizer: Optimizer, entries: Sequence[_Entry], values: Sequence[np.ndarray[Any, Any]]) -> None:
    places = {id(parameter): place for place, parameter in enumerate(optimizer.parameters)}
    state = optimizer.state_dict()
    for entry, value in zip(entries, values, strict=True):
        if entry.weight is None:
            number = cast(float, value.item())
            if entry.name == "iterations":
                state["batches"] = _count(number)
            else:
                (state["scalars"] if entry.name in state["scalars"] else state)[entry.name] = number
        elif entry.name != _UNUSED:
            for attribute, tensor in entry.weight.row.to_torch(torch.from_numpy(np.array(value))).items():
                state["state"][entry.name][places[id(entry.weight.owner._tensor_at(attribute))]] = tensor
    optimizer.load_state_dict(state)


def _count(number: float) -> int:
    """A number of batches, which some Kerases keep as a floating-point number."""
    if not (0 <= number <= _LARGEST_COUNT and number == int(number)):
        raise ValueError(f"The state of the optimizer has {number!r} for its `iterations`, which count its steps.")
    return int(number)
