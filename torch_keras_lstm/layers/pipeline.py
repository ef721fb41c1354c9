"""``keras.layers.Pipeline``."""

from collections.abc import Mapping, Sequence
from typing import Any, Self

from torch import nn

from torch_keras_lstm.layers.layer import Layer, Shape
from torch_keras_lstm.layers.serialization import deserialize, register, serialize


@register("keras.layers")
class Pipeline(Layer):
    """Layers one after the other, as of images that are prepared for a model.

    Args:
        layers: in order.
        name: of the layer.
        **kwargs: the other arguments of every layer; see :class:`Layer`.

    Raises:
        TypeError: when one is no layer.

    Example:
        >>> prepare = Pipeline([Resizing(4, 5), Rescaling(1 / 255)])
        >>> prepare(torch.ones(2, 7, 8, 3)).shape
        torch.Size([2, 4, 5, 3])
    """

    supports_masking = True

    def __init__(self, layers: Sequence[Layer], name: str | None = None, **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)
        for layer in layers:
            if not isinstance(layer, Layer):
                raise TypeError(f"`layers` of a Pipeline must be layers, got {layer!r:.200}.")
        self.layers = nn.ModuleList(layers)

    @property
    def built(self) -> bool:
        """Whether every layer is built."""
        return all(layer.built for layer in self._in_order())

    def build(self, input_shape: Any) -> None:
        """Build every layer, the first one for inputs of ``input_shape``."""
        for layer in self._in_order():
            with self.building():
                layer.build(input_shape)
            input_shape = layer.compute_output_shape(input_shape)

    def check_input_shape(self, shape: Shape) -> None:
        """What the layers take, they say themselves."""

    def forward(self, inputs: Any, training: bool | None = None) -> Any:
        """What the last layer gives; those that ask for ``training`` are told."""
        training = self.training if training is None else training
        for layer in self._in_order():
            inputs = layer(inputs, training=training) if "training" in layer.call_arguments else layer(inputs)
        return inputs

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shape behind the last layer."""
        for layer in self._in_order():
            input_shape = layer.compute_output_shape(input_shape)
        return input_shape

    def _in_order(self) -> list[Layer]:
        return [layer for layer in self.layers if isinstance(layer, Layer)]

    def get_config(self) -> dict[str, Any]:
        """The layers' configurations, and the name."""
        return {"name": self.name, "layers": [serialize(layer) for layer in self._in_order()]}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """A new pipeline of new layers."""
        return cls(**{**config, "layers": [deserialize(layer) for layer in config["layers"]]})
