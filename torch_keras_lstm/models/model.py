"""What the models share: layers that are reached by name."""

from pathlib import Path
from typing import cast

from torch import nn

from torch_keras_lstm.layers.layer import Layer
from torch_keras_lstm.training import Trainer


class Model(Trainer):
    """A layer made of layers.

    Attributes:
        layers: in Keras' order, which is that of ``get_weights`` too.
    """

    layers: nn.ModuleList

    @property
    def built(self) -> bool:
        """Whether every layer is built."""
        return all(cast(Layer, layer).built for layer in self.layers)

    def reset_states(self) -> None:
        """Forget the kept states of every stateful layer inside."""
        for module in self.modules():
            reset = getattr(module, "reset_state", None)
            if reset is not None:
                reset()

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """The layer of that name, or at that index.

        Raises:
            ValueError: when there is none.
        """
        if index is not None:
            if not -len(self.layers) <= index < len(self.layers):
                raise ValueError(f"Model `{self.name}` has {len(self.layers)} layers, there is none at index {index}.")
            return as_layer(self.layers[index])
        for layer in map(as_layer, self.layers):
            if layer.name == name:
                return layer
        names = ", ".join(as_layer(layer).name for layer in self.layers)
        raise ValueError(f"Model `{self.name}` has no layer {name!r}; it has {names}.")

    def load_weights(self, path: str | Path) -> None:
        """Take the weights of a Keras file; see :func:`torch_keras_lstm.conversion.load_weights`."""
        from torch_keras_lstm.models.saving import load_weights  # reading files is not what a model needs to run

        load_weights(self, path)


def as_layer(module: nn.Module) -> Layer:
    """The module as what it is: a ModuleList does not know what it holds."""
    return cast(Layer, module)
