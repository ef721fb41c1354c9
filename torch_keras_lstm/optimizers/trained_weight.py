"""A weight that an optimizer moves: one of Keras', which torch may hold in several parameters or in another layout."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from torch_keras_lstm.layers.weight import WeightRow


def _itself(tensor: Tensor) -> Tensor:
    return tensor


def _alone(array: Tensor) -> Sequence[Tensor]:
    return (array,)


@dataclass(frozen=True, eq=False)
class TrainedWeight:
    """One of Keras' weights.

    Attributes:
        name: the path to it, as ``clipnorm`` and ``exclude_from_weight_decay`` see it.
        parameters: what holds it.
        to_keras: the weight, in Keras' layout, of what the parameters hold.
        to_torch: what each parameter holds of an array in Keras' layout.
        keras_path: what ``path`` is, when that is not made of the name.
    """

    name: str
    parameters: tuple[Tensor, ...]
    to_keras: Callable[..., Tensor] = _itself
    to_torch: Callable[[Tensor], Sequence[Tensor]] = _alone
    keras_path: str = ""

    @property
    def path(self) -> str:
        """The names of the layers around it and its own, as Keras has them, with strokes between."""
        return self.keras_path or self.name.replace(".", "/")

    @property
    def shape(self) -> torch.Size:
        """The shape in Keras' layout."""
        return self.value.shape

    @property
    def dtype(self) -> torch.dtype:
        """The type."""
        return self.parameters[0].dtype

    @property
    def value(self) -> Tensor:
        """The weight of the moment in Keras' layout, without a gradient; a view where that can be."""
        return self.to_keras(*(parameter.detach() for parameter in self.parameters))

    def takes(self, other: "TrainedWeight") -> bool:
        """Whether the parameters of another may be further parts of this one."""
        return self.parameters[0].shape == other.parameters[0].shape

    @torch.no_grad()
    def assign(self, array: Tensor) -> None:
        """Write ``array``, in Keras' layout, into the parameters."""
        for parameter, part in zip(self.parameters, self.to_torch(array), strict=True):
            parameter.copy_(part)


def as_weights(given: Iterable[Any]) -> list[TrainedWeight]:
    """The weights among what an optimizer is built with.

    Args:
        given: weights, parameters, variables of a model, or pairs of a name and a parameter; parameters of one shape
            that follow each other under one name are parts of one weight, stacked.
    """
    found: list[TrainedWeight] = []
    for index, entry in enumerate(given):
        weight = _as_weight(index, entry)
        if isinstance(entry, tuple) and found and found[-1].name == weight.name and found[-1].takes(weight):
            parts = (*found[-1].parameters, *weight.parameters)
            found[-1] = TrainedWeight(weight.name, parts, _stacked, torch.unbind)
        else:
            found.append(weight)
    return found


def _stacked(*tensors: Tensor) -> Tensor:
    return torch.stack(tensors)


def _as_weight(index: int, entry: Any) -> TrainedWeight:
    if isinstance(entry, TrainedWeight):
        return entry
    if isinstance(entry, tuple):
        return TrainedWeight(str(entry[0]), (entry[1],))
    name = getattr(entry, "path", None) or getattr(entry, "name", None) or index
    row = getattr(entry, "_row", None)
    if row is not None:  # a layer's weight in Keras' layout
        return of_row(str(name), row, entry.parameters)
    return TrainedWeight(str(name), (entry if isinstance(entry, Tensor) else entry.value,))


def of_row(name: str, row: WeightRow, parameters: tuple[Tensor, ...], keras_path: str = "") -> TrainedWeight:
    """The weight that a row of a layer's table describes."""
    return TrainedWeight(name, parameters, row.to_keras, partial(_in_torch, row), keras_path)


def _in_torch(row: WeightRow, array: Tensor) -> Sequence[Tensor]:
    return [*row.to_torch(array).values()]
