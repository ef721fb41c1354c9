"""The weights that a model has, and how each is reached in it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from torch_keras_lstm.conversion.shared_layers import WeightKey
from torch_keras_lstm.layers import Layer
from torch_keras_lstm.layers.weight import UnbuiltParameter, WeightRow


@dataclass(frozen=True)
class Slot:
    """A weight that a model has.

    Attributes:
        layer: the name of the layer in the model.
        path: the attributes that lead from it to the layer that owns the weight, such as ``("forward_layer",)``.
        owner: the name of that layer.
        scopes: the names of the layers on the way from it to the owner, both included.
        row: the weight in its owner's table.
        shape: in Keras' layout.
    """

    layer: str
    path: tuple[str, ...]
    owner: str
    scopes: tuple[str, ...]
    row: WeightRow
    shape: tuple[int, ...]

    def __str__(self) -> str:
        inside = f" (`{'.'.join(self.path)}` of `{self.layer}`)" if self.path else ""
        return f"weight `{self.row.name}` of layer `{self.owner}`{inside}"


def slots(layers: Sequence[Layer]) -> Iterator[Slot]:
    """Every weight of built layers, in the order of Keras' ``get_weights``; their values are not looked at.

    Raises:
        ValueError: for a layer that is not built, as one to which no input of a damaged graph leads.
    """
    for layer in layers:
        for path, owner in layer.named_modules():
            if isinstance(owner, Layer):
                attributes = tuple(filter(None, path.split(".")))
                scopes = tuple(_scopes(layer, attributes))
                if any(isinstance(one, UnbuiltParameter) for one in owner.parameters(recurse=False)):
                    raise ValueError(f"Layer `{owner.name}` is not on the way from the model's inputs to its outputs.")
                for row, tensor in owner.own_weights():
                    yield Slot(layer.name, attributes, owner.name, scopes, row, tuple(tensor.shape))


def _scopes(layer: Layer, path: Sequence[str]) -> Iterator[str]:
    """The names of the layers that the attributes ``path`` lead through."""
    module: Any = layer
    for attribute in ("", *path):
        module = getattr(module, attribute) if attribute else module
        if isinstance(module, Layer):
            yield module.name


def key_of(slot: Slot) -> WeightKey:
    """What tells a weight from all others of the model."""
    return slot.layer, slot.path, slot.row.name
